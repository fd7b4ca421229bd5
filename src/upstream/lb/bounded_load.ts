/**
 * Consistent hashing with bounded loads (https://arxiv.org/abs/1608.01350): a host above its share
 * of the requests under way hands the excess to others, always in the order that the hash gives.
 */

import { MersenneTwister } from "./mersenne_twister.ts";
import type { UpstreamHost } from "../host.ts";
import type { HashTable } from "./hash_table.ts";
import type { WeightedHosts } from "./hash_weights.ts";

/** A hash table whose hosts hold at most `factorPct` percent of the mean load. */
export class BoundedLoadTable implements HashTable {
  readonly #table: HashTable;
  readonly #hosts: WeightedHosts;
  readonly #weights: ReadonlyMap<UpstreamHost, number>;
  readonly #factorPct: number;
  readonly #activeRequests: () => number;

  constructor(
    table: HashTable,
    hosts: WeightedHosts,
    options: { readonly factorPct: number; readonly activeRequests: () => number },
  ) {
    this.#table = table;
    this.#hosts = hosts;
    this.#weights = new Map(hosts.hosts.map((host, i) => [host, hosts.weights[i]!]));
    this.#factorPct = options.factorPct;
    this.#activeRequests = options.activeRequests;
  }

  choose(high: number, low: number, attempt: number): UpstreamHost | undefined {
    const host = this.#table.choose(high, low, attempt);
    if (host === undefined) return undefined;
    const slots = Math.floor(((this.#activeRequests() + 1) * this.#factorPct + 99) / 100);
    const overload = overloadOf(host, slots, this.#weights.get(host)!);
    return overload <= 1 ? host : this.#chooseOther(low, { host, overload, slots });
  }

  /** The first of the shuffled hosts that has room, or the one with the least excess. */
  #chooseOther(
    seed: number,
    first: { readonly host: UpstreamHost; readonly overload: number; readonly slots: number },
  ): UpstreamHost {
    const { hosts, weights } = this.#hosts;
    const random = new MersenneTwister(seed);
    const order = Uint32Array.from(hosts, (_, i) => i);
    let least = first.host;
    let leastOverload = first.overload;
    for (let i = 0; i < order.length; i++) {
      const j = i + random.below(order.length - i);
      const at = order[j]!;
      order[j] = order[i]!;
      order[i] = at;
      const host = hosts[at]!;
      if (host === first.host) continue;
      const overload = overloadOf(host, first.slots, weights[at]!);
      if (overload <= 1) return host;
      if (overload < leastOverload) {
        least = host;
        leastOverload = overload;
      }
    }
    return least;
  }
}

/** Above 1 for a host that has more requests under way than its share of the slots. */
function overloadOf(host: UpstreamHost, slots: number, weight: number): number {
  return host.totalActiveRequests() / Math.max(1, Math.ceil(slots * weight));
}
