/**
 * Maglev: every host fills a table along its own permutation of the places, so that tables differ
 * little when hosts come and go (https://research.google/pubs/pub44824). Laid out bit for bit as
 * in Envoy (source/extensions/load_balancing_policies/maglev/maglev_lb.cc).
 */

import { xxHash64 } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_MaglevLbConfig,
  envoy_extensions_load_balancing_policies_maglev_v3_Maglev,
} from "../../proto/mod.ts";
import { type StatGroup, statTemplate } from "../../stats/mod.ts";
import type { UpstreamHost } from "../host.ts";
import { behindHash } from "./hash_balancer.ts";
import { hashingOf } from "./hash_config.ts";
import { hashKey, type HashTable, remainder, sharedNumbers } from "./hash_table.ts";
import type { WeightedHosts } from "./hash_weights.ts";
import type { TableData } from "../resource.ts";
import type { LbPolicyFactory } from "./policy.ts";

type Message =
  | envoy_extensions_load_balancing_policies_maglev_v3_Maglev
  | envoy_config_cluster_v3_Cluster_MaglevLbConfig;

const STATS = statTemplate("", "max_entries_per_host min_entries_per_host");
const STAT = { maxEntries: 0, minEntries: 1 } as const;
const TABLE_SIZE = 65537;
const FREE = 0xffffffff;

class MaglevTable implements HashTable {
  readonly #hosts: readonly UpstreamHost[];
  /** Index into `#hosts` by place. */
  readonly #owners: Uint32Array<SharedArrayBuffer>;

  constructor({ owners }: TableData, hosts: readonly UpstreamHost[]) {
    this.#hosts = hosts;
    this.#owners = owners;
  }

  choose(high: number, low: number, attempt: number): UpstreamHost | undefined {
    const size = this.#owners.length;
    if (size === 0) return undefined;
    // A retry turns over nearly all bits, for a place far away.
    const place = attempt === 0
      ? remainder(high, low, size)
      : remainder((high ^ 0xffffffff) >>> 0, (low ^ -attempt) >>> 0, size);
    return this.#hosts[this.#owners[place]!];
  }
}

/** One host as it fills the table. */
interface Filler {
  readonly key: string;
  /** Among all hosts of the priority. */
  readonly index: number;
  readonly weight: number;
  /** Its next place, and the step to the one after. */
  place: number;
  readonly skip: number;
  /** It waits for its turn until the rounds times its weight reach this. */
  due: number;
  count: number;
}

function layOut(
  { hosts, indices, weights, maxWeight }: WeightedHosts,
  options: { readonly size: number; readonly usesHostname: boolean },
  stats: StatGroup | undefined,
): TableData {
  const size = hosts.length === 0 ? 0 : options.size;
  const owners = sharedNumbers(size);
  const fillers = hosts.map((host, i) =>
    fillerOf(hashKey(host, options.usesHostname), {
      index: indices[i]!,
      weight: weights[i]!,
      size,
    })
  );
  // The order of filling decides; it must not depend on the order of endpoints.
  fillers.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  owners.fill(FREE);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (let i = 0; i < fillers.length && filled < size; i++) {
      const filler = fillers[i]!;
      if (round * filler.weight < filler.due) continue;
      filler.due += maxWeight;
      while (owners[filler.place] !== FREE) advance(filler, size);
      owners[filler.place] = filler.index;
      advance(filler, size);
      filler.count++;
      filled++;
    }
  }
  if (size > 0) {
    stats?.set(STAT.minEntries, fillers.reduce((least, { count }) => Math.min(least, count), size));
    stats?.set(STAT.maxEntries, fillers.reduce((most, { count }) => Math.max(most, count), 0));
  }
  return { owners, high: undefined, low: undefined };
}

function fillerOf(
  key: string,
  { index, weight, size }: {
    readonly index: number;
    readonly weight: number;
    readonly size: number;
  },
): Filler {
  const wide = BigInt(size);
  return {
    key,
    index,
    weight,
    place: Number(xxHash64(key) % wide),
    skip: Number(xxHash64(key, 1n) % (wide - 1n)) + 1,
    due: 0,
    count: 0,
  };
}

function advance(filler: Filler, size: number): void {
  const next = filler.place + filler.skip;
  filler.place = next < size ? next : next - size;
}

export const maglev: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.maglev",
  type: "envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
  legacy: 5,
  legacyConfig: "maglevLbConfig",
  compile(message, context) {
    const config = message as Message | undefined;
    const { hashing, usesLocalityWeights } = hashingOf(config, context);
    const options = {
      size: Number(config?.tableSize ?? TABLE_SIZE),
      usesHostname: hashing.useHostnameForHashing,
    };
    return behindHash({
      statPrefix: "maglev_lb",
      statTemplate: STATS,
      kind: {
        layOut: (hosts, stats) => layOut(hosts, options, stats),
        open: (data, hosts) => new MaglevTable(data, hosts),
      },
      hashing,
      usesLocalityWeights,
    });
  },
};
