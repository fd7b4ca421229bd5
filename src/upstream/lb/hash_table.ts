/** What ring and maglev share: how a table is asked, and by which text a host is placed in it. */

import { formatAddress } from "../../base/mod.ts";
import { binaryText } from "../../matching/mod.ts";
import type { StatGroup } from "../../stats/mod.ts";
import type { UpstreamHost } from "../host.ts";
import type { TableData } from "../resource.ts";
import type { WeightedHosts } from "./hash_weights.ts";

/** Hosts by hash; never changes once built. */
export interface HashTable {
  /**
   * The host of a 64-bit hash, given as two unsigned halves.
   * @param attempt 0, or how often a host of this request was turned down
   */
  choose(high: number, low: number, attempt: number): UpstreamHost | undefined;
}

/** How a policy lays out its tables and reads them, its own or main's. */
export interface TableKind {
  /** Tells the sizes to `stats` where there are any. */
  layOut(hosts: WeightedHosts, stats: StatGroup | undefined): TableData;
  /** @param hosts all of the priority, as the table's indices mean them */
  open(data: TableData, hosts: readonly UpstreamHost[]): HashTable;
}

/** Numbers that all threads may read. */
export function sharedNumbers(count: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(count * Uint32Array.BYTES_PER_ELEMENT));
}

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
