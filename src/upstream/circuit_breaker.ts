/**
 * Limits of a cluster, counted over all threads. Each thread also keeps what it holds itself, so
 * that main can give back what a dead worker held.
 *
 *     Int32 at base: totals[priority][resource], then per thread shares[priority][resource]
 */

import { type Dispatcher, durationMsOr, type Problems } from "../base/mod.ts";
import type {
  envoy_config_cluster_v3_CircuitBreakers_Thresholds,
  envoy_config_cluster_v3_Cluster,
} from "../proto/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { CircuitBreaker, Priority } from "./api.ts";
import { RecentRequests } from "./recent_requests.ts";
import type { BreakerPlace } from "./resource.ts";

/** What is limited, and its place in a priority's row. */
const RESOURCE = {
  connections: 0,
  pending: 1,
  requests: 2,
  retries: 3,
  pools: 4,
  /** Requests begun within the interval of a retry budget; not limited itself. */
  recent: 5,
} as const;
const RESOURCES = 6;
const ROW = 2 * RESOURCES;
const SLAB_CLUSTERS = 64;
/** Envoy's defaults; pools are not limited. */
const DEFAULT_LIMIT = 1024;
const DEFAULT_RETRIES = 3;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Limits of one priority as configured. */
export interface Thresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly maxConnectionPools: number;
  readonly trackRemaining: boolean;
  readonly retryBudget: {
    readonly percent: number;
    readonly minConcurrency: number;
    /** 0: of what is active and pending now. */
    readonly intervalMs: number;
  } | undefined;
}

type Message = envoy_config_cluster_v3_CircuitBreakers_Thresholds;

/** The thresholds of both priorities; `thresholds` of a priority given twice: the first counts. */
export function compileThresholds(
  message: envoy_config_cluster_v3_Cluster,
): { readonly [priority in Priority]: Thresholds } {
  const given = message.circuitBreakers?.thresholds ?? [];
  return {
    default: thresholdsOf(given.find((entry) => entry.priority === 0)),
    high: thresholdsOf(given.find((entry) => entry.priority === 1)),
  };
}

/** Connections that one host may have; undefined: no limit of its own. */
export function perHostConnectionLimit(
  message: envoy_config_cluster_v3_Cluster,
  problems: Problems,
): { readonly [priority in Priority]: number | undefined } {
  const given = message.circuitBreakers?.perHostThresholds ?? [];
  for (const entry of given) {
    const isMore = entry.maxPendingRequests !== undefined || entry.maxRequests !== undefined ||
      entry.maxRetries !== undefined || entry.maxConnectionPools !== undefined ||
      entry.retryBudget !== undefined;
    if (isMore) problems.error(entry, "", "Unsupported field in per_host_thresholds");
  }
  return {
    default: given.find((entry) => entry.priority === 0)?.maxConnections,
    high: given.find((entry) => entry.priority === 1)?.maxConnections,
  };
}

function thresholdsOf(message: Message | undefined): Thresholds {
  const budget = message?.retryBudget;
  return {
    maxConnections: message?.maxConnections ?? DEFAULT_LIMIT,
    maxPendingRequests: message?.maxPendingRequests ?? DEFAULT_LIMIT,
    maxRequests: message?.maxRequests ?? DEFAULT_LIMIT,
    maxRetries: message?.maxRetries ?? DEFAULT_RETRIES,
    maxConnectionPools: message?.maxConnectionPools ?? UNLIMITED,
    trackRemaining: message?.trackRemaining ?? false,
    retryBudget: budget === undefined ? undefined : {
      percent: budget.budgetPercent?.value ?? 20,
      minConcurrency: budget.minRetryConcurrency ?? DEFAULT_RETRIES,
      intervalMs: durationMsOr(budget.budgetInterval, 0),
    },
  };
}

/** The limits of one priority on one thread. */
export class SharedBreaker implements CircuitBreaker {
  readonly thresholds: Thresholds;
  readonly #runtime: Runtime;
  readonly #cells: Int32Array;
  readonly #total: number;
  readonly #share: number;
  readonly #keys: readonly string[];
  readonly #recent: RecentRequests | undefined;

  constructor(options: {
    readonly place: BreakerPlace;
    readonly priority: Priority;
    readonly thread: number;
    readonly thresholds: Thresholds;
    readonly cluster: string;
    readonly runtime: Runtime;
    readonly dispatcher: Dispatcher;
  }) {
    const { place, priority, cluster } = options;
    const row = priority === "high" ? RESOURCES : 0;
    this.thresholds = options.thresholds;
    this.#runtime = options.runtime;
    this.#cells = new Int32Array(place.buffer);
    this.#total = place.base + row;
    this.#share = place.base + ROW * (options.thread + 1) + row;
    this.#keys = ["connections", "pending_requests", "requests", "retries", "connection_pools"]
      .map((name) => `circuit_breakers.${cluster}.${priority}.max_${name}`);
    const intervalMs = this.thresholds.retryBudget?.intervalMs ?? 0;
    if (intervalMs <= 0) return;
    const { clock, timers } = options.dispatcher;
    const change = (delta: number): void => this.#change(RESOURCE.recent, delta);
    this.#recent = new RecentRequests({ intervalMs, clock, timers, change });
  }

  get maxConnections(): number {
    return this.#max(RESOURCE.connections, this.thresholds.maxConnections);
  }

  get maxPendingRequests(): number {
    return this.#max(RESOURCE.pending, this.thresholds.maxPendingRequests);
  }

  get maxRequests(): number {
    return this.#max(RESOURCE.requests, this.thresholds.maxRequests);
  }

  /**
   * With a budget: its percent of what is active and pending now, or of what began within its
   * interval, but at least its minimum.
   */
  get maxRetries(): number {
    const budget = this.thresholds.retryBudget;
    if (budget === undefined) return this.#max(RESOURCE.retries, this.thresholds.maxRetries);
    const active = this.#recent === undefined
      ? this.#count(RESOURCE.requests) + this.#count(RESOURCE.pending)
      : this.#count(RESOURCE.recent);
    return Math.max(Math.floor(budget.percent / 100 * active), budget.minConcurrency);
  }

  /** Whether pools are limited: only then those without connections are given up. */
  get limitsPools(): boolean {
    return this.maxConnectionPools !== UNLIMITED;
  }

  get maxConnectionPools(): number {
    return this.#max(RESOURCE.pools, this.thresholds.maxConnectionPools);
  }

  get connections(): number {
    return this.#count(RESOURCE.connections);
  }

  get pendingRequests(): number {
    return this.#count(RESOURCE.pending);
  }

  get requests(): number {
    return this.#count(RESOURCE.requests);
  }

  get retries(): number {
    return this.#count(RESOURCE.retries);
  }

  get connectionPools(): number {
    return this.#count(RESOURCE.pools);
  }

  /**
   * Takes a connection. The first one of a pool may be one over the limit, since without it the
   * pool's requests would wait for ever; over all threads it stays at one.
   */
  tryConnection(isFirst: boolean): boolean {
    return this.#try(RESOURCE.connections, this.maxConnections + (isFirst ? 1 : 0));
  }

  releaseConnection(): void {
    this.#release(RESOURCE.connections);
  }

  tryPending(): boolean {
    return this.#try(RESOURCE.pending, this.maxPendingRequests);
  }

  releasePending(): void {
    this.#release(RESOURCE.pending);
  }

  tryRequest(): boolean {
    if (!this.#try(RESOURCE.requests, this.maxRequests)) return false;
    this.#recent?.add();
    return true;
  }

  releaseRequest(): void {
    this.#release(RESOURCE.requests);
  }

  tryRetry(): boolean {
    return this.#try(RESOURCE.retries, this.maxRetries);
  }

  releaseRetry(): void {
    this.#release(RESOURCE.retries);
  }

  tryPool(): boolean {
    return this.#try(RESOURCE.pools, this.maxConnectionPools);
  }

  releasePool(): void {
    this.#release(RESOURCE.pools);
  }

  #max(resource: number, configured: number): number {
    return this.#runtime.number(this.#keys[resource]!, configured);
  }

  #count(resource: number): number {
    return Atomics.load(this.#cells, this.#total + resource);
  }

  /**
   * Two threads can never both have the last unit; and unlike with taking first and looking then,
   * one that is refused never makes the limit look reached to a third.
   */
  #try(resource: number, max: number): boolean {
    const at = this.#total + resource;
    let count = Atomics.load(this.#cells, at);
    for (;;) {
      if (count >= max) return false;
      const seen = Atomics.compareExchange(this.#cells, at, count, count + 1);
      if (seen === count) break;
      count = seen;
    }
    this.#cells[this.#share + resource]!++;
    return true;
  }

  #release(resource: number): void {
    this.#change(resource, -1);
  }

  #change(resource: number, delta: number): void {
    Atomics.add(this.#cells, this.#total + resource, delta);
    this.#cells[this.#share + resource]! += delta;
  }
}

/** Main's allocator of places, in slabs of 64 clusters. */
export class BreakerMemory {
  readonly #threads: number;
  readonly #slabs: SharedArrayBuffer[] = [];
  readonly #free: BreakerPlace[] = [];
  #used = SLAB_CLUSTERS;

  /** @param threads workers and main */
  constructor(threads: number) {
    this.#threads = threads;
  }

  take(): BreakerPlace {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const cells = ROW * (this.#threads + 1);
    if (this.#used === SLAB_CLUSTERS) {
      this.#slabs.push(new SharedArrayBuffer(cells * SLAB_CLUSTERS * 4));
      this.#used = 0;
    }
    const buffer = this.#slabs[this.#slabs.length - 1]!;
    return { buffer, base: cells * this.#used++, threads: this.#threads };
  }

  /** Only once every thread has let the cluster go: its counts must have come back to zero. */
  give(place: BreakerPlace): void {
    const cells = ROW * (this.#threads + 1);
    new Int32Array(place.buffer).fill(0, place.base, place.base + cells);
    this.#free.push(place);
  }

  /** Gives back what a dead thread held. */
  retire(thread: number): void {
    const cells = ROW * (this.#threads + 1);
    for (const slab of this.#slabs) {
      const values = new Int32Array(slab);
      for (let base = 0; base < values.length; base += cells) {
        const share = base + ROW * (thread + 1);
        for (let i = 0; i < ROW; i++) {
          Atomics.sub(values, base + i, values[share + i]!);
          values[share + i] = 0;
        }
      }
    }
  }
}
