/**
 * One connection of a pool with its codec. It is also the `PoolReady` of its streams, so that a
 * request on a warm connection allocates nothing but its stream.
 *
 *     connecting ─connected→ ready ⇄ busy ─(limit, GOAWAY, age)→ draining ─last stream→ closed
 *          └──────────── failure, timeout, close from either end ────────────────────────┘
 */

import { type Address, Keepalive, type KeepaliveActions, type Timer } from "../../base/mod.ts";
import type {
  ClientConnectionCallbacks,
  ClientHttpConnection,
  Protocol,
  ResetReason,
  ResponseDecoder,
  TlsInfo,
} from "../../http/mod.ts";
import type { CloseReason, Connection, ConnectionEvents } from "../../net/mod.ts";
import type { PoolFailureReason, PoolReady, StreamRequest } from "../api.ts";
import { settledConnection } from "../connect_race.ts";
import type { UpstreamHost } from "../host.ts";
import { ConnectionTally, isLocalClose } from "./connection_tally.ts";
import type { PoolContext } from "./pool_context.ts";
import { POOL_STAT } from "./pool_stats.ts";
import { PoolStream, type StreamOwner } from "./pool_stream.ts";

export type PooledState = "connecting" | "ready" | "busy" | "draining" | "closed";

/** The pool, as its connections see it. */
export interface PoolOwner {
  onConnected(connection: PooledConnection): void;
  /** The connection can take another stream, or no longer. */
  onReady(connection: PooledConnection): void;
  onNotReady(connection: PooledConnection): void;
  /** @param failure set if it never got connected */
  onClosed(connection: PooledConnection, failure: ConnectFailure | undefined): void;
}

/** Why a connection did not come about. */
export interface ConnectFailure {
  readonly reason: PoolFailureReason;
  readonly transportFailureReason: string;
}

const TIMER_CONNECT_OR_IDLE = 0;
const TIMER_MAX_DURATION = 1;

/** A connection that carries streams up to its limits; its pool learns of every change of state. */
export class PooledConnection
  implements ConnectionEvents, ClientConnectionCallbacks, PoolReady, StreamOwner, KeepaliveActions {
  /** A race of addresses until one of them is connected, then that one. */
  connection: Connection;
  readonly host: UpstreamHost;
  state: PooledState = "connecting";
  /** Streams it is trusted to carry while it still connects. */
  assumedCapacity = 1;
  streamCount = 0;
  readonly connectStartMs: number;
  connectCompleteMs = -1;
  handshakeCompleteMs = -1;
  readonly #context: PoolContext;
  readonly #owner: PoolOwner;
  readonly #tally: ConnectionTally;
  readonly #timer: Timer;
  #durationTimer: Timer | undefined;
  #codec: ClientHttpConnection | undefined;
  #keepalive: Keepalive | undefined;
  #activeStreams = 0;
  #maxStreams: number;
  #remainingStreams: number;
  #closedWithActive = false;
  #hasTimedOut = false;
  #isClosedByPeer = false;
  /** Reason for streams that are left when the connection closes, where the peer is to blame. */
  #resetReason: ResetReason = "connection_termination";
  #resetDetails = "";

  constructor(owner: PoolOwner, context: PoolContext) {
    const { dispatcher, facts, host, options } = context;
    this.#owner = owner;
    this.#context = context;
    this.host = host;
    this.connectStartMs = dispatcher.clock.nowMs();
    this.#remainingStreams = options.maxRequestsPerConnection === 0
      ? Infinity
      : options.maxRequestsPerConnection;
    const { protocol } = context;
    // Until ALPN has spoken one connection is trusted with all that waits, as by Envoy.
    const isHttp2 = protocol === "http2" || (protocol === "auto" && host.speaksHttp2 !== false);
    this.#maxStreams = isHttp2 ? options.http2.maxConcurrentStreams : 1;
    this.assumedCapacity = Math.min(this.#maxStreams, this.#remainingStreams);
    this.#tally = new ConnectionTally(context);
    if (protocol !== "auto") this.#countProtocol(isHttp2);
    this.#timer = dispatcher.timers.create(this, TIMER_CONNECT_OR_IDLE);
    this.#timer.arm(facts.connectTimeoutMs);
    this.connection = context.connect();
    this.connection.events = this;
    this.connection.bufferLimitBytes = facts.perConnectionBufferLimitBytes;
  }

  // Facts for streams (PoolReady).

  get protocol(): Protocol {
    return this.#codec?.protocol ?? "HTTP/1.1";
  }

  get tls(): TlsInfo | undefined {
    return this.connection.tls;
  }

  get connectionId(): number {
    return this.connection.id;
  }

  get localAddress(): Address {
    return this.connection.localAddress;
  }

  get activeStreams(): number {
    return this.#activeStreams;
  }

  /** Streams it could take on top of those it carries. */
  get freeStreams(): number {
    if (this.state !== "ready") return 0;
    return Math.min(this.#maxStreams - this.#activeStreams, this.#remainingStreams);
  }

  /** Starts a stream; only while `ready`. The request is in hand of the breaker already. */
  startStream(decoder: ResponseDecoder, request: StreamRequest): void {
    const { facts } = this.#context;
    this.#activeStreams++;
    this.streamCount++;
    this.#remainingStreams--;
    if (this.#remainingStreams === 0) {
      facts.stats.inc(POOL_STAT.cxMaxRequests);
      this.#leaveReady("draining");
    } else if (this.#activeStreams >= this.#maxStreams) {
      this.#leaveReady("busy");
    }
    this.#tally.streamStarted();
    const stream = new PoolStream(this, decoder, facts.sizes);
    stream.attach(this.#codec!.newStream(stream));
    this.#keepalive?.beforeWork();
    request.callbacks.onPoolReady(stream, this);
  }

  /** No more streams; closes once the present ones end. */
  drain(): void {
    if (this.state === "closed" || this.state === "connecting") return;
    if (this.state !== "draining") this.#leaveReady("draining");
    if (this.#activeStreams === 0) this.close();
  }

  close(): void {
    if (this.state !== "closed") this.connection.close("no_flush");
  }

  // Streams (StreamOwner).

  onStreamComplete(_stream: PoolStream): void {
    this.#releaseStream();
    const codec = this.#codec!;
    if (this.state === "closed" || this.connection.isClosing) return;
    if (!codec.isReusable || this.state === "draining") {
      if (this.state !== "draining") this.#leaveReady("draining");
      if (this.#activeStreams === 0) this.connection.close("flush_write");
      return;
    }
    this.#becomeReady();
  }

  onEarlyResponse(_stream: PoolStream): boolean {
    // HTTP/2 streams end one by one; here the peer would take the rest of the body for a request.
    if (this.#codec!.protocol === "HTTP/2") return false;
    this.#abort();
    this.#releaseStream();
    return true;
  }

  onStreamReset(_stream: PoolStream, reason: ResetReason, isLocal: boolean): void {
    const isHttp2 = this.#codec!.protocol === "HTTP/2";
    const isConnectionGone = reason === "connection_termination" || reason === "connection_failure";
    if (isConnectionGone || !isHttp2) this.#closedWithActive = true;
    if (isHttp2) {
      const stat = isConnectionGone ? POOL_STAT.rqPendingFailureEject : resetStat(reason, isLocal);
      if (stat !== undefined) this.#context.facts.stats.inc(stat);
    }
    this.#releaseStream();
    if (this.state === "closed" || this.connection.isClosing) return;
    if (!isHttp2) this.#abort();
    else if (this.state === "draining") {
      if (this.#activeStreams === 0) this.close();
    } else this.#becomeReady();
  }

  onTunnelEnded(): void {
    if (this.#codec!.protocol === "HTTP/2" || this.state === "closed") return;
    this.#closedWithActive = true;
    if (this.state !== "draining") this.#leaveReady("draining");
    this.connection.close("flush_write");
  }

  // The connection's events.

  onConnected(): void {
    const { dispatcher, facts, protocol, options } = this.#context;
    const now = dispatcher.clock.nowMs();
    this.connection = settledConnection(this.connection);
    this.connectCompleteMs = now;
    this.handshakeCompleteMs = this.connection.tls === undefined ? -1 : now;
    facts.connectTime.record(now - this.connectStartMs);
    const isHttp2 = protocol === "http2" || (protocol === "auto" && this.connection.alpn === "h2");
    if (protocol === "auto") this.#settleProtocol(isHttp2);
    this.#timer.cancel();
    this.#armDuration();
    this.#codec = this.#context.createCodec(isHttp2 ? "http2" : "http1", this.connection, this);
    if (isHttp2 && options.keepalive !== undefined) {
      this.#keepalive = new Keepalive(options.keepalive, dispatcher, this);
    }
    this.state = "ready";
    this.#armIdle();
    this.#owner.onConnected(this);
  }

  onData(bytes: Uint8Array): void {
    this.#tally.received(bytes.length);
    this.#keepalive?.onActivity();
    const error = this.#codec!.dispatch(bytes);
    if (error !== undefined) this.#onCodecError(error.kind, error.details);
  }

  onEnd(): void {
    // A half-closed HTTP/1 connection can still answer; HTTP/2 and an idle one are over.
    const error = this.#codec?.onEnd();
    if (error !== undefined) this.#onCodecError(error.kind, error.details);
    else if (this.#activeStreams === 0 || this.protocol === "HTTP/2") this.#closeAsRemote();
    else if (this.state !== "draining") this.#leaveReady("draining");
  }

  onClose(reason: CloseReason, details: string): void {
    const wasConnecting = this.state === "connecting";
    const { facts, dispatcher } = this.#context;
    if (this.state === "ready") this.#owner.onNotReady(this);
    this.state = "closed";
    this.#timer.cancel();
    this.#durationTimer?.cancel();
    this.#keepalive?.stop();
    const isLocal = !this.#isClosedByPeer && isLocalClose(reason);
    const hadStreams = this.#closedWithActive || this.#activeStreams > 0;
    this.#tally.closed(this.connection, { isLocal, hadStreams, wasConnecting });
    if (wasConnecting) {
      this.#owner.onClosed(this, this.#failureOf(isLocal, details));
      return;
    }
    facts.lengthTime.record(dispatcher.clock.nowMs() - this.connectCompleteMs);
    facts.requestsPerConnection.record(this.streamCount);
    this.#codec!.onConnectionClosed(this.#resetReason, this.#resetDetails || details);
    this.#owner.onClosed(this, undefined);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#codec?.onUnderlyingAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#codec?.onUnderlyingBelowWriteBufferLowWatermark();
  }

  // The codec's news of the connection.

  onGoAway(): void {
    if (this.state === "closed" || this.state === "draining") return;
    if (this.protocol === "HTTP/2") this.#context.facts.stats.inc(POOL_STAT.cxCloseNotify);
    this.#leaveReady("draining");
    if (this.#activeStreams === 0) this.close();
  }

  onMaxStreamsChanged(maxStreams: number): void {
    this.#maxStreams = Math.min(this.#context.options.http2.maxConcurrentStreams, maxStreams);
    if (this.state === "ready" && this.#activeStreams >= this.#maxStreams) this.#leaveReady("busy");
    else if (this.state === "busy") this.#becomeReady();
  }

  /** Windows to be given back: after the flushes, which may fill their reader up again. */
  onResumable(): void {
    this.#context.dispatcher.defer(() => void this.#codec!.resume());
  }

  // Signs of life (KeepaliveActions).

  ping(opaque: number): void {
    this.#codec!.sendPing!(opaque);
  }

  expire(): void {
    this.#context.facts.scope.scope("http2").counter("keepalive_timeout").inc();
    if (this.#activeStreams > 0) this.#closedWithActive = true;
    this.connection.close("no_flush", "http2_ping_timeout");
  }

  // Timers.

  onTimer(tag: number): void {
    if (this.state === "closed") return;
    const stats = this.#context.facts.stats;
    if (tag === TIMER_MAX_DURATION) {
      stats.inc(POOL_STAT.cxMaxDuration);
      this.drain();
    } else if (this.state === "connecting") {
      stats.inc(POOL_STAT.cxConnectTimeout);
      this.#hasTimedOut = true;
      this.connection.close("no_flush");
    } else if (this.#activeStreams === 0) {
      stats.inc(POOL_STAT.cxIdleTimeout);
      this.drain();
    }
  }

  #becomeReady(): void {
    if (this.#activeStreams === 0) this.#armIdle();
    if (this.state === "busy" && this.#activeStreams < this.#maxStreams) {
      this.state = "ready";
      this.#owner.onReady(this);
    }
  }

  #leaveReady(state: "busy" | "draining"): void {
    const wasReady = this.state === "ready";
    this.state = state;
    if (wasReady) this.#owner.onNotReady(this);
  }

  #releaseStream(): void {
    this.#activeStreams--;
    this.#tally.streamEnded();
    this.#tally.sent(this.connection);
  }

  /** The connection cannot go on after its stream: what waits is dropped. */
  #abort(): void {
    this.#closedWithActive = true;
    if (this.state !== "draining") this.#leaveReady("draining");
    this.connection.close("no_flush");
  }

  #onCodecError(kind: string, details: string): void {
    if (kind !== "closed") {
      this.#context.facts.stats.inc(POOL_STAT.cxProtocolError);
      this.#resetReason = "protocol_error";
    }
    this.#resetDetails = details;
    if (this.#activeStreams > 0) this.#closedWithActive = true;
    if (this.state !== "draining") this.#leaveReady("draining");
    if (kind === "closed") this.#closeAsRemote();
    // GOAWAY, or whatever else the codec has to say about it, still leaves.
    else this.connection.close("flush_write");
  }

  #closeAsRemote(): void {
    this.#isClosedByPeer = true;
    if (this.state !== "draining" && this.state !== "connecting") this.#leaveReady("draining");
    this.connection.close("flush_write");
  }

  #failureOf(isLocal: boolean, details: string): ConnectFailure {
    const text = this.connection.transportFailureReason || details;
    if (this.#hasTimedOut) return { reason: "timeout", transportFailureReason: text };
    return {
      reason: isLocal ? "local_connection_failure" : "remote_connection_failure",
      transportFailureReason: text,
    };
  }

  /** ALPN has spoken: the limit of streams that was assumed is put right. */
  #settleProtocol(isHttp2: boolean): void {
    const { host, options } = this.#context;
    host.speaksHttp2 = isHttp2;
    this.#countProtocol(isHttp2);
    this.#maxStreams = isHttp2 ? options.http2.maxConcurrentStreams : 1;
  }

  #countProtocol(isHttp2: boolean): void {
    this.#context.facts.stats.inc(isHttp2 ? POOL_STAT.cxHttp2Total : POOL_STAT.cxHttp1Total);
  }

  #armIdle(): void {
    const timeoutMs = this.#context.options.idleTimeoutMs;
    if (timeoutMs > 0) this.#timer.arm(timeoutMs);
  }

  #armDuration(): void {
    const { options, dispatcher } = this.#context;
    const durationMs = options.maxConnectionDurationMs;
    if (durationMs === undefined || durationMs === 0) return;
    const jitter = options.maxConnectionDurationJitter / 100 * durationMs;
    this.#durationTimer = dispatcher.timers.create(this, TIMER_MAX_DURATION);
    this.#durationTimer.arm(durationMs + dispatcher.random.below(Math.max(1, Math.ceil(jitter))));
  }
}

/** What Envoy's HTTP/2 pools count a reset as: one that refuses the stream as nothing. */
function resetStat(reason: ResetReason, isLocal: boolean): number | undefined {
  switch (reason) {
    case "local_refused_stream":
    case "remote_refused_stream":
    case "overflow":
    case "connect_error":
      return undefined;
    case "protocol_error":
      return POOL_STAT.rqTxReset;
    default:
      return isLocal ? POOL_STAT.rqTxReset : POOL_STAT.rqRxReset;
  }
}
