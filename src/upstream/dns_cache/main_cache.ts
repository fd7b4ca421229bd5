/**
 * One DNS cache on main: its names, bounded in number, and who is told of them. News go out at most
 * once a turn, and the more names there are the more seldom, so that a client that asks for ever
 * new names costs main and workers no more than a small part of their time.
 */

import type { Dispatcher, Timer } from "../../base/mod.ts";
import type { Scope, StatGroup } from "../../stats/mod.ts";
import type { DnsResolver } from "../dns/resolver.ts";
import type {
  DnsCacheEntry,
  DnsCacheNews,
  DnsCacheOptions,
  DnsCacheResource,
  DynamicHost,
  DynamicHostWatcher,
} from "./api.ts";
import { CachedName, type CachedNameContext, type CachedNameEvents } from "./cached_name.ts";
import { DnsCacheMemory } from "./memory.ts";
import { withPort } from "./names.ts";
import { DNS_BREAKER_GAUGES, DNS_CACHE_STAT as STAT, DNS_CACHE_STATS } from "./stats.ts";

/** What a cache gets from its owner. */
export interface MainDnsCacheParts {
  readonly dispatcher: Dispatcher;
  readonly scope: Scope;
  readonly resolver: DnsResolver;
  /** Workers and main. */
  readonly threads: number;
  /** News for one worker, or for all of them. */
  readonly onNews: (news: DnsCacheNews, worker: number | undefined) => void;
}

/** Publishing hosts costs about 10 µs a name over all threads: a tenth of the time at most. */
const NAMES_PER_MS = 10;
const OUTCOME = {
  success: STAT.querySuccess,
  failure: STAT.queryFailure,
  timeout: STAT.queryTimeout,
} as const;

/** Looks names up for all threads, once each, and keeps them while they are used. */
export class MainDnsCache implements CachedNameEvents {
  readonly options: DnsCacheOptions;
  readonly #parts: MainDnsCacheParts;
  readonly #context: CachedNameContext;
  readonly #buffer: SharedArrayBuffer;
  readonly #memory: DnsCacheMemory;
  readonly #stats: StatGroup;
  readonly #breaker: StatGroup;
  readonly #names = new Map<string, CachedName>();
  readonly #watchers = new Set<DynamicHostWatcher>();
  /** Not told yet. */
  readonly #changed = new Set<CachedName>();
  #removed: string[] = [];
  #hasNewHosts = false;
  #isNewsDue = false;
  #nextNewsMs = 0;
  readonly #newsTimer: Timer;

  constructor(options: DnsCacheOptions, parts: MainDnsCacheParts) {
    const { dispatcher, resolver } = parts;
    this.options = options;
    this.#parts = parts;
    this.#context = { options, dispatcher, resolver, events: this };
    this.#buffer = DnsCacheMemory.allocate(parts.threads);
    this.#memory = new DnsCacheMemory(this.#buffer, 0);
    const scope = parts.scope.scope("dns_cache").scope(options.name);
    this.#stats = scope.group(DNS_CACHE_STATS);
    this.#breaker = scope.scope("circuit_breakers").group(DNS_BREAKER_GAUGES);
    this.#newsTimer = dispatcher.timers.create({ onTimer: () => this.#tellNews() });
    this.refreshGauges();
    for (const { host, port } of options.preresolve) this.#add(withPort(host, port), port);
  }

  /** The cache as a worker needs it, with all it knows. */
  resource(): DnsCacheResource {
    const entries: DnsCacheEntry[] = [];
    for (const name of this.#names.values()) if (name.isAnswered) entries.push(name.entry);
    return { options: this.options, buffer: this.#buffer, entries };
  }

  /** A worker wants a name that it does not know; the answer goes to all, or to it alone. */
  load(key: string, defaultPort: number, worker: number): void {
    const known = this.#names.get(key);
    if (known === undefined) {
      if (this.#names.size < this.options.maxHosts) this.#add(key, defaultPort);
      else this.#tell({ host: key, state: "overflow", address: undefined, details: "" }, worker);
    } else if (known.isAnswered && !this.#changed.has(known)) {
      if (known.hasFailed && !this.options.refreshesOnFailure) this.#replace(known, defaultPort);
      else this.#tell(known.entry, worker);
    }
  }

  /** Tells a cluster of the hosts now and whenever they change. @returns a call that ends it */
  watch(watcher: DynamicHostWatcher): () => void {
    this.#watchers.add(watcher);
    const hosts = this.#hosts();
    if (hosts.length > 0) watcher.onHosts(hosts);
    return () => this.#watchers.delete(watcher);
  }

  refreshGauges(): void {
    const left = Math.max(0, this.options.maxPendingRequests - this.#memory.pending);
    this.#breaker.set(0, left === 0 ? 1 : 0);
    this.#breaker.set(1, left);
  }

  /** Gives back what a dead worker held. */
  retire(thread: number): void {
    this.#memory.retire(thread);
  }

  close(): void {
    this.#newsTimer.cancel();
    for (const name of this.#names.values()) name.stop();
  }

  // Its names (CachedNameEvents).

  onAttempt(): void {
    this.#stats.inc(STAT.queryAttempt);
  }

  onAnswer(outcome: "success" | "failure" | "timeout"): void {
    this.#stats.inc(OUTCOME[outcome]);
    if (outcome === "timeout") this.#stats.inc(STAT.queryFailure);
  }

  onChange(name: CachedName, hasNewAddresses: boolean): void {
    this.#changed.add(name);
    if (hasNewAddresses) {
      this.#stats.inc(STAT.addressChanged);
      this.#hasNewHosts = true;
    }
    this.#askForNews();
  }

  onExpired(name: CachedName): void {
    this.#drop(name);
    this.#removed.push(name.key);
    this.#hasNewHosts ||= name.addresses.length > 0;
    this.#askForNews();
  }

  useCount(name: CachedName): number {
    let count = 0;
    for (const watcher of this.#watchers) count += watcher.useCount(name.key);
    return count;
  }

  #add(key: string, defaultPort: number): void {
    const name = new CachedName(key, defaultPort, this.#context);
    this.#names.set(key, name);
    this.#stats.inc(STAT.hostAdded);
    this.#countNames();
    name.start();
  }

  #drop(name: CachedName): void {
    name.stop();
    this.#names.delete(name.key);
    this.#changed.delete(name);
    this.#stats.inc(STAT.hostRemoved);
    this.#countNames();
  }

  #replace(name: CachedName, defaultPort: number): void {
    this.#drop(name);
    this.#add(name.key, defaultPort);
  }

  #countNames(): void {
    this.#memory.hosts = this.#names.size;
    this.#stats.set(STAT.hosts, this.#names.size);
  }

  #tell(entry: DnsCacheEntry, worker: number): void {
    this.#parts.onNews({ cache: this.options.name, removed: [], entries: [entry] }, worker);
  }

  #askForNews(): void {
    if (this.#isNewsDue) return;
    this.#isNewsDue = true;
    const { dispatcher } = this.#parts;
    const waitMs = this.#nextNewsMs - dispatcher.clock.nowMs();
    if (waitMs > 0) this.#newsTimer.arm(waitMs);
    else dispatcher.defer(() => this.#tellNews());
  }

  /** Clusters first: who hears that a name is resolved must find its host. */
  #tellNews(): void {
    this.#isNewsDue = false;
    const { dispatcher, onNews } = this.#parts;
    this.#nextNewsMs = dispatcher.clock.nowMs() + this.#names.size / NAMES_PER_MS;
    if (this.#hasNewHosts) {
      this.#hasNewHosts = false;
      const hosts = this.#hosts();
      for (const watcher of this.#watchers) watcher.onHosts(hosts);
    }
    const removed = this.#removed;
    const entries = [...this.#changed].map((name) => name.entry);
    this.#removed = [];
    this.#changed.clear();
    onNews({ cache: this.options.name, removed, entries }, undefined);
  }

  #hosts(): DynamicHost[] {
    const hosts: DynamicHost[] = [];
    for (const { key, addresses } of this.#names.values()) {
      if (addresses.length > 0) hosts.push({ name: key, addresses });
    }
    return hosts;
  }
}
