/** DNS caches as a worker sees them: what main told of names, and who waits for more. */

import type { Scope, StatGroup } from "../../stats/mod.ts";
import type {
  DnsCacheEntry,
  DnsCacheNews,
  DnsCacheOptions,
  DnsCacheResource,
  DnsCacheService,
  DnsCacheView,
  DnsLoad,
  DnsWaiter,
} from "./api.ts";
import { DnsCacheMemory } from "./memory.ts";
import { isTooLong, withPort } from "./names.ts";
import { DNS_CACHE_STAT as STAT, DNS_CACHE_STATS } from "./stats.ts";

/** What a worker asks of main. */
export type DnsQuestion =
  | { readonly kind: "declare"; readonly options: DnsCacheOptions }
  | {
    readonly kind: "load";
    readonly cache: string;
    readonly host: string;
    readonly port: number;
  };

/** What a worker's caches get from its thread. */
export interface WorkerDnsCachesParts {
  readonly scope: Scope;
  /** Index of the worker. */
  readonly thread: number;
  readonly ask: (question: DnsQuestion) => void;
}

class WorkerDnsCache implements DnsCacheView {
  readonly #options: DnsCacheOptions;
  readonly #memory: DnsCacheMemory;
  readonly #stats: StatGroup;
  readonly #ask: (question: DnsQuestion) => void;
  readonly #entries = new Map<string, DnsCacheEntry>();
  readonly #waiting = new Map<string, Set<DnsWaiter>>();

  constructor(resource: DnsCacheResource, parts: WorkerDnsCachesParts) {
    const { options, buffer, entries } = resource;
    this.#options = options;
    this.#memory = new DnsCacheMemory(buffer, parts.thread);
    this.#stats = parts.scope.scope("dns_cache").scope(options.name).group(DNS_CACHE_STATS);
    this.#ask = parts.ask;
    for (const entry of entries) this.#entries.set(entry.host, entry);
  }

  tryRequest(): boolean {
    if (this.#memory.tryPending(this.#options.maxPendingRequests)) return true;
    this.#stats.inc(STAT.pendingOverflow);
    return false;
  }

  releaseRequest(): void {
    this.#memory.releasePending();
  }

  load(host: string, defaultPort: number, waiter: DnsWaiter): DnsLoad {
    const key = withPort(host, defaultPort);
    const entry = this.#entries.get(key);
    if (entry !== undefined && (entry.state === "resolved" || this.#options.refreshesOnFailure)) {
      return { status: "in_cache", entry };
    }
    // A megabyte of such names would be kept for minutes, each known to lead nowhere.
    if (isTooLong(host)) return { status: "in_cache", entry: misformatted(key) };
    const isKnown = entry !== undefined;
    if (!isKnown && this.#memory.hosts >= this.#options.maxHosts && !this.#waiting.has(key)) {
      this.#stats.inc(STAT.hostOverflow);
      return { status: "overflow" };
    }
    return { status: "loading", handle: this.#wait(key, defaultPort, waiter) };
  }

  hear({ removed, entries }: DnsCacheNews): void {
    for (const key of removed) this.#entries.delete(key);
    for (const entry of entries) {
      const waiters = this.#waiting.get(entry.host) ?? new Set<DnsWaiter>();
      this.#waiting.delete(entry.host);
      if (entry.state === "overflow") this.#stats.add(STAT.hostOverflow, waiters.size);
      else this.#entries.set(entry.host, entry);
      for (const waiter of waiters) waiter.onDnsEntry(entry);
    }
  }

  #wait(key: string, port: number, waiter: DnsWaiter): { cancel(): void } {
    let waiters = this.#waiting.get(key);
    if (waiters === undefined) {
      waiters = new Set();
      this.#waiting.set(key, waiters);
      this.#ask({ kind: "load", cache: this.#options.name, host: key, port });
    }
    const all = waiters;
    all.add(waiter);
    // The name stays waited for: its answer is under way.
    return { cancel: () => void all.delete(waiter) };
  }
}

function misformatted(host: string): DnsCacheEntry {
  const details = "cares_failure:Misformatted_domain_name";
  return { host, state: "failed", address: undefined, details };
}

/** The caches that main told this worker of, by name. */
export class WorkerDnsCaches implements DnsCacheService {
  readonly #parts: WorkerDnsCachesParts;
  readonly #caches = new Map<string, WorkerDnsCache>();

  constructor(parts: WorkerDnsCachesParts) {
    this.#parts = parts;
  }

  declare(options: DnsCacheOptions): void {
    if (!this.#caches.has(options.name)) this.#parts.ask({ kind: "declare", options });
  }

  get(name: string): DnsCacheView | undefined {
    return this.#caches.get(name);
  }

  apply(resource: DnsCacheResource): void {
    const { name } = resource.options;
    if (!this.#caches.has(name)) this.#caches.set(name, new WorkerDnsCache(resource, this.#parts));
  }

  hear(news: DnsCacheNews): void {
    this.#caches.get(news.cache)?.hear(news);
  }
}
