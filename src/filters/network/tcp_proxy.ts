/**
 * Hands the bytes of a downstream connection to an upstream one and back. Each side's FIN goes on
 * as a FIN, each reset as a reset, and a full write buffer on one side pauses reading on the other.
 *
 *   connecting ─connected─▶ relaying ─one side ended─▶ half_closed ─other side ended─▶ closed
 *       └── refused: next attempt, or closed
 */

import type { AccessLog } from "../../access_log/mod.ts";
import { compileAccessLogs } from "../../access_log/mod.ts";
import type { Timer } from "../../base/mod.ts";
import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import { FLAG, newUpstreamInfo, type UpstreamInfo } from "../../http/mod.ts";
import type { CloseReason, Connection, ConnectionEvents } from "../../net/mod.ts";
import type {
  envoy_extensions_filters_network_tcp_proxy_v3_TcpProxy as Message,
  google_protobuf_Duration,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { sanitizeStatName, type StatGroup } from "../../stats/mod.ts";
import {
  type Cluster,
  type ClusterManager,
  clusterStat,
  type Host,
  type PendingStream,
  type PoolFailureReason,
  type PoolReady,
} from "../../upstream/mod.ts";
import { TCP, TCP_STATS } from "./tcp_proxy_stats.ts";

interface WeightedName {
  readonly name: string;
  readonly weight: number;
}

interface Config {
  readonly clusters: readonly WeightedName[];
  readonly totalWeight: number;
  /** 0: none. */
  readonly idleMs: number;
  readonly maxDurationMs: number;
  readonly maxAttempts: number;
  readonly accessLogs: readonly AccessLog[];
  readonly stats: StatGroup;
  readonly context: CompileContext;
}

const ATTEMPTS_EXCEEDED = clusterStat("upstream_cx_connect_attempts_exceeded");
const IDLE = 0;
const DURATION = 1;

class TcpProxyFilter implements NetworkFilter {
  readonly #config: Config;
  readonly #callbacks: NetworkCallbacks;
  #cluster: Cluster | undefined = undefined;
  #pending: PendingStream | undefined = undefined;
  #upstream: Connection | undefined = undefined;
  #info: UpstreamInfo | undefined = undefined;
  #attempts = 0;
  /** What came before the upstream was there. */
  #early: Uint8Array[] = [];
  #isDownstreamPaused = false;
  #downstreamEnded = false;
  #upstreamEnded = false;
  #isDone = false;
  #idleTimer: Timer | undefined = undefined;
  #durationTimer: Timer | undefined = undefined;
  #activeAtMs = 0;

  constructor(config: Config, callbacks: NetworkCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    const { stats, maxDurationMs, context } = this.#config;
    const { timers } = context.dispatcher;
    stats.inc(TCP.downstream_cx_total);
    if (maxDurationMs > 0) {
      this.#durationTimer = timers.create(this, DURATION);
      this.#durationTimer.arm(maxDurationMs);
    }
    this.#pauseDownstream(true);
    const name = this.#chooseCluster();
    this.#callbacks.streamInfo.upstreamCluster = name;
    this.#cluster = context.service<ClusterManager>("cluster_manager").get(name);
    if (this.#cluster === undefined) {
      stats.inc(TCP.downstream_cx_no_route);
      this.#callbacks.streamInfo.setFlag(FLAG.noClusterFound);
      this.#closeDownstream();
      return "stop";
    }
    this.#connect();
    return "continue";
  }

  onData(bytes: Uint8Array, endStream: boolean): NetworkStatus {
    if (this.#isDone) return "stop";
    this.#touch();
    this.#callbacks.streamInfo.bytesReceived += bytes.length;
    this.#config.stats.add(TCP.downstream_cx_rx_bytes_total, bytes.length);
    if (endStream) this.#downstreamEnded = true;
    const upstream = this.#upstream;
    if (upstream === undefined) {
      if (bytes.length > 0) this.#early.push(bytes.slice());
      return "stop";
    }
    if (bytes.length > 0) upstream.output.writeBytes(bytes);
    if (endStream) this.#endUpstream(upstream);
    return "stop";
  }

  onClose(reason: CloseReason, _details: string): void {
    const upstream = this.#upstream;
    this.#pending?.cancel();
    if (upstream !== undefined && !upstream.isClosed) {
      upstream.close(reason === "remote_reset" ? "reset" : "flush_write");
    }
    if (reason === "remote_reset") {
      this.#callbacks.streamInfo.setFlag(FLAG.downstreamConnectionTermination);
    }
    this.#finish();
  }

  onAboveWriteBufferHighWatermark(): void {
    // As the downstream's filter: its client reads slowly, so the upstream waits.
    this.#upstream?.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#upstream?.readDisable(false);
  }

  onTimer(tag: number): void {
    if (this.#isDone) return;
    const { stats, idleMs, context } = this.#config;
    if (tag === DURATION) {
      stats.inc(TCP.max_downstream_connection_duration);
      this.#callbacks.streamInfo.setFlag(FLAG.durationTimeout);
      return this.#closeDownstream();
    }
    const quietMs = context.dispatcher.clock.nowMs() - this.#activeAtMs;
    if (quietMs < idleMs) return this.#idleTimer!.arm(idleMs - quietMs);
    stats.inc(TCP.idle_timeout);
    this.#closeDownstream();
  }

  /** The answer is whole; the client may still send. */
  upstreamEnded(): void {
    this.#upstreamEnded = true;
    if (this.#downstreamEnded) this.#closeDownstream();
    else this.#callbacks.connection.endWrite();
  }

  /** Weighted by a draw of its own for each connection. */
  #chooseCluster(): string {
    const { clusters, totalWeight, context } = this.#config;
    if (clusters.length === 1) return clusters[0]!.name;
    let at = context.dispatcher.random.below(totalWeight);
    for (const { name, weight } of clusters) {
      if (at < weight) return name;
      at -= weight;
    }
    return "";
  }

  #connect(): void {
    const { maxAttempts } = this.#config;
    const { streamInfo } = this.#callbacks;
    const cluster = this.#cluster!;
    while (!this.#isDone) {
      if (this.#attempts >= maxAttempts) {
        cluster.info.stats.inc(ATTEMPTS_EXCEEDED);
        streamInfo.setFlag(FLAG.upstreamRetryLimitExceeded);
        return this.#closeDownstream();
      }
      streamInfo.attemptCount = ++this.#attempts;
      const host = cluster.chooseHost(undefined);
      if (host === undefined) {
        streamInfo.setFlag(FLAG.noHealthyUpstream);
        return this.#closeDownstream();
      }
      this.#info = upstreamInfoOf(cluster, host);
      streamInfo.upstream = this.#info;
      if (this.#attempt(cluster, host)) return;
    }
  }

  /** @returns false if the attempt failed before this returned */
  #attempt(cluster: Cluster, host: Host): boolean {
    let isStarting = true;
    let hasFailed = false;
    const pending = cluster.newTcpConnection(host, {
      priority: "default",
      onReady: (connection, ready) => this.#onReady(connection, ready),
      onFailure: (reason, transportFailureReason) => {
        this.#onFailure(reason, transportFailureReason);
        hasFailed = true;
        if (!isStarting) this.#connect();
      },
      streamInfo: this.#callbacks.streamInfo,
    });
    isStarting = false;
    if (hasFailed) return false;
    if (this.#upstream === undefined) this.#pending = pending;
    return true;
  }

  #onReady(connection: Connection, ready: PoolReady): void {
    this.#pending = undefined;
    if (this.#isDone) return connection.close("no_flush");
    this.#upstream = connection;
    connection.events = new UpstreamEvents(this);
    const info = this.#info!;
    info.localAddress = ready.localAddress;
    info.tls = ready.tls;
    info.connectionId = ready.connectionId;
    info.connectStartMs = ready.connectStartMs;
    info.connectCompleteMs = ready.connectCompleteMs;
    info.handshakeCompleteMs = ready.handshakeCompleteMs;
    this.#startIdleTimer();
    for (const bytes of this.#early) connection.output.writeBytes(bytes);
    this.#early = [];
    this.#pauseDownstream(false);
    if (this.#downstreamEnded) this.#endUpstream(connection);
  }

  #onFailure(reason: PoolFailureReason, transportFailureReason: string): void {
    const { streamInfo } = this.#callbacks;
    this.#pending = undefined;
    streamInfo.setFlag(
      reason === "overflow" ? FLAG.upstreamOverflow : FLAG.upstreamConnectionFailure,
    );
    if (this.#info !== undefined) this.#info.transportFailureReason = transportFailureReason;
  }

  /** Bytes from the upstream. */
  relay(bytes: Uint8Array): void {
    if (this.#isDone) return;
    this.#touch();
    this.#callbacks.streamInfo.bytesSent += bytes.length;
    this.#config.stats.add(TCP.downstream_cx_tx_bytes_total, bytes.length);
    this.#callbacks.connection.output.writeBytes(bytes);
  }

  /** The upstream connection is gone. */
  upstreamClosed(reason: CloseReason): void {
    if (this.#isDone) return;
    const { streamInfo, connection } = this.#callbacks;
    if (reason !== "remote_reset") return connection.close("flush_write");
    streamInfo.setFlag(FLAG.upstreamRemoteReset);
    connection.close("reset");
  }

  /** The upstream is full: the client waits. */
  pauseFromUpstream(pause: boolean): void {
    const { stats } = this.#config;
    stats.inc(
      pause
        ? TCP.downstream_flow_control_paused_reading_total
        : TCP.downstream_flow_control_resumed_reading_total,
    );
    this.#pauseDownstream(pause);
  }

  #endUpstream(upstream: Connection): void {
    if (this.#upstreamEnded) this.#closeDownstream();
    else upstream.endWrite();
  }

  #pauseDownstream(pause: boolean): void {
    if (this.#isDownstreamPaused === pause || this.#callbacks.connection.isClosed) return;
    this.#isDownstreamPaused = pause;
    this.#callbacks.connection.readDisable(pause);
  }

  #startIdleTimer(): void {
    const { idleMs, context } = this.#config;
    if (idleMs === 0) return;
    this.#idleTimer = context.dispatcher.timers.create(this, IDLE);
    this.#idleTimer.arm(idleMs);
    this.#touch();
  }

  #touch(): void {
    this.#activeAtMs = this.#config.context.dispatcher.clock.nowMs();
  }

  #closeDownstream(): void {
    this.#callbacks.connection.close("flush_write");
    const upstream = this.#upstream;
    if (upstream !== undefined && !upstream.isClosed) upstream.close("flush_write");
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#idleTimer?.cancel();
    this.#durationTimer?.cancel();
    const { streamInfo } = this.#callbacks;
    streamInfo.endMs = this.#config.context.dispatcher.clock.nowMs();
    for (const log of this.#config.accessLogs) {
      log.log({
        requestHeaders: undefined,
        responseHeaders: undefined,
        responseTrailers: undefined,
        info: streamInfo,
        localReplyBody: "",
        accessLogType: "TcpConnectionEnd",
      });
    }
  }
}

/** The upstream side's events, told apart from the downstream's by an object of their own. */
class UpstreamEvents implements ConnectionEvents {
  readonly #filter: TcpProxyFilter;

  constructor(filter: TcpProxyFilter) {
    this.#filter = filter;
  }

  onData(bytes: Uint8Array): void {
    this.#filter.relay(bytes);
  }

  onEnd(): void {
    this.#filter.upstreamEnded();
  }

  onClose(reason: CloseReason): void {
    this.#filter.upstreamClosed(reason);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#filter.pauseFromUpstream(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#filter.pauseFromUpstream(false);
  }
}

function upstreamInfoOf(cluster: Cluster, host: Host): UpstreamInfo {
  const info = newUpstreamInfo(cluster.info.name);
  info.address = host.address;
  info.hostname = host.hostname;
  info.hostMetadata = host.metadata;
  info.clusterMetadata = cluster.info.metadata;
  info.locality = host.locality;
  return info;
}

const HOUR_MS = 3_600_000;

function compile(message: Message, context: CompileContext): Config {
  const clusters = clustersOf(message);
  const prefix = sanitizeStatName(message.statPrefix);
  return {
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleMs: durationMs(message.idleTimeout, HOUR_MS),
    maxDurationMs: durationMs(message.maxDownstreamConnectionDuration, 0),
    maxAttempts: message.maxConnectAttempts ?? 1,
    accessLogs: compileAccessLogs(message.accessLog, context),
    stats: context.scope.scope(`tcp.${prefix}`).group(TCP_STATS),
    context,
  };
}

function clustersOf({ clusterSpecifier }: Message): WeightedName[] {
  switch (clusterSpecifier.case) {
    case "cluster":
      return [{ name: clusterSpecifier.value, weight: 1 }];
    case "weightedClusters":
      return clusterSpecifier.value.clusters.map(({ name, weight }) => ({ name, weight }));
    default:
      return [{ name: "", weight: 1 }];
  }
}

function durationMs(duration: google_protobuf_Duration | undefined, fallback: number): number {
  if (duration === undefined) return fallback;
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

export const tcpProxyFactory: NetworkFilterFactory<Config> = {
  name: "envoy.filters.network.tcp_proxy",
  type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  isTerminal: true,
  compile: (message, context) => compile(message as Message, context),
  create: (config, callbacks) => new TcpProxyFilter(config, callbacks),
};
