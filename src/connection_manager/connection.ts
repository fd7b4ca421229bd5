/**
 * One downstream connection of the HTTP connection manager: chooses the codec, owns the streams,
 * drains and closes. Envoy's ConnectionManagerImpl.
 *
 *   not_draining ─idle, duration, listener drains─▶ draining ─drain timeout─▶ closing
 *        └──────── connection: close, unfinished request, last request ───────▲
 *
 * `closing` with no stream left closes the connection. Where the process ends, idle connections do
 * so at once, new and HTTP/2 ones after ENDING_GRACE_MS in place of the drain timeout.
 */

import { copyBytes, type Dispatcher, joinBytes, Keepalive, type Timer } from "../base/mod.ts";
import {
  createHttp2ServerConnection,
  Http1ServerConnection,
  type Http2ServerConnection,
} from "../codec/mod.ts";
import type { NetworkCallbacks, NetworkFilter, NetworkStatus } from "../filter_chain/mod.ts";
import {
  type CodecError,
  type ConnectionInfo,
  FLAG,
  type HttpConnection,
  type Protocol,
  type RequestDecoder,
  type ResponseEncoder,
  type ServerConnectionCallbacks,
  type StreamInfo,
} from "../http/mod.ts";
import type { CloseKind, CloseReason } from "../net/mod.ts";
import { sniffPreface } from "./codec_choice.ts";
import type { ManagerConfig } from "./config.ts";
import { STAT } from "./stats.ts";
import { ActiveStream, type StreamEnd, type StreamOwner } from "./stream.ts";

type DrainState = "not_draining" | "draining" | "closing";

/**
 * Time for a first request that is on its way, and for HTTP/2 streams opened before the first GOAWAY
 * was heard (RFC 9113 §6.8: at least one round trip).
 */
const ENDING_GRACE_MS = 500;

/** Tags of this connection's timers. */
const IDLE = 0;
const DURATION = 1;
const DRAIN = 2;
const STREAMS = 3;
const SETTINGS = 4;

/** Time for the ACK of our SETTINGS (RFC 9113 §6.5.3). */
const SETTINGS_TIMEOUT_MS = 10_000;

/** A network filter that serves the HTTP of one connection, whatever codec it speaks. */
export class ManagedConnection implements NetworkFilter, ServerConnectionCallbacks, StreamOwner {
  readonly config: ManagerConfig;
  readonly dispatcher: Dispatcher;
  readonly #callbacks: NetworkCallbacks;
  readonly #startMs: number;
  readonly #wallOffsetMs: number;
  #codec: HttpConnection | undefined = undefined;
  #http1: Http1ServerConnection | undefined = undefined;
  #http2: Http2ServerConnection | undefined = undefined;
  /** First bytes, while they may still be an HTTP/2 preface. */
  #sniffed: Uint8Array | undefined = undefined;
  readonly #streams: ActiveStream[] = [];
  #requests = 0;
  #drainState: DrainState = "not_draining";
  #drainsSoftly = false;
  #isClosed = false;
  #idleTimer: Timer | undefined = undefined;
  #durationTimer: Timer | undefined = undefined;
  #drainTimer: Timer | undefined = undefined;
  #streamTimer: Timer | undefined = undefined;
  #settingsTimer: Timer | undefined = undefined;
  #streamTimerAtMs = Infinity;
  #idleSinceMs: number;
  #keepalive: Keepalive | undefined = undefined;
  #receivedBefore = 0;
  #sentBefore = 0;

  constructor(config: ManagerConfig, callbacks: NetworkCallbacks) {
    this.config = config;
    this.dispatcher = config.dispatcher;
    this.#callbacks = callbacks;
    const { clock } = config.dispatcher;
    this.#startMs = clock.nowMs();
    this.#idleSinceMs = this.#startMs;
    this.#wallOffsetMs = clock.wallMs() - this.#startMs;
  }

  // NetworkFilter

  onNewConnection(): NetworkStatus {
    const { config } = this;
    const { timers } = config.dispatcher;
    config.stats.inc(STAT.downstream_cx_total);
    config.stats.change(STAT.downstream_cx_active, 1);
    if (this.info.tls !== undefined) {
      config.stats.inc(STAT.downstream_cx_ssl_total);
      config.stats.change(STAT.downstream_cx_ssl_active, 1);
    }
    this.#callbacks.connection.delayedCloseTimeoutMs = config.timeouts.delayedCloseMs;
    const { connectionIdleMs, maxConnectionDurationMs, maxConnectionJitter } = config.timeouts;
    if (connectionIdleMs > 0) {
      this.#idleTimer = timers.create(this, IDLE);
      this.#idleTimer.arm(connectionIdleMs);
    }
    if (maxConnectionDurationMs > 0) {
      this.#durationTimer = timers.create(this, DURATION);
      this.#durationTimer.arm(this.#jittered(maxConnectionDurationMs, maxConnectionJitter));
    }
    return "continue";
  }

  onData(bytes: Uint8Array, endStream: boolean): NetworkStatus {
    if (this.#isClosed) return "stop";
    this.#keepalive?.onActivity();
    const first = this.#codec === undefined ? this.#chooseCodec(bytes, endStream) : bytes;
    if (first === undefined) return "stop";
    if (first.length > 0) this.#handle(this.#codec!.dispatch(first));
    if (endStream) this.#onPeerEnd();
    else this.#closeIfDone("flush_write_and_delay");
    return "stop";
  }

  onClose(reason: CloseReason, details: string): void {
    const isRemote = reason === "remote_close" || reason === "remote_reset";
    const { stats } = this.config;
    stats.inc(isRemote ? STAT.downstream_cx_destroy_remote : STAT.downstream_cx_destroy_local);
    if (this.#streams.length > 0) {
      stats.inc(STAT.downstream_cx_destroy_active_rq);
      stats.inc(
        isRemote
          ? STAT.downstream_cx_destroy_remote_active_rq
          : STAT.downstream_cx_destroy_local_active_rq,
      );
    }
    if (details === "delayed_close_timeout") stats.inc(STAT.downstream_cx_delayed_close_timeout);
    this.#resetStreams(isRemote ? "downstream_remote_disconnect" : "downstream_local_disconnect");
    this.#release();
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#codec?.onUnderlyingAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#codec?.onUnderlyingBelowWriteBufferLowWatermark();
  }

  startDrain(isEnding: boolean): void {
    if (this.#isClosed) return;
    if (this.#drainState === "not_draining") {
      if (this.#codec === undefined && !isEnding) return this.#close("flush_write", "");
      this.config.stats.inc(STAT.downstream_cx_drain_close);
      this.#startDrainSequence();
    }
    if (isEnding && this.#drainState === "draining") this.#hurry();
  }

  // ServerConnectionCallbacks

  newStream(encoder: ResponseEncoder): RequestDecoder {
    const stream = this.#addStream(encoder, undefined);
    const max = this.config.maxRequestsPerConnection;
    this.#requests++;
    if (max > 0 && this.#requests >= max) {
      this.config.stats.inc(STAT.downstream_cx_max_requests_reached);
      if (this.#http2 === undefined) this.#markLast(stream);
      else if (this.#drainState === "not_draining") this.#startDrainSequence();
    }
    if (this.#drainsSoftly) this.#markLast(stream);
    return stream;
  }

  onGoAway(): void {
    // The client's `connection: close` is seen in its headers; a GOAWAY changes nothing for streams under way.
  }

  /** A pipelined request, or windows to be given back: their turn comes after this one's flushes. */
  onResumable(): void {
    this.dispatcher.defer(this.#resume);
  }

  // StreamOwner

  get info(): ConnectionInfo {
    return this.#callbacks.info;
  }

  get connectionState(): StreamInfo["connectionState"] {
    return this.#callbacks.streamInfo.filterState;
  }

  get protocol(): Protocol {
    return this.#codec?.protocol ?? "HTTP/1.1";
  }

  get bufferLimitBytes(): number {
    return this.#http2 !== undefined
      ? this.config.codec.http2InitialWindowBytes
      : this.#callbacks.connection.bufferLimitBytes;
  }

  get localPort(): number {
    const local = this.info.localAddress;
    return local.kind === "ip" ? local.port : 0;
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.dispatcher.clock.nowMs();
  }

  checkDrain(): boolean {
    if (this.#drainState === "not_draining" && this.#callbacks.isDraining) {
      this.config.stats.inc(STAT.downstream_cx_drain_close);
      this.#startDrainSequence();
    }
    return this.#drainState !== "not_draining";
  }

  closeAfterStream(): void {
    this.#drainState = "closing";
  }

  scheduleAt(atMs: number): void {
    if (atMs >= this.#streamTimerAtMs) return;
    this.#streamTimer ??= this.dispatcher.timers.create(this, STREAMS);
    this.#streamTimerAtMs = atMs;
    this.#streamTimer.arm(Math.max(0, atMs - this.dispatcher.clock.nowMs()));
  }

  onStreamEnd(stream: ActiveStream, end: StreamEnd): void {
    const last = this.#streams.pop()!;
    if (last !== stream) {
      this.#streams[stream.slot] = last;
      last.slot = stream.slot;
    }
    if (end.isRecreated) return;
    this.#chargeBytes();
    if (end.wasReset && this.#http2 === undefined) this.#drainState = "closing";
    this.#idleSinceMs = this.dispatcher.clock.nowMs();
    this.#closeIfDone(end.skipsDelay ? "flush_write" : "flush_write_and_delay");
  }

  recreate(old: ActiveStream, encoder: ResponseEncoder): ActiveStream {
    return this.#addStream(encoder, old);
  }

  // Timers

  onTimer(tag: number): void {
    if (this.#isClosed) return;
    switch (tag) {
      case IDLE:
        return this.#onIdle();
      case DURATION:
        return this.#onDuration();
      case DRAIN:
        return this.#onDrained();
      case STREAMS:
        return this.#expireStreams();
      case SETTINGS:
        this.#handle(this.#http2?.onSettingsTimeout());
    }
  }

  readonly #resume = (): void => {
    if (this.#isClosed || this.#codec === undefined) return;
    this.#handle(this.#codec.resume());
    this.#closeIfDone("flush_write_and_delay");
  };

  #addStream(encoder: ResponseEncoder, old: ActiveStream | undefined): ActiveStream {
    const stream = new ActiveStream(this, encoder, old);
    stream.slot = this.#streams.length;
    this.#streams.push(stream);
    return stream;
  }

  #markLast(stream: ActiveStream): void {
    stream.markLast();
    this.#drainState = "closing";
  }

  /** @returns the bytes to dispatch; undefined while it is not clear which codec is to have them */
  #chooseCodec(bytes: Uint8Array, endStream: boolean): Uint8Array | undefined {
    const { codec } = this.config;
    let kind = codec.type;
    let first = bytes;
    if (kind === "auto") {
      const alpn = this.#callbacks.connection.alpn;
      if (alpn === "h2") kind = "http2";
      else if (alpn !== "") kind = "http1";
      else {
        first = this.#sniffed === undefined ? bytes : joinBytes(this.#sniffed, bytes);
        const verdict = sniffPreface(first);
        if (verdict === "unknown" && !endStream) {
          this.#sniffed = copyBytes(first);
          return undefined;
        }
        kind = verdict === "http2" ? "http2" : "http1";
        this.#sniffed = undefined;
      }
    }
    this.#createCodec(kind);
    return first;
  }

  #createCodec(kind: "http1" | "http2"): void {
    const { config } = this;
    const { connection } = this.#callbacks;
    const isTls = this.info.tls !== undefined;
    if (kind === "http1") {
      const options = isTls ? config.codec.http1Tls : config.codec.http1;
      this.#http1 = new Http1ServerConnection(connection, options, this, config.http1Stats);
      this.#codec = this.#http1;
      config.stats.inc(STAT.downstream_cx_http1_total);
      config.stats.change(STAT.downstream_cx_http1_active, 1);
      return;
    }
    const options = isTls ? config.codec.http2Tls : config.codec.http2;
    const codec = createHttp2ServerConnection(connection, options, this, config.http2Stats);
    this.#http2 = codec;
    this.#codec = codec;
    config.stats.inc(STAT.downstream_cx_http2_total);
    config.stats.change(STAT.downstream_cx_http2_active, 1);
    this.#settingsTimer = config.dispatcher.timers.create(this, SETTINGS);
    this.#settingsTimer.arm(SETTINGS_TIMEOUT_MS);
    if (config.keepalive !== undefined) {
      this.#keepalive = new Keepalive(config.keepalive, config.dispatcher, {
        ping: (opaque) => codec.sendPing(opaque),
        expire: () => {
          config.http2Stats.counter("keepalive_timeout").inc();
          this.#close("no_flush", "http2_ping_timeout");
        },
      });
    }
  }

  /** The codec met what ends the connection: flush what it wrote and go. */
  #handle(error: CodecError | undefined): void {
    if (error === undefined) return;
    if (error.kind === "closed") return this.#onGone();
    this.config.stats.inc(STAT.downstream_cx_protocol_error);
    this.#callbacks.streamInfo.setFlag(FLAG.downstreamProtocolError);
    // The stream that was told of it has answered, and closed the connection with that.
    if (this.#isClosed) return;
    this.#resetStreams(error.details);
    this.#close("flush_write_and_delay", `codec_error:${error.details.replaceAll(" ", "_")}`);
  }

  /** A half-closed client is taken for gone (FACTS: a downstream half-close aborts the request). */
  #onPeerEnd(): void {
    if (this.#isClosed) return;
    this.#handle(this.#codec?.onEnd());
    if (!this.#isClosed) this.#onGone();
  }

  #onGone(): void {
    if (this.#isClosed) return;
    const { stats } = this.config;
    if (this.#streams.length > 0) {
      stats.inc(STAT.downstream_cx_destroy_active_rq);
      stats.inc(STAT.downstream_cx_destroy_remote_active_rq);
    }
    this.#resetStreams("downstream_remote_disconnect");
    this.#close("flush_write", "");
  }

  #resetStreams(details: string): void {
    this.#codec?.onConnectionClosed("connection_termination", details);
    // What the codec no longer knew of: an internal redirect under way, say.
    while (this.#streams.length > 0) {
      this.#streams[this.#streams.length - 1]!.onReset("connection_termination", details);
    }
  }

  #closeIfDone(kind: CloseKind): void {
    if (this.#isClosed || this.#streams.length > 0) return;
    const isDone = this.#drainState === "closing" || this.#http1?.shouldClose === true;
    if (isDone) this.#close(kind, "");
  }

  #close(kind: CloseKind, details: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimers();
    this.#callbacks.connection.close(kind, details === "" ? undefined : details);
  }

  /** Envoy's drain sequence: notice now (GOAWAY 2^31-1), the last word after the drain timeout. */
  #startDrainSequence(): void {
    this.#drainState = "draining";
    this.#codec?.shutdownNotice();
    const { drainMs, drainJitter } = this.config.timeouts;
    this.#drainTimer ??= this.dispatcher.timers.create(this, DRAIN);
    this.#drainTimer.arm(this.#jittered(drainMs, drainJitter));
  }

  #hurry(): void {
    const isHttp1 = this.#http1 !== undefined;
    if (isHttp1 && this.#streams.length > 0) this.#drainState = "closing";
    else if (isHttp1 && this.#requests > 0) this.#close("flush_write", "");
    else this.#drainTimer!.arm(Math.min(this.config.timeouts.drainMs, ENDING_GRACE_MS));
  }

  #onDrained(): void {
    this.#drainState = "closing";
    this.#codec?.goAway();
    this.#closeIfDone("flush_write_and_delay");
  }

  #onIdle(): void {
    const { connectionIdleMs } = this.config.timeouts;
    const idleMs = this.dispatcher.clock.nowMs() - this.#idleSinceMs;
    if (this.#streams.length > 0) return this.#idleTimer!.arm(connectionIdleMs);
    if (idleMs < connectionIdleMs) return this.#idleTimer!.arm(connectionIdleMs - idleMs);
    this.config.stats.inc(STAT.downstream_cx_idle_timeout);
    if (this.#codec === undefined) this.#close("flush_write", "");
    else if (this.#drainState === "not_draining") this.#startDrainSequence();
  }

  #onDuration(): void {
    this.config.stats.inc(STAT.downstream_cx_max_duration_reached);
    if (this.#codec === undefined) {
      this.#callbacks.streamInfo.setFlag(FLAG.durationTimeout);
      return this.#close("flush_write", "");
    }
    if (this.#drainState !== "not_draining") return;
    if (this.config.timeouts.isHttp1DurationSafe && this.#http2 === undefined) {
      this.#drainsSoftly = true;
      this.config.stats.change(STAT.downstream_cx_http1_soft_drain, 1);
      for (const stream of this.#streams) this.#markLast(stream);
      return;
    }
    this.#startDrainSequence();
  }

  #expireStreams(): void {
    const nowMs = this.dispatcher.clock.nowMs();
    this.#streamTimerAtMs = Infinity;
    let nextMs = Infinity;
    // A stream that ends hands its place to the last one: going down meets each once.
    for (let i = this.#streams.length - 1; i >= 0; i--) {
      const stream = this.#streams[i];
      if (stream !== undefined) nextMs = Math.min(nextMs, stream.expire(nowMs));
    }
    const stalledAtMs = this.#expireStalled(nowMs);
    if (!this.#isClosed) this.scheduleAt(Math.min(nextMs, stalledAtMs));
  }

  /** HTTP/2 streams that have ended here but whose bytes the peer does not take (CVE-2019-9517). */
  #expireStalled(nowMs: number): number {
    const codec = this.#http2;
    const flushMs = this.config.timeouts.streamFlushMs;
    if (codec === undefined || flushMs === 0) return Infinity;
    codec.resetStalledStreams(flushMs);
    return codec.activeStreams > this.#streams.length ? nowMs + flushMs : Infinity;
  }

  #jittered(ms: number, share: number): number {
    return share === 0 ? ms : ms + ms * share * this.dispatcher.random.below(1 << 20) / (1 << 20);
  }

  #cancelTimers(): void {
    this.#idleTimer?.cancel();
    this.#durationTimer?.cancel();
    this.#drainTimer?.cancel();
    this.#streamTimer?.cancel();
    this.#settingsTimer?.cancel();
    this.#keepalive?.stop();
  }

  /** Counts what went over the wire since the last time: at the end of each stream, and at the close. */
  #chargeBytes(): void {
    const { stats } = this.config;
    const { bytesReceived, bytesSent } = this.#callbacks.connection;
    stats.add(STAT.downstream_cx_rx_bytes_total, bytesReceived - this.#receivedBefore);
    stats.add(STAT.downstream_cx_tx_bytes_total, bytesSent - this.#sentBefore);
    this.#receivedBefore = bytesReceived;
    this.#sentBefore = bytesSent;
  }

  #release(): void {
    this.#isClosed = true;
    this.#cancelTimers();
    const { config } = this;
    const { stats } = config;
    stats.inc(STAT.downstream_cx_destroy);
    stats.change(STAT.downstream_cx_active, -1);
    if (this.info.tls !== undefined) stats.change(STAT.downstream_cx_ssl_active, -1);
    if (this.#http1 !== undefined) stats.change(STAT.downstream_cx_http1_active, -1);
    if (this.#http2 !== undefined) stats.change(STAT.downstream_cx_http2_active, -1);
    if (this.#drainsSoftly) stats.change(STAT.downstream_cx_http1_soft_drain, -1);
    this.#chargeBytes();
    config.connectionTime.record(this.dispatcher.clock.nowMs() - this.#startMs);
  }
}
