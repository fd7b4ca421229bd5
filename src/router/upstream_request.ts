/**
 * One attempt at sending a request to one host. It ends by a response, by a reset or by `reset()`:
 *
 *   waiting --pool ready--> sending --response headers--> responding --end--> done
 *      \-- pool failure ------ \-- reset, timeout --------- \-- reset --------> done
 *
 * Body and trailers that come while it waits, or while an upgrade or CONNECT is not accepted yet,
 * are kept; above the buffer limit the downstream is paused.
 */

import type { TimerWheel } from "../base/mod.ts";
import {
  H,
  type HeaderMap,
  type Protocol,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
  statusOf,
  type StreamInfo,
  type UpstreamInfo,
} from "../http/mod.ts";
import {
  type Cluster,
  clusterStat,
  type Host,
  type PendingStream,
  type PoolCallbacks,
  type PoolFailureReason,
  type PoolReady,
  type Priority,
  type StreamRequest,
} from "../upstream/mod.ts";
import type { AttemptLog } from "./attempt_log.ts";
import { type AttemptTimeout, type AttemptTimeoutTarget, AttemptTimers } from "./attempt_timers.ts";
import { type BodySink, HeldBody } from "./held_body.ts";
import { type AttemptResetReason, fromPool, fromStream, resetFlag } from "./reset_reason.ts";
import type { ConnectTermination } from "../route/mod.ts";
import { startTcpUpstream } from "./tcp_upstream.ts";

const STAT = {
  backedUp: clusterStat("upstream_flow_control_backed_up_total"),
  drained: clusterStat("upstream_flow_control_drained_total"),
  pausedReading: clusterStat("upstream_flow_control_paused_reading_total"),
  resumedReading: clusterStat("upstream_flow_control_resumed_reading_total"),
};

/** The router, as an attempt sees it. */
export interface AttemptOwner {
  readonly requestHeaders: HeaderMap;
  readonly streamInfo: StreamInfo;
  readonly downstreamProtocol: Protocol;
  readonly priority: Priority;
  readonly bufferLimitBytes: number;
  readonly hasResponseStarted: boolean;
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  /** CONNECT (or POST) becomes a TCP connection. */
  readonly terminatesConnect: boolean;
  /** The PROXY header such a connection begins with. */
  readonly connectProxy: ConnectTermination["proxy"];
  nowMs(): number;
  readonly timers: TimerWheel;
  pauseDownstream(): void;
  resumeDownstream(): void;
  onHostAttempted(attempt: UpstreamRequest, isConnected: boolean): void;
  /** Headers may change now that the host is known. */
  beforeRequestHeaders(attempt: UpstreamRequest): void;
  onMissingHeader(attempt: UpstreamRequest, what: string): void;
  /** The host has no pool and may get none. */
  onNoPool(attempt: UpstreamRequest): void;
  onInterim(attempt: UpstreamRequest, headers: HeaderMap): void;
  onResponseHeaders(
    attempt: UpstreamRequest,
    headers: HeaderMap,
    response: { readonly status: number; readonly endStream: boolean },
  ): void;
  onResponseData(attempt: UpstreamRequest, bytes: Uint8Array, endStream: boolean): void;
  onResponseTrailers(attempt: UpstreamRequest, trailers: HeaderMap): void;
  onAttemptReset(
    attempt: UpstreamRequest,
    reason: AttemptResetReason,
    transportFailureReason: string,
  ): void;
  onPerTryTimeout(attempt: UpstreamRequest, isIdle: boolean): void;
  onMaxDuration(attempt: UpstreamRequest): void;
}

/** What holds the body back after the headers were sent. */
type Tunnel = "none" | "connect" | "upgrade";

/**
 * One attempt, between the pool's stream and its owner, which learns of response, reset and
 * timeout.
 */
export class UpstreamRequest
  implements ResponseDecoder, PoolCallbacks, StreamRequest, BodySink, AttemptTimeoutTarget {
  readonly host: Host;
  readonly cluster: Cluster;
  readonly info: UpstreamInfo;
  readonly startMs: number;
  isAwaitingHeaders = true;
  /** Another try was made beside this one, or in its place. */
  isRetried = false;
  /** A gRPC response's success shows in its trailers only. */
  isGrpcOutcomeOpen = false;
  /** Whether the request's headers were written. */
  isSent = false;
  isCanary = false;
  readonly #owner: AttemptOwner;
  readonly #log: AttemptLog | undefined;
  #encoder: RequestEncoder | undefined;
  #pending: PendingStream | undefined;
  #tunnel: Tunnel = "none";
  isFinished = false;
  #isRequestSent = false;
  #isResponseDone = false;
  #sawInterim = false;
  // What is kept while nothing can be sent.
  #endsWithHeaders = false;
  #held: HeldBody | undefined;
  #pausesForHeld = false;
  /** Pauses of the downstream that the encoder asked for. */
  #downstreamPauses = 0;
  /** Pauses of the response that wait until it begins. */
  #deferredPauses = 0;
  #timers: AttemptTimers | undefined;

  constructor(owner: AttemptOwner, cluster: Cluster, options: {
    readonly host: Host;
    readonly info: UpstreamInfo;
    readonly log: AttemptLog | undefined;
  }) {
    this.#owner = owner;
    this.cluster = cluster;
    this.host = options.host;
    this.info = options.info;
    this.#log = options.log;
    this.startMs = owner.nowMs();
  }

  // What the pool asks (StreamRequest).

  get callbacks(): PoolCallbacks {
    return this;
  }

  get priority(): Priority {
    return this.#owner.priority;
  }

  get downstreamProtocol(): Protocol {
    return this.#owner.downstreamProtocol;
  }

  get streamInfo(): StreamInfo {
    return this.#owner.streamInfo;
  }

  get authority(): string | undefined {
    return this.#owner.requestHeaders.getId(H.authority);
  }

  get isTunnel(): boolean {
    return this.#tunnel !== "none";
  }

  get hasUpstream(): boolean {
    return this.#encoder !== undefined;
  }

  /** Whether a response of this status accepts the upgrade or CONNECT. */
  opensTunnel(status: number): boolean {
    if (this.#tunnel === "connect") return status >= 200 && status < 300;
    return status === 101 || (this.info.protocol === "HTTP/2" && status >= 200 && status < 300);
  }

  /** Asks the pool for a stream; its answer may come before this returns. */
  start(endStream: boolean): void {
    const headers = this.#owner.requestHeaders;
    this.#endsWithHeaders = endStream;
    const isTcp = this.#owner.terminatesConnect;
    // A TCP upstream takes bytes at once; others have to accept the CONNECT or upgrade first.
    if (!isTcp && headers.getId(H.method) === "CONNECT") this.#tunnel = "connect";
    else if (!isTcp && !endStream && headers.hasId(H.upgrade)) this.#tunnel = "upgrade";
    const pending = isTcp
      ? startTcpUpstream(this.cluster, this.host, {
        decoder: this,
        callbacks: this,
        priority: this.priority,
        streamInfo: this.#owner.streamInfo,
        proxy: this.#owner.connectProxy,
      })
      : this.cluster.newStream(this.host, this, this);
    if (!this.isFinished && this.#encoder === undefined) this.#pending = pending;
    const log = this.#log;
    if (log !== undefined && log.intervalMs > 0 && !this.isFinished) {
      this.#arm("log", log.intervalMs);
    }
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    if (this.isFinished) return;
    if (this.#encoder === undefined || this.#tunnel !== "none") {
      this.#hold(bytes, endStream);
      return;
    }
    this.writeData(bytes, endStream);
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.isFinished) return;
    if (this.#encoder === undefined || this.#tunnel !== "none") {
      (this.#held ??= new HeldBody()).end(trailers);
      return;
    }
    this.writeTrailers(trailers);
  }

  /** Ends the attempt from our side; nothing is called back after it. */
  reset(): void {
    if (this.isFinished) return;
    const encoder = this.#encoder;
    const isOver = this.#isRequestSent && this.#isResponseDone;
    this.finish();
    this.#pending?.cancel();
    if (!isOver) encoder?.reset("local_reset");
  }

  /** Releases timers and pauses and writes the log; called once, however the attempt ended. */
  finish(): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.isAwaitingHeaders = false;
    this.#timers?.cancelAll();
    this.#recordBytes();
    if (this.#log !== undefined) {
      this.#log.info.endMs = this.#owner.nowMs();
      this.#log.write("UpstreamEnd");
    }
    this.#dropHeld();
    while (this.#downstreamPauses > 0) {
      this.#downstreamPauses--;
      this.cluster.info.stats.inc(STAT.drained);
      this.#owner.resumeDownstream();
    }
  }

  /** The downstream is full (or not any more): the response waits, once it has begun. */
  readDisable(disable: boolean): void {
    const encoder = this.#encoder;
    if (encoder === undefined || this.isFinished) return;
    if (disable) {
      if (this.#owner.hasResponseStarted) this.#pauseResponse(encoder);
      else this.#deferredPauses++;
    } else if (this.#deferredPauses > 0) this.#deferredPauses--;
    else {
      this.cluster.info.stats.inc(STAT.resumedReading);
      encoder.readDisable(false);
    }
  }

  /** Arms what limits this try, once the request is complete. */
  armTimeouts(): void {
    const { perTryTimeoutMs, perTryIdleTimeoutMs } = this.#owner;
    if (this.#encoder === undefined || this.isFinished) return;
    if (perTryTimeoutMs > 0) this.#arm("per_try", perTryTimeoutMs);
    if (perTryIdleTimeoutMs > 0) this.#arm("per_try_idle", perTryIdleTimeoutMs);
  }

  armMaxDuration(ms: number): void {
    this.#arm("max_duration", ms);
  }

  onTimeout(timeout: AttemptTimeout): void {
    if (this.isFinished) return;
    const timers = this.#timers!;
    switch (timeout) {
      case "per_try":
        // The idle timer must not make a second retry of it.
        timers.cancel("per_try_idle");
        if (!this.#owner.hasResponseStarted) this.#owner.onPerTryTimeout(this, false);
        break;
      case "per_try_idle":
        timers.cancel("per_try");
        this.#owner.onPerTryTimeout(this, true);
        break;
      case "max_duration":
        this.#owner.onMaxDuration(this);
        break;
      case "log":
        this.#recordBytes();
        this.#log!.write("UpstreamPeriodic");
        timers.arm("log", this.#log!.intervalMs);
        break;
    }
  }

  /** Where no timeout is asked for there are no timers at all. */
  #arm(timeout: AttemptTimeout, ms: number): void {
    (this.#timers ??= new AttemptTimers(this.#owner.timers, this)).arm(timeout, ms);
  }

  // The pool's answer.

  onPoolReady(encoder: RequestEncoder, ready: PoolReady): void {
    this.#pending = undefined;
    this.#encoder = encoder;
    ready.host.monitor?.putConnected();
    fillUpstreamInfo(this.info, ready, this.#owner.nowMs());
    this.info.streamId = encoder.streamId;
    this.#owner.onHostAttempted(this, true);
    this.#log?.onPoolReady();
    this.#owner.beforeRequestHeaders(this);
    const missing = encoder.encodeHeaders(this.#owner.requestHeaders, this.#endsWithHeaders);
    if (missing !== undefined) {
      this.#owner.onMissingHeader(this, missing);
      return;
    }
    this.isSent = true;
    this.info.streamId = encoder.streamId;
    this.#touchSent(this.#endsWithHeaders);
    if (this.#tunnel === "none") this.#sendHeld();
  }

  onPoolFailure(reason: PoolFailureReason, transportFailureReason: string, _host: Host): void {
    this.#pending = undefined;
    if (reason === "pool_overflow") {
      this.#owner.onNoPool(this);
      return;
    }
    this.info.transportFailureReason = transportFailureReason;
    this.#owner.onHostAttempted(this, false);
    this.#onReset(fromPool(reason), transportFailureReason);
  }

  // The response.

  decode1xx(headers: HeaderMap): void {
    // The downstream gets one at most.
    if (this.isFinished || this.#sawInterim) return;
    this.#sawInterim = true;
    this.#owner.onInterim(this, headers);
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.isFinished) return;
    const status = statusOf(headers);
    this.#touchReceived(endStream);
    if (status >= 100 && status < 200 && status !== 101) return;
    this.isAwaitingHeaders = false;
    if (this.#log !== undefined) {
      this.#log.responseHeaders = headers.copy();
      this.#log.info.responseCode = status;
    }
    const opens = this.#tunnel !== "none" && this.opensTunnel(status);
    this.#owner.onResponseHeaders(this, headers, { status, endStream });
    if (this.isFinished) return;
    for (; this.#deferredPauses > 0; this.#deferredPauses--) this.#pauseResponse(this.#encoder!);
    if (!opens) return;
    this.#tunnel = "none";
    this.#sendHeld();
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.isFinished) return;
    this.#touchReceived(endStream);
    if (this.#log !== undefined) this.#log.info.bytesReceived += bytes.length;
    this.#owner.onResponseData(this, bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.isFinished) return;
    this.#touchReceived(true);
    if (this.#log !== undefined) this.#log.responseTrailers = trailers.copy();
    this.#owner.onResponseTrailers(this, trailers);
  }

  onReset(reason: ResetReason, _details: string): void {
    // Only a connection that was never made has a transport failure to tell of, as in Envoy.
    if (!this.isFinished) this.#onReset(fromStream(reason), "");
  }

  onAboveWriteBufferHighWatermark(): void {
    if (this.isFinished) return;
    this.#downstreamPauses++;
    this.cluster.info.stats.inc(STAT.backedUp);
    this.#owner.pauseDownstream();
  }

  onBelowWriteBufferLowWatermark(): void {
    if (this.isFinished || this.#downstreamPauses === 0) return;
    this.#downstreamPauses--;
    this.cluster.info.stats.inc(STAT.drained);
    this.#owner.resumeDownstream();
  }

  #onReset(reason: AttemptResetReason, transportFailureReason: string): void {
    this.#log?.info.setFlag(resetFlag(reason));
    this.isAwaitingHeaders = false;
    this.#owner.onAttemptReset(this, reason, transportFailureReason);
  }

  #pauseResponse(encoder: RequestEncoder): void {
    this.cluster.info.stats.inc(STAT.pausedReading);
    encoder.readDisable(true);
  }

  /** Writes body bytes out. */
  writeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#log !== undefined) this.#log.info.bytesSent += bytes.length;
    this.#touchSent(endStream);
    this.#encoder!.encodeData(bytes, endStream);
  }

  writeTrailers(trailers: HeaderMap): void {
    this.#touchSent(true);
    this.#encoder!.encodeTrailers(trailers);
  }

  #touchSent(endStream: boolean): void {
    const now = this.#owner.nowMs();
    if (this.info.firstTxMs < 0) this.info.firstTxMs = now;
    if (!endStream) return;
    this.#isRequestSent = true;
    this.info.lastTxMs = now;
  }

  #touchReceived(endStream: boolean): void {
    if (this.#timers?.isArmed("per_try_idle") === true) {
      this.#timers.arm("per_try_idle", this.#owner.perTryIdleTimeoutMs);
    }
    const now = this.#owner.nowMs();
    if (this.info.firstRxMs < 0) this.info.firstRxMs = now;
    if (!endStream) return;
    this.#isResponseDone = true;
    this.info.lastRxMs = now;
  }

  #hold(bytes: Uint8Array, endStream: boolean): void {
    const held = this.#held ??= new HeldBody();
    held.push(bytes, endStream);
    const limit = this.#owner.bufferLimitBytes;
    if (limit === 0 || held.length <= limit || this.#pausesForHeld) return;
    this.#pausesForHeld = true;
    this.#owner.pauseDownstream();
  }

  #sendHeld(): void {
    // The pause ends after: what was held may make the encoder ask for one, and a window that was
    // given back in between lets as much again come in.
    this.#held?.sendTo(this);
    this.#dropHeld();
  }

  #dropHeld(): void {
    this.#held = undefined;
    if (!this.#pausesForHeld) return;
    this.#pausesForHeld = false;
    this.#owner.resumeDownstream();
  }

  #recordBytes(): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    const { info } = this;
    info.wireBytesReceived = encoder.wireBytesReceived;
    info.wireBytesSent = encoder.wireBytesSent;
    info.headerBytesReceived = encoder.headerBytesReceived;
    info.headerBytesSent = encoder.headerBytesSent;
  }
}

function fillUpstreamInfo(info: UpstreamInfo, ready: PoolReady, nowMs: number): void {
  info.localAddress = ready.localAddress;
  info.protocol = ready.protocol;
  info.tls = ready.tls;
  info.connectionId = ready.connectionId;
  info.streamCount = ready.streamCount;
  info.connectStartMs = ready.connectStartMs;
  info.connectCompleteMs = ready.connectCompleteMs;
  info.handshakeCompleteMs = ready.handshakeCompleteMs;
  info.poolReadyMs = nowMs;
}
