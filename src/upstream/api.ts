/**
 * What the router and others ask of clusters. A cluster lives on one worker: its hosts, balancer,
 * pools and stats are that worker's; circuit breakers and per-host active requests are shared.
 */

import type { Address } from "../base/mod.ts";
import type {
  HeaderMap,
  Protocol,
  RequestEncoder,
  ResponseDecoder,
  StreamInfo,
  TlsInfo,
} from "../http/mod.ts";
import type { Histogram, StatGroup } from "../stats/mod.ts";
import type { LoadReport } from "./load_report.ts";
import type { HostSet } from "./host_set.ts";
import type { PriorityLoad } from "./lb/priority_load.ts";

export type Priority = "default" | "high";

/** One upstream endpoint as run. */
export interface Host {
  readonly address: Address;
  readonly hostname: string;
  readonly weight: number;
  /** Index of its priority level. */
  readonly priority: number;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly isCanary: boolean;
  health: HostHealth;
  /** Requests under way on this worker. */
  activeRequests: number;
  /** Per-host stats: `cx_total cx_active cx_connect_fail rq_total rq_active rq_success rq_error rq_timeout`. */
  readonly stats: StatGroup;
  /** Told of what requests show of the host's health; undefined where nobody judges by it. */
  readonly monitor?: HostMonitor | undefined;
  /** Where the load reports of its responses go; undefined where the balancer wants none. */
  readonly loadSink?: LoadSink | undefined;
}

/** Who weighs a host by what it reports of its load. */
export interface LoadSink {
  onLoadReport(report: LoadReport): void;
}

/** Health as the requests of a host show it. */
export interface HostMonitor {
  /** A response said `x-envoy-immediate-health-check-fail`. */
  failImmediately(): void;
  /** A response came; gRPC's with the HTTP status that its own stands for. */
  putStatus(status: number): void;
  /** A connection was there for a request. */
  putConnected(): void;
  /** As `putConnected`, where no response will follow (TCP): it counts as a success by itself. */
  putConnectedAlone(): void;
  /** No connection, a reset or a timeout, which counts as this status. */
  putLocalFailure(status: number): void;
}

export type HostHealth = "healthy" | "degraded" | "unhealthy";

/** What a balancer may look at for one request. */
export interface LoadBalancerContext {
  /** Hash of the request by the route's hash policies; undefined if none applies. */
  hash(): number | bigint | undefined;
  readonly requestHeaders: HeaderMap | undefined;
  readonly metadataMatch: { readonly [key: string]: unknown } | undefined;
  /** Whether a retry should look for another host; asked up to `hostSelectionRetryCount` times. */
  shouldSelectAnotherHost(host: Host): boolean;
  readonly hostSelectionRetryCount: number;
  /** Changes the shares of priorities for this retry; undefined: there is nothing to change. */
  readonly retryPriority?: RetryPriority | undefined;
  readonly streamInfo: StreamInfo | undefined;
}

/** Which priorities a retry should go to. */
export interface RetryPriority {
  onHostAttempted(host: Host): void;
  /** @param priorityOf place of a tried host's priority in `sets`, where that is not its own */
  adjust(
    sets: readonly HostSet[],
    original: PriorityLoad,
    priorityOf?: (host: Host) => number | undefined,
  ): PriorityLoad;
}

/** Why a stream could not be had. */
export type PoolFailureReason =
  | "overflow"
  /** The cluster may have no further pool: as if the host were not there. */
  | "pool_overflow"
  | "local_connection_failure"
  | "remote_connection_failure"
  | "timeout";

/** Who asked for a stream learns here of the one or the other, once. */
export interface PoolCallbacks {
  /** A stream is ours; the request may be encoded at once. */
  onPoolReady(encoder: RequestEncoder, ready: PoolReady): void;
  onPoolFailure(reason: PoolFailureReason, transportFailureReason: string, host: Host): void;
}

/** Facts of the connection that serves a stream. */
export interface PoolReady {
  readonly host: Host;
  readonly protocol: Protocol;
  readonly tls: TlsInfo | undefined;
  readonly connectionId: number;
  readonly localAddress: Address;
  /** Streams the connection served, this one included. */
  readonly streamCount: number;
  readonly connectStartMs: number;
  readonly connectCompleteMs: number;
  readonly handshakeCompleteMs: number;
}

/** A request that waits for a connection. */
export interface PendingStream {
  cancel(): void;
}

/**
 * The pools of one cluster, seen by the router. Pools count `upstream_cx_*`, `upstream_rq_total`,
 * `_active`, `_pending_*`, `_cancelled`, `_tx_reset`, `_rx_reset` and the host's `cx_*`, `rq_total`,
 * `rq_active`; responses, timeouts, retries and the host's `rq_success`, `rq_error`, `rq_timeout`
 * are the router's to count.
 */
export interface Cluster {
  readonly info: ClusterInfo;
  /** @returns undefined if there is no host to send to (503 UH) */
  chooseHost(context: LoadBalancerContext | undefined): Host | undefined;
  /**
   * After `chooseHost` found none: some clusters can find the request's host out. Absent for all
   * others.
   * @param onDone told once, not within the call, that another choice is worth while; with the
   * response code details for the case that it is not
   */
  awaitHost?(
    context: LoadBalancerContext,
    onDone: (details: string) => void,
  ): HostWait | undefined;
  /**
   * Asks the host's pool for a stream. `onPoolReady` may be called before this returns (then the
   * result is undefined), or `onPoolFailure` (likewise).
   * @param downstreamProtocol for clusters with use_downstream_protocol_config
   */
  newStream(
    host: Host,
    decoder: ResponseDecoder,
    request: StreamRequest,
  ): PendingStream | undefined;
  /** A TCP connection to the host, for tcp_proxy and CONNECT termination. */
  newTcpConnection(host: Host, request: TcpRequest): PendingStream | undefined;
  readonly circuitBreakers: { readonly [priority in Priority]: CircuitBreaker };
}

/** What a cluster does about a host that it does not know yet. */
export interface HostWait {
  /** Undefined: there is nothing to wait for. */
  readonly handle: PendingStream | undefined;
  /** Response code details where there is nothing to wait for; "" for those of every cluster. */
  readonly details: string;
}

/** What a pool is told of a request that wants a stream. */
export interface StreamRequest {
  readonly callbacks: PoolCallbacks;
  readonly priority: Priority;
  readonly downstreamProtocol: Protocol | undefined;
  readonly streamInfo: StreamInfo | undefined;
  /** Host header value for auto_sni. */
  readonly authority: string | undefined;
  /** Upgrade or CONNECT: the stream becomes a tunnel. */
  readonly isTunnel: boolean;
}

/** What a cluster is told of a connection that is wanted for one user alone. */
export interface TcpRequest {
  readonly priority: Priority;
  readonly onReady: (connection: import("../net/mod.ts").Connection, ready: PoolReady) => void;
  readonly onFailure: (
    reason: PoolFailureReason,
    transportFailureReason: string,
    host: Host,
  ) => void;
  readonly streamInfo: StreamInfo | undefined;
}

/**
 * Limits of one priority. `try*` take a unit and say whether they could; each needs its `release*`.
 * Pools take and release connections, pending requests and requests by themselves, so that the
 * router only deals in retries.
 */
export interface CircuitBreaker {
  readonly maxRequests: number;
  readonly maxRetries: number;
  tryRequest(): boolean;
  releaseRequest(): void;
  tryRetry(): boolean;
  releaseRetry(): void;
}

/** Which trees of counters a response belongs to, besides that of all. */
export interface ResponseKind {
  readonly isInternal: boolean;
  readonly isCanary: boolean;
}

/** Facts and stats of a cluster. */
export interface ClusterInfo {
  readonly name: string;
  /** Name in stats: alt_stat_name or name. */
  readonly statName: string;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly connectTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  readonly perConnectionBufferLimitBytes: number;
  /** Upstream protocol options from HttpProtocolOptions. */
  readonly maxResponseHeadersKb: number;
  readonly commonHttpIdleTimeoutMs: number;
  readonly maxStreamDurationMs: number | undefined;
  readonly upstreamHttpFilters: readonly unknown[];
  readonly isMaintenanceMode: () => boolean;
  /** Indices into CLUSTER_STATS. */
  readonly stats: StatGroup;
  readonly connectTime: Histogram;
  /** `upstream_rq_<code>`, `upstream_rq_<n>xx`, `upstream_rq_completed`; internal_, external_ and canary trees. */
  chargeResponse(status: number, kind: ResponseKind): void;
  /** Counts a response of a host in `zone` under `zone.<own>.<zone>`, where the own zone is known. */
  chargeZone(zone: string, status: number): void;
  recordZoneTime(zone: string, timeMs: number): void;
  readonly trackTimeoutBudgets: boolean;
  readonly timeoutBudgetPercentUsed: Histogram | undefined;
  /** respect_dns_ttl and others live with the resolver. */
  readonly dropOverloadCategory: string | undefined;
  /** Percent chance (0–100) that drop_overloads rejects a request. */
  readonly dropOverloadPercent: number;
  /** Counts `upstream_rq_drop_overload`, which exists only where it happens. */
  chargeDropOverload(): void;
  /** Retry policy of HttpProtocolOptions or the cluster's typed options, used when a route has none. */
  readonly retryPolicyMessage: object | undefined;
  readonly hashPolicyMessages: readonly object[];
  /**
   * Port of hosts that name none, for dynamic forward proxies: 443 over TLS, else 80. Undefined for
   * all other clusters.
   */
  readonly dynamicForwardPort?: number | undefined;
}

/** All clusters of one worker. */
export interface ClusterManager {
  get(name: string): Cluster | undefined;
}
