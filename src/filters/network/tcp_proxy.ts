/**
 * Hands the bytes of a downstream connection to an upstream one and back. Each side's FIN goes on
 * as a FIN, each reset as a reset, and a full write buffer on one side pauses reading on the other.
 *
 *   connecting ─connected─▶ relaying ─one side ended─▶ half_closed ─other side ended─▶ closed
 *       └── refused: next attempt, or closed
 */

import { copyBytes, type Timer } from "../../base/mod.ts";
import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import type { AccessLogType } from "../../formatter/mod.ts";
import { FLAG, type UpstreamInfo } from "../../http/mod.ts";
import type { CloseReason } from "../../net/mod.ts";
import type {
  envoy_extensions_filters_network_tcp_proxy_v3_TcpProxy as Message,
} from "../../proto/mod.ts";
import {
  type Cluster,
  type ClusterManager,
  clusterStat,
  type Host,
  type LoadBalancerContext,
  type PendingStream,
  type PoolFailureReason,
  type PoolReady,
  upstreamInfoOf,
} from "../../upstream/mod.ts";
import { chooseTarget, judgeFailure, TcpHostChoice } from "./tcp_proxy_choice.ts";
import { compileTcpProxy, type TcpProxyConfig } from "./tcp_proxy_config.ts";
import { type TcpUpstream, UpstreamEvents, type UpstreamSide } from "./tcp_proxy_events.ts";
import { stateText, TCP_IDLE_TIMEOUT_MS } from "./tcp_proxy_state.ts";
import { TCP } from "./tcp_proxy_stats.ts";
import { openTunnel, type TunnelRequest } from "./tcp_tunnel.ts";
import { DISABLE_TUNNELING, type TunnelConfig } from "./tcp_tunnel_config.ts";

const ATTEMPTS_EXCEEDED = clusterStat("upstream_cx_connect_attempts_exceeded");
const UPSTREAM_PAUSED = clusterStat("upstream_flow_control_paused_reading_total");
const UPSTREAM_RESUMED = clusterStat("upstream_flow_control_resumed_reading_total");
const IDLE = 0;
const DURATION = 1;
const LOG = 2;
const RETRY = 3;

class TcpProxyFilter implements NetworkFilter, UpstreamSide {
  readonly #config: TcpProxyConfig;
  readonly #callbacks: NetworkCallbacks;
  #cluster: Cluster | undefined = undefined;
  #choice: LoadBalancerContext | undefined = undefined;
  #pending: PendingStream | undefined = undefined;
  #upstream: TcpUpstream | undefined = undefined;
  #info: UpstreamInfo | undefined = undefined;
  #attempts = 0;
  /** What came before the upstream was there. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #hasBegun = false;
  #isDownstreamPaused = false;
  #downstreamEnded = false;
  #upstreamEnded = false;
  #isDone = false;
  #idleTimer: Timer | undefined = undefined;
  #durationTimer: Timer | undefined = undefined;
  #logTimer: Timer | undefined = undefined;
  #retryTimer: Timer | undefined = undefined;
  #idleMs = 0;
  #activeAtMs = 0;

  constructor(config: TcpProxyConfig, callbacks: NetworkCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    const { stats, maxDurationMs, durationJitter, maxEarlyBytes, connectsOnData, context } =
      this.#config;
    const { timers, random } = context.dispatcher;
    stats.inc(TCP.downstream_cx_total);
    if (maxDurationMs > 0) {
      const jitterMs = random.below(Math.floor(maxDurationMs * durationJitter) + 1);
      this.#durationTimer = timers.create(this, DURATION);
      this.#durationTimer.arm(maxDurationMs + jitterMs);
    }
    if (maxEarlyBytes === undefined) this.#pauseDownstream(true);
    if (!connectsOnData) this.#begin();
    return this.#isDone || this.#callbacks.connection.isClosing ? "stop" : "continue";
  }

  onData(bytes: Uint8Array, endStream: boolean): NetworkStatus {
    if (this.#isDone) return "stop";
    this.#touch();
    this.#callbacks.streamInfo.bytesReceived += bytes.length;
    this.#config.stats.add(TCP.downstream_cx_rx_bytes_total, bytes.length);
    if (endStream) this.#downstreamEnded = true;
    const upstream = this.#upstream;
    if (upstream === undefined) {
      this.#keepEarly(bytes);
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
    this.#pauseUpstream(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#pauseUpstream(false);
  }

  onTimer(tag: number): void {
    if (this.#isDone) return;
    const { stats, context } = this.#config;
    if (tag === RETRY) return this.#connect();
    if (tag === LOG) {
      this.#log("TcpPeriodic");
      return this.#logTimer!.arm(this.#config.logEveryMs);
    }
    if (tag === DURATION) {
      stats.inc(TCP.max_downstream_connection_duration);
      this.#callbacks.streamInfo.setFlag(FLAG.durationTimeout);
      return this.#closeDownstream();
    }
    const quietMs = context.dispatcher.clock.nowMs() - this.#activeAtMs;
    if (quietMs < this.#idleMs) return this.#idleTimer!.arm(this.#idleMs - quietMs);
    stats.inc(TCP.idle_timeout);
    this.#closeDownstream();
  }

  /** The answer is whole; the client may still send. */
  upstreamEnded(): void {
    this.#upstreamEnded = true;
    if (this.#downstreamEnded) this.#closeDownstream();
    else this.#callbacks.connection.endWrite();
  }

  /** Keeps what came too early, and has the client wait once it is much. */
  #keepEarly(bytes: Uint8Array): void {
    const { stats, maxEarlyBytes, connectsOnData } = this.#config;
    if (bytes.length > 0) {
      stats.inc(TCP.early_data_received_count_total);
      this.#early.push(copyBytes(bytes));
      this.#earlyBytes += bytes.length;
    }
    if (this.#earlyBytes >= (maxEarlyBytes ?? 0)) this.#pauseDownstream(true);
    if (connectsOnData) this.#begin();
  }

  /** Finds the cluster and makes the first attempt; once. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const config = this.#config;
    const { streamInfo } = this.#callbacks;
    const target = chooseTarget(config, streamInfo);
    this.#cluster = config.context.service<ClusterManager>("cluster_manager").get(target.name);
    if (this.#cluster === undefined) {
      config.stats.inc(TCP.downstream_cx_no_route);
      streamInfo.setFlag(FLAG.noClusterFound);
      return this.#closeDownstream();
    }
    streamInfo.upstreamCluster = target.name;
    this.#choice = new TcpHostChoice(config, target, streamInfo);
    this.#connect();
  }

  #connect(): void {
    const { maxAttempts } = this.#config;
    const { streamInfo } = this.#callbacks;
    const cluster = this.#cluster!;
    while (!this.#isDone && !this.#callbacks.connection.isClosing) {
      if (this.#attempts >= maxAttempts) {
        cluster.info.stats.inc(ATTEMPTS_EXCEEDED);
        streamInfo.setFlag(FLAG.upstreamRetryLimitExceeded);
        return this.#closeDownstream();
      }
      this.#attempts++;
      const host = cluster.chooseHost(this.#choice);
      if (host === undefined) {
        streamInfo.setFlag(FLAG.noHealthyUpstream);
        return this.#closeDownstream();
      }
      streamInfo.attemptCount = this.#attempts;
      this.#info = upstreamInfoOf(cluster, host);
      streamInfo.upstream = this.#info;
      if (this.#attempt(cluster, host)) return;
    }
  }

  /** @returns false if the attempt failed before this returned */
  #attempt(cluster: Cluster, host: Host): boolean {
    let isStarting = true;
    let hasFailed = false;
    const request: TunnelRequest = {
      priority: "default",
      onReady: (connection, ready) => this.#onReady(connection, ready),
      onFailure: (reason, transportFailureReason, failed) => {
        judgeFailure(failed, reason);
        this.#onFailure(reason, transportFailureReason);
        hasFailed = true;
        if (!isStarting) this.#connectLater();
      },
      streamInfo: this.#callbacks.streamInfo,
    };
    const tunnel = this.#tunnel();
    const pending = tunnel === undefined
      ? cluster.newTcpConnection(host, request)
      : openTunnel(tunnel, cluster, host, request);
    isStarting = false;
    if (hasFailed) return false;
    if (this.#upstream === undefined) this.#pending = pending;
    return true;
  }

  /** Filter state may switch tunnelling off for this connection. */
  #tunnel(): TunnelConfig | undefined {
    const { tunnel } = this.#config;
    if (tunnel === undefined) return undefined;
    return stateText(this.#callbacks.streamInfo, DISABLE_TUNNELING) === "true" ? undefined : tunnel;
  }

  /** After the wait that `backoff_options` asks for, if more attempts are allowed. */
  #connectLater(): void {
    const { backoff, maxAttempts, context } = this.#config;
    if (backoff === undefined || this.#attempts >= maxAttempts) return this.#connect();
    const { timers, random } = context.dispatcher;
    const ceilingMs = Math.min(backoff.maxMs, backoff.baseMs * 2 ** (this.#attempts - 1));
    this.#retryTimer ??= timers.create(this, RETRY);
    this.#retryTimer.arm(random.below(Math.max(1, Math.floor(ceilingMs))));
  }

  #onReady(connection: TcpUpstream, ready: PoolReady): void {
    this.#pending = undefined;
    if (this.#isDone) return connection.close("no_flush");
    ready.host.monitor?.putConnectedAlone();
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
    this.#startLog();
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

  /** The client reads slowly: the upstream waits. */
  #pauseUpstream(pause: boolean): void {
    const upstream = this.#upstream;
    if (upstream === undefined || upstream.isClosed) return;
    this.#cluster!.info.stats.inc(pause ? UPSTREAM_PAUSED : UPSTREAM_RESUMED);
    upstream.readDisable(pause);
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

  #endUpstream(upstream: TcpUpstream): void {
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
    const own = stateText(this.#callbacks.streamInfo, TCP_IDLE_TIMEOUT_MS);
    this.#idleMs = own === undefined ? idleMs : Number(own);
    if (this.#idleMs === 0) return;
    this.#idleTimer = context.dispatcher.timers.create(this, IDLE);
    this.#idleTimer.arm(this.#idleMs);
    this.#touch();
  }

  #startLog(): void {
    const { logsOnConnected, logEveryMs, context } = this.#config;
    if (logsOnConnected) this.#log("TcpUpstreamConnected");
    if (logEveryMs === 0) return;
    this.#logTimer = context.dispatcher.timers.create(this, LOG);
    this.#logTimer.arm(logEveryMs);
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
    this.#logTimer?.cancel();
    this.#retryTimer?.cancel();
    this.#early = [];
    this.#callbacks.streamInfo.endMs = this.#config.context.dispatcher.clock.nowMs();
    this.#log("TcpConnectionEnd");
  }

  #log(accessLogType: AccessLogType): void {
    const { streamInfo: info } = this.#callbacks;
    const upstream = this.#upstream;
    if (upstream !== undefined && this.#info !== undefined) {
      this.#info.wireBytesReceived = upstream.bytesReceived;
      this.#info.wireBytesSent = upstream.bytesSent;
    }
    for (const log of this.#config.accessLogs) {
      log.log({
        requestHeaders: undefined,
        responseHeaders: undefined,
        responseTrailers: undefined,
        info,
        localReplyBody: "",
        accessLogType,
      });
    }
  }
}

export const tcpProxyFactory: NetworkFilterFactory<TcpProxyConfig> = {
  name: "envoy.filters.network.tcp_proxy",
  type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  isTerminal: true,
  compile: (message, context) => compileTcpProxy(message as Message, context),
  create: (config, callbacks) => new TcpProxyFilter(config, callbacks),
};
