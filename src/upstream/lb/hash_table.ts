/** What ring and maglev share: how a table is asked, and by which text a host is placed in it. */

import { formatAddress } from "../../base/mod.ts";
import { binaryText } from "../../matching/mod.ts";
import type { StatGroup } from "../../stats/mod.ts";
import type { UpstreamHost } from "../host.ts";
import type { WeightedHosts } from "./hash_weights.ts";

/** Hosts by hash; never changes once built. */
export interface HashTable {
  /**
   * The host of a 64-bit hash, given as two unsigned halves.
   * @param attempt 0, or how often a host of this request was turned down
   */
  choose(high: number, low: number, attempt: number): UpstreamHost | undefined;
}

/** Builds a table, and tells its sizes to `stats` where there are any. */
export type BuildTable = (hosts: WeightedHosts, stats: StatGroup | undefined) => HashTable;

/** A byte string: `hash_key` of the endpoint's `envoy.lb` metadata, its hostname or its address. */
export function hashKey(host: UpstreamHost, usesHostname: boolean): string {
  const values = host.metadata?.["envoy.lb"] as { readonly hash_key?: unknown } | undefined;
  const key = values?.hash_key;
  if (typeof key === "string" && key !== "") return binaryText(key);
  return binaryText(usesHostname ? host.hostname : formatAddress(host.address));
}

/** The remainder of a 64-bit number in two halves; `size` is below 2^26, so products stay exact. */
export function remainder(high: number, low: number, size: number): number {
  return ((high % size) * (4294967296 % size) + low % size) % size;
}
