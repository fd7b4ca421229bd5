/**
 * Priority, then the hash table of that priority: Envoy's ThreadAwareLoadBalancerBase. Tables are
 * built when hosts or their health change, never for a request.
 */

import type { LoadBalancerContext } from "../api.ts";
import { type StatGroup, type StatTemplate } from "../../stats/mod.ts";
import { clusterStat } from "../cluster_stats.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { TableData } from "../resource.ts";
import { BoundedLoadTable } from "./bounded_load.ts";
import { type HashTable, remainder, type TableKind } from "./hash_table.ts";
import { type WeightedHosts, weightHosts } from "./hash_weights.ts";
import type { Balancer, BalancerOptions, HashingOptions, LbPolicy } from "./policy.ts";
import {
  choosePriority,
  EMPTY_LOAD,
  panicThreshold,
  type PriorityChoice,
  type PriorityLoad,
  priorityLoad,
} from "./priority_load.ts";

const HEALTHY_PANIC = clusterStat("lb_healthy_panic");
const LOW_BITS = 0xffffffffn;

/** A policy that places hosts in a table by their hashes. */
export interface HashPolicyOptions {
  /** Scope of its gauges under the cluster's. */
  readonly statPrefix: string;
  readonly statTemplate: StatTemplate;
  readonly kind: TableKind;
  readonly hashing: HashingOptions;
  readonly usesLocalityWeights: boolean;
}

/** A policy whose tables stand behind the choice of a priority. */
export function behindHash(policy: HashPolicyOptions): LbPolicy {
  return { createBalancer: (options) => new HashBalancer(policy, options) };
}

/** Chooses a host by the request's hash, or by chance for a request without one. */
export class HashBalancer implements Balancer {
  readonly #policy: HashPolicyOptions;
  readonly #options: BalancerOptions;
  readonly #stats: StatGroup | undefined;
  #load: PriorityLoad = EMPTY_LOAD;
  #tables: readonly HashTable[] = [];
  #data: readonly TableData[] = [];
  readonly #choice: PriorityChoice = { priority: 0, isDegraded: false };

  constructor(policy: HashPolicyOptions, options: BalancerOptions) {
    this.#policy = policy;
    this.#options = options;
    this.#stats = options.isMain
      ? options.scope.scope(policy.statPrefix).group(policy.statTemplate)
      : undefined;
  }

  get tables(): readonly TableData[] {
    return this.#data;
  }

  refresh(sets: readonly HostSet[], shared?: readonly TableData[]): void {
    const load = priorityLoad(sets, panicThreshold(this.#options));
    this.#load = load;
    const data: TableData[] = [];
    this.#tables = sets.map((set, i) => {
      const places = new Places(set, load.panic[i]!, this.#usesLocalities);
      data.push(shared?.[i] ?? this.#policy.kind.layOut(places.weighted, this.#stats));
      return this.#open(data[i]!, places);
    });
    this.#data = data;
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const hash = context?.hash();
    const { random } = this.#options.dispatcher;
    const isHashed = hash !== undefined;
    const wide = typeof hash === "number" ? BigInt(hash) : hash ?? 0n;
    const high = isHashed ? Number(wide >> 32n) : random.below(4294967296);
    const low = isHashed ? Number(wide & LOW_BITS) : random.below(4294967296);
    choosePriority(this.#load, remainder(high, low, 100), this.#choice);
    const { priority } = this.#choice;
    if (this.#load.panic[priority] === true) this.#options.stats.inc(HEALTHY_PANIC);
    const table = this.#tables[priority];
    if (table === undefined) return undefined;
    const attempts = (context?.hostSelectionRetryCount ?? 0) + 1;
    let host: UpstreamHost | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      host = table.choose(high, low, attempt);
      if (host === undefined || context?.shouldSelectAnotherHost(host) !== true) return host;
    }
    return host;
  }

  get #usesLocalities(): boolean {
    return this.#policy.usesLocalityWeights || this.#options.locality.usesWeights;
  }

  #open(data: TableData, places: Places): HashTable {
    const { kind, hashing } = this.#policy;
    const table = kind.open(data, places.set.hosts);
    const factorPct = hashing.hashBalanceFactor ?? 0;
    if (factorPct === 0) return table;
    const { activeRequests } = this.#options;
    return new BoundedLoadTable(table, places.weighted, { factorPct, activeRequests });
  }
}

/** The hosts of a priority with their shares, weighed when they are first wanted. */
class Places {
  readonly set: HostSet;
  readonly #usesAll: boolean;
  readonly #usesLocalities: boolean;
  #weighted: WeightedHosts | undefined;

  constructor(set: HostSet, usesAll: boolean, usesLocalities: boolean) {
    this.set = set;
    this.#usesAll = usesAll;
    this.#usesLocalities = usesLocalities;
  }

  get weighted(): WeightedHosts {
    return this.#weighted ??= weightHosts(this.set, {
      usesAll: this.#usesAll,
      usesLocalities: this.#usesLocalities,
    });
  }
}
