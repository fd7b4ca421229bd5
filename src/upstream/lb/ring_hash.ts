/**
 * Ketama: each host has many places on a ring of hashes, and a request goes to the first place at
 * or after its own. Laid out bit for bit as in Envoy
 * (source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc).
 */

import { xxHash64 } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_RingHashLbConfig,
  envoy_extensions_load_balancing_policies_ring_hash_v3_RingHash,
} from "../../proto/mod.ts";
import { type StatGroup, statTemplate } from "../../stats/mod.ts";
import type { UpstreamHost } from "../host.ts";
import { behindHash } from "./hash_balancer.ts";
import { hashingOf } from "./hash_config.ts";
import { hashKey, type HashTable, sharedNumbers } from "./hash_table.ts";
import type { WeightedHosts } from "./hash_weights.ts";
import { murmurHash2 } from "./murmur_hash2.ts";
import type { TableData } from "../resource.ts";
import type { LbPolicyFactory } from "./policy.ts";

type Typed = envoy_extensions_load_balancing_policies_ring_hash_v3_RingHash;
type Message = Typed | envoy_config_cluster_v3_Cluster_RingHashLbConfig;

const STATS = statTemplate("", "max_hashes_per_host min_hashes_per_host size");
const STAT = { maxHashes: 0, minHashes: 1, size: 2 } as const;
const MIN_RING_SIZE = 1024;
const MAX_RING_SIZE = 8 * 1024 * 1024;
const LOW_BITS = 0xffffffffn;
/** `RingHash.HashFunction` of the typed policy; the older field counts from 0. */
const TYPED_MURMUR_HASH_2 = 2;
const LEGACY_MURMUR_HASH_2 = 1;

interface RingOptions {
  readonly minSize: number;
  readonly maxSize: number;
  readonly hash: (key: string) => bigint;
  readonly usesHostname: boolean;
}

/** Places in order of their hashes, in parallel arrays of halves. */
class Ring implements HashTable {
  readonly #hosts: readonly UpstreamHost[];
  readonly #high: Uint32Array<SharedArrayBuffer>;
  readonly #low: Uint32Array<SharedArrayBuffer>;
  /** Index into `#hosts` by place. */
  readonly #owners: Uint32Array<SharedArrayBuffer>;

  constructor({ owners, high, low }: TableData, hosts: readonly UpstreamHost[]) {
    this.#hosts = hosts;
    this.#owners = owners;
    this.#high = high!;
    this.#low = low!;
  }

  choose(high: number, low: number, attempt: number): UpstreamHost | undefined {
    const size = this.#owners.length;
    if (size === 0) return undefined;
    let from = 0;
    let to = size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const placeHigh = this.#high[middle]!;
      const isBefore = placeHigh < high || (placeHigh === high && this.#low[middle]! < low);
      if (isBefore) from = middle + 1;
      else to = middle;
    }
    // Past the last place the ring begins anew; a retry goes on from there.
    return this.#hosts[this.#owners[(from + attempt) % size]!];
  }
}

/** Shares that are no whole number of places are rounded in a running sum, so none is lost. */
function layOut(
  { hosts, indices, weights, minWeight }: WeightedHosts,
  options: RingOptions,
  stats: StatGroup | undefined,
): TableData {
  if (hosts.length === 0) return inOrder(new BigUint64Array(0), []);
  const scale = Math.min(Math.ceil(minWeight * options.minSize) / minWeight, options.maxSize);
  const size = Math.ceil(scale);
  const hashes: bigint[] = [];
  const owners: number[] = [];
  let [target, least, most] = [0, size, 0];
  hosts.forEach((host, i) => {
    const prefix = `${hashKey(host, options.usesHostname)}_`;
    target += scale * weights[i]!;
    let places = 0;
    while (hashes.length < target) {
      hashes.push(options.hash(prefix + places++));
      owners.push(indices[i]!);
    }
    least = Math.min(least, places);
    most = Math.max(most, places);
  });
  stats?.set(STAT.size, size);
  stats?.set(STAT.minHashes, least);
  stats?.set(STAT.maxHashes, most);
  return inOrder(BigUint64Array.from(hashes), owners);
}

/** Of equal hashes the first that was placed comes first. */
function inOrder(hashes: BigUint64Array, owners: readonly number[]): TableData {
  const size = hashes.length;
  const order = Uint32Array.from(hashes, (_, i) => i);
  order.sort((a, b) => hashes[a]! < hashes[b]! ? -1 : hashes[a]! > hashes[b]! ? 1 : a - b);
  const data = {
    owners: sharedNumbers(size),
    high: sharedNumbers(size),
    low: sharedNumbers(size),
  };
  order.forEach((from, to) => {
    data.high[to] = Number(hashes[from]! >> 32n);
    data.low[to] = Number(hashes[from]! & LOW_BITS);
    data.owners[to] = owners[from]!;
  });
  return data;
}

export const ringHash: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.ring_hash",
  type: "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash",
  legacy: 2,
  legacyConfig: "ringHashLbConfig",
  compile(message, context) {
    const config = message as Message | undefined;
    const { hashing, usesLocalityWeights } = hashingOf(config, context);
    const murmur = config?.$typeName.startsWith("envoy.config.") === true
      ? LEGACY_MURMUR_HASH_2
      : TYPED_MURMUR_HASH_2;
    const options: RingOptions = {
      minSize: Number(config?.minimumRingSize ?? MIN_RING_SIZE),
      maxSize: Number(config?.maximumRingSize ?? MAX_RING_SIZE),
      hash: config?.hashFunction === murmur ? murmurHash2 : xxHash64,
      usesHostname: hashing.useHostnameForHashing,
    };
    return behindHash({
      statPrefix: "ring_hash_lb",
      statTemplate: STATS,
      kind: {
        layOut: (hosts, stats) => layOut(hosts, options, stats),
        open: (data, hosts) => new Ring(data, hosts),
      },
      hashing,
      usesLocalityWeights,
    });
  },
};
