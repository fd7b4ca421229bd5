/** The retries of one request: how many are left, when the next one is due, and its counters. */

import type { Dispatcher, Timer } from "../base/mod.ts";
import { H, type HeaderMap } from "../http/mod.ts";
import type { RetryPolicy } from "../route/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import {
  type CircuitBreaker,
  type ClusterInfo,
  clusterStat,
  type Host,
  PreviousPriorities,
  type RetryPriority,
} from "../upstream/mod.ts";
import { parseUnsigned } from "./grpc.ts";
import type { AttemptResetReason } from "./reset_reason.ts";
import type { RequestTreeStats } from "./response_stats.ts";
import {
  parsePolicyRetryOn,
  parseRetryGrpcOn,
  parseRetryOn,
  parseStatusList,
  retriesReset,
  retriesResponse,
  type RetryConditions,
} from "./retry_conditions.ts";
import { compileHostPredicates, type HostPredicate } from "./retry_hosts.ts";

const DEFAULT_BASE_MS = 25;
const CLUSTER_STAT = {
  retry: clusterStat("upstream_rq_retry"),
  success: clusterStat("upstream_rq_retry_success"),
  overflow: clusterStat("upstream_rq_retry_overflow"),
  limitExceeded: clusterStat("upstream_rq_retry_limit_exceeded"),
  exponential: clusterStat("upstream_rq_retry_backoff_exponential"),
  rateLimited: clusterStat("upstream_rq_retry_backoff_ratelimited"),
};

/** What became of the wish to retry. */
export type RetryStatus = "no" | "yes" | "overflow" | "limit_exceeded";

/** A policy made ready for requests. */
export interface PreparedPolicy {
  readonly policy: RetryPolicy;
  readonly bits: number;
  readonly predicates: readonly HostPredicate[];
}

/**
 * What all requests under a retry policy share: its conditions as bits, and its host predicates.
 */
export function preparePolicy(policy: RetryPolicy): PreparedPolicy {
  return {
    policy,
    bits: parsePolicyRetryOn(policy.retryOn),
    predicates: compileHostPredicates(policy.hostPredicates),
  };
}

/** Surroundings of the retries of one request. */
export interface RetryOptions {
  readonly cluster: ClusterInfo;
  readonly breaker: CircuitBreaker;
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  /** Counters of the virtual cluster and the route, where they have some. */
  readonly trees: readonly RequestTreeStats[];
  readonly owner: RetryOwner;
}

/** Told when a retry is due. */
export interface RetryOwner {
  onRetry(): void;
}

/** The request's own wishes, taken from its headers. */
interface HeaderWishes {
  readonly bits: number;
  readonly maxRetries: number | undefined;
  readonly statuses: readonly number[];
  readonly headerNames: readonly string[];
}

const NO_WISHES: HeaderWishes = { bits: 0, maxRetries: undefined, statuses: [], headerNames: [] };

/** Takes the retry headers off the request. Those of external requests are gone already. */
function takeWishes(headers: HeaderMap): HeaderWishes {
  const retryOn = headers.getId(H.xEnvoyRetryOn);
  const grpcOn = headers.getId(H.xEnvoyRetryGrpcOn);
  const maxRetries = headers.getId(H.xEnvoyMaxRetries);
  const statuses = headers.getId(H.xEnvoyRetriableStatusCodes);
  const names = headers.getId(H.xEnvoyRetriableHeaderNames);
  if (
    retryOn === undefined && grpcOn === undefined && maxRetries === undefined &&
    statuses === undefined && names === undefined
  ) return NO_WISHES;
  headers.removeId(H.xEnvoyRetryOn);
  headers.removeId(H.xEnvoyRetryGrpcOn);
  headers.removeId(H.xEnvoyMaxRetries);
  headers.removeId(H.xEnvoyRetriableStatusCodes);
  headers.removeId(H.xEnvoyRetriableHeaderNames);
  return {
    bits: (retryOn === undefined ? 0 : parseRetryOn(retryOn).bits) |
      (grpcOn === undefined ? 0 : parseRetryGrpcOn(grpcOn).bits),
    maxRetries: maxRetries === undefined ? undefined : parseUnsigned(maxRetries),
    statuses: statuses === undefined ? [] : parseStatusList(statuses),
    headerNames: names === undefined
      ? []
      : names.split(",").map((name) => name.trim().toLowerCase()).filter((name) => name !== ""),
  };
}

/** The retry state of a request; undefined if nothing asks for retries. */
export function createRetryState(
  prepared: PreparedPolicy | undefined,
  headers: HeaderMap,
  options: RetryOptions,
): RetryState | undefined {
  const wishes = takeWishes(headers);
  let bits = wishes.bits | (prepared?.bits ?? 0);
  if (bits === 0) return undefined;
  if (prepared !== undefined && !prepared.policy.retriableRequest(headers)) bits = 0;
  return new RetryState(prepared, { ...wishes, bits }, options);
}

/**
 * Decides after each failed attempt whether and when there is another, within budget and breaker.
 */
export class RetryState implements RetryConditions {
  readonly bits: number;
  readonly #policy: RetryPolicy | undefined;
  readonly #predicates: readonly HostPredicate[];
  readonly #wishes: HeaderWishes;
  readonly #options: RetryOptions;
  readonly #maxIntervalMs: number;
  #nextIntervalMs: number;
  #remaining: number;
  /** A retry has been granted and its outcome is open: it holds a unit of the breaker. */
  #isPending = false;
  #timer: Timer | undefined;
  #attempted: Host[] | undefined;
  /** Leads the next try to other priorities; undefined where the policy asks for none. */
  readonly priority: RetryPriority | undefined;

  constructor(prepared: PreparedPolicy | undefined, wishes: HeaderWishes, options: RetryOptions) {
    const policy = prepared?.policy;
    this.#policy = policy;
    this.#predicates = prepared?.predicates ?? [];
    this.priority = policy?.priorityUpdateFrequency === undefined
      ? undefined
      : new PreviousPriorities(policy.priorityUpdateFrequency);
    this.bits = wishes.bits;
    this.#wishes = wishes;
    this.#options = options;
    this.#remaining = wishes.maxRetries ?? policy?.numRetries ?? 1;
    const base = policy?.backOffBaseMs ??
      options.runtime.number("upstream.base_retry_backoff_ms", DEFAULT_BASE_MS);
    this.#nextIntervalMs = Math.max(1, base);
    this.#maxIntervalMs = policy?.backOffMaxMs ?? this.#nextIntervalMs * 10;
  }

  /** Whether any outcome could lead to a retry: then the request's body is kept. */
  get isEnabled(): boolean {
    return this.bits !== 0;
  }

  get hostSelectionMaxAttempts(): number {
    return this.#policy?.hostSelectionMaxAttempts ?? 1;
  }

  onHostAttempted(host: Host): void {
    this.priority?.onHostAttempted(host);
    if (this.#predicates.length > 0) (this.#attempted ??= []).push(host);
  }

  shouldSelectAnotherHost(host: Host): boolean {
    const attempted = this.#attempted ?? [];
    for (let i = 0; i < this.#predicates.length; i++) {
      if (this.#predicates[i]!(host, attempted)) return true;
    }
    return false;
  }

  isRetriableStatus(status: number): boolean {
    return this.#policy?.retriableStatusCodes.includes(status) === true ||
      this.#wishes.statuses.includes(status);
  }

  isRetriableResponse(headers: HeaderMap): boolean {
    if (this.#policy?.retriableResponse(headers) === true) return true;
    return this.#wishes.headerNames.some((name) => headers.has(name));
  }

  /** Whether the response would be retried if it could be. */
  wouldRetryResponse(headers: HeaderMap, status: number): boolean {
    return retriesResponse(this, headers, status);
  }

  onResponse(headers: HeaderMap, status: number): RetryStatus {
    const wants = this.wouldRetryResponse(headers, status);
    const backOffMs = wants ? this.#rateLimitedBackOff(headers) : undefined;
    return this.#decide(wants, backOffMs);
  }

  onReset(reason: AttemptResetReason, wasSent: boolean): RetryStatus {
    return this.#decide(retriesReset(this.bits, reason, wasSent), undefined);
  }

  /** A try takes too long and goes on; another one beside it is always wished for. */
  onHedge(): RetryStatus {
    return this.#decide(true, undefined);
  }

  /** Drops a retry that is waiting and gives back what it holds. */
  release(): void {
    this.#timer?.cancel();
    if (!this.#isPending) return;
    this.#isPending = false;
    this.#options.breaker.releaseRetry();
  }

  /** The timer's call. */
  onTimer(): void {
    this.#options.owner.onRetry();
  }

  #decide(wants: boolean, rateLimitedMs: number | undefined): RetryStatus {
    const { cluster, breaker, runtime, dispatcher } = this.#options;
    // An outcome that needs no retry after one was made: that one has helped.
    if (this.#isPending && !wants) this.#count("success");
    this.release();
    if (!wants) return "no";
    if (this.#remaining === 0) {
      this.#count("limitExceeded");
      return "limit_exceeded";
    }
    this.#remaining--;
    if (!breaker.tryRetry()) {
      this.#count("overflow");
      return "overflow";
    }
    if (!this.#isAllowedByRuntime(runtime)) {
      breaker.releaseRetry();
      return "no";
    }
    this.#isPending = true;
    this.#count("retry");
    cluster.stats.inc(
      rateLimitedMs === undefined ? CLUSTER_STAT.exponential : CLUSTER_STAT.rateLimited,
    );
    this.#timer ??= dispatcher.timers.create(this);
    this.#timer.arm(this.#jittered(rateLimitedMs));
    return "yes";
  }

  #isAllowedByRuntime(runtime: Runtime): boolean {
    if (runtime.get("upstream.use_retry") === undefined) return true;
    return this.#options.dispatcher.random.below(100) < runtime.number("upstream.use_retry", 100);
  }

  #count(event: "retry" | "success" | "overflow" | "limitExceeded"): void {
    this.#options.cluster.stats.inc(CLUSTER_STAT[event]);
    for (const tree of this.#options.trees) tree.countRetry(event);
  }

  /** Full jitter below an interval that doubles; above what a rate limit asks for. */
  #jittered(rateLimitedMs: number | undefined): number {
    const { random } = this.#options.dispatcher;
    if (rateLimitedMs !== undefined) {
      return rateLimitedMs + random.below(Math.max(1, rateLimitedMs >> 1));
    }
    const interval = this.#nextIntervalMs;
    this.#nextIntervalMs = Math.min(interval * 2, this.#maxIntervalMs);
    return Math.min(random.below(interval), this.#maxIntervalMs);
  }

  /** What the response says of when to come back; undefined if nothing usable. */
  #rateLimitedBackOff(headers: HeaderMap): number | undefined {
    const backOff = this.#policy?.rateLimitedBackOff;
    if (backOff === undefined) return undefined;
    const { clock } = this.#options.dispatcher;
    for (const { name, format } of backOff.resetHeaders) {
      const value = parseUnsigned(headers.get(name) ?? "");
      if (value === undefined) continue;
      // A time is told in whole seconds, and so is the way there.
      const seconds = format === "unix" ? value - Math.floor(clock.wallMs() / 1000) : value;
      const ms = seconds * 1000;
      if (ms > 1 && ms <= backOff.maxIntervalMs) return ms;
    }
    return undefined;
  }
}
