/**
 * What a DNS cache is to main, which resolves, and to workers, which wait: its options, and what the
 * threads say to each other of it. All but the interfaces is structured-clonable.
 */

import type { Address } from "../../base/mod.ts";
import type { LookupFamily, ResolverOptions } from "../main/discovery.ts";

/** A DnsCacheConfig compiled; times in milliseconds. */
export interface DnsCacheOptions {
  readonly name: string;
  readonly family: LookupFamily;
  /** Until the next look-up of a name that has no addresses. */
  readonly refreshMs: number;
  /** No TTL makes a look-up come sooner. */
  readonly minRefreshMs: number;
  /** A name that nobody asked for this long is forgotten. */
  readonly hostTtlMs: number;
  /** Names that the cache holds at most, whatever clients ask for. */
  readonly maxHosts: number;
  readonly failureBaseMs: number;
  readonly failureMaxMs: number;
  /** Whether a failed name is asked for again by itself; else only with the next request. */
  readonly refreshesOnFailure: boolean;
  /** Requests that may wait for answers, over all workers. */
  readonly maxPendingRequests: number;
  /** 0: as long as the resolver takes. */
  readonly queryTimeoutMs: number;
  readonly resolver: ResolverOptions;
  /** Names to look up before anybody asks. */
  readonly preresolve: readonly { readonly host: string; readonly port: number }[];
}

/** What is known of one name. */
export interface DnsCacheEntry {
  /** Name with port, as asked for. */
  readonly host: string;
  /** `overflow`: the cache is full and does not know the name. */
  readonly state: "resolved" | "failed" | "overflow";
  /** The first address, where the name is resolved. */
  readonly address: Address | undefined;
  /** Why not, as in `cares_norecords:Domain_name_not_found`. */
  readonly details: string;
}

/** A cache as a worker gets it. */
export interface DnsCacheResource {
  readonly options: DnsCacheOptions;
  /** See memory.ts. */
  readonly buffer: SharedArrayBuffer;
  readonly entries: readonly DnsCacheEntry[];
}

/** What changed in a cache: what went, then what came. */
export interface DnsCacheNews {
  readonly cache: string;
  readonly removed: readonly string[];
  readonly entries: readonly DnsCacheEntry[];
}

/** Hears of the name it waits for, once. */
export interface DnsWaiter {
  onDnsEntry(entry: DnsCacheEntry): void;
}

/** The answer to a request for a name. */
export type DnsLoad =
  | { readonly status: "in_cache"; readonly entry: DnsCacheEntry }
  | { readonly status: "loading"; readonly handle: DnsLoadHandle }
  | { readonly status: "overflow" };

/** A name that is waited for. */
export interface DnsLoadHandle {
  cancel(): void;
}

/** One cache on a worker. */
export interface DnsCacheView {
  /** Takes one of the places of waiting requests, counting a refusal; needs its `releaseRequest`. */
  tryRequest(): boolean;
  releaseRequest(): void;
  /** @param defaultPort for a host that names none */
  load(host: string, defaultPort: number, waiter: DnsWaiter): DnsLoad;
}

/** The DNS caches of one thread: the service `dns_caches`. */
export interface DnsCacheService {
  /** Tells main of a cache that a filter uses. */
  declare(options: DnsCacheOptions): void;
  /** Undefined until main has made it. */
  get(name: string): DnsCacheView | undefined;
}

/** A name as a cluster takes it for its host. */
export interface DynamicHost {
  /** Name with port. */
  readonly name: string;
  /** At least one. */
  readonly addresses: readonly Address[];
}

/** A cluster that takes its hosts from a cache, on main. */
export interface DynamicHostWatcher {
  onHosts(hosts: readonly DynamicHost[]): void;
  /** A number that grows whenever the host is used. */
  useCount(name: string): number;
}
