/**
 * One TCP connection for one user (tcp_proxy, CONNECT): never shared, never reused. The user gets a
 * view of the connection that goes on counting for the cluster until it closes.
 */

import type { Address, Dispatcher, OutputBuffer, Timer } from "../../base/mod.ts";
import type { TlsInfo } from "../../http/mod.ts";
import type { CloseKind, CloseReason, Connection, ConnectionEvents } from "../../net/mod.ts";
import type { PendingStream, PoolReady, TcpRequest } from "../api.ts";
import { settledConnection } from "../connect_race.ts";
import type { ClusterFacts } from "../cluster_info.ts";
import type { UpstreamHost } from "../host.ts";
import type { ConnectionLimits } from "./connection_limits.ts";
import { ConnectionTally, isLocalClose } from "./connection_tally.ts";
import { POOL_STAT } from "./pool_stats.ts";

export interface TcpContext {
  readonly dispatcher: Dispatcher;
  readonly facts: ClusterFacts;
  readonly host: UpstreamHost;
  readonly limits: ConnectionLimits;
  readonly connect: () => Connection;
  /** Connections to the host that are up or in the making, where somebody may close them all. */
  readonly live: Set<TcpAttempt> | undefined;
}

const SILENT: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };

/**
 * Connects to a host within the connect timeout; its user gets the connection or the failure,
 * once.
 */
export class TcpAttempt implements PendingStream, ConnectionEvents {
  readonly #context: TcpContext;
  readonly #request: TcpRequest;
  readonly #timer: Timer;
  #connection: Connection | undefined;
  #user: TcpUserConnection | undefined;
  #startMs = 0;
  #hasTimedOut = false;
  #isCancelled = false;
  #isPendingReleased = false;
  #tally: ConnectionTally | undefined;

  constructor(request: TcpRequest, context: TcpContext) {
    this.#request = request;
    this.#context = context;
    this.#timer = context.dispatcher.timers.create(this);
  }

  /** @returns false if a limit refused it; `onFailure` has been called then */
  start(): boolean {
    const { limits, facts, host, dispatcher } = this.#context;
    const { breaker } = limits;
    const { stats } = facts;
    if (!breaker.tryPending()) {
      stats.inc(POOL_STAT.rqPendingOverflow);
      this.#request.onFailure("overflow", "", host);
      return false;
    }
    if (!limits.tryTake(host, false)) {
      breaker.releasePending();
      stats.inc(POOL_STAT.cxOverflow);
      this.#request.onFailure("overflow", "", host);
      return false;
    }
    stats.inc(POOL_STAT.rqPendingTotal);
    stats.change(POOL_STAT.rqPendingActive, 1);
    this.#tally = new ConnectionTally(this.#context);
    this.#startMs = dispatcher.clock.nowMs();
    this.#timer.arm(facts.connectTimeoutMs);
    const connection = this.#context.connect();
    connection.events = this;
    connection.bufferLimitBytes = facts.perConnectionBufferLimitBytes;
    this.#connection = connection;
    this.#context.live?.add(this);
    return true;
  }

  /** Ends the connection, whoever uses it. */
  close(): void {
    this.#connection?.close("no_flush");
  }

  cancel(): void {
    if (this.#isCancelled || this.#user !== undefined) return;
    this.#isCancelled = true;
    this.#context.facts.stats.inc(POOL_STAT.rqCancelled);
    this.#connection?.close("no_flush");
  }

  onTimer(): void {
    this.#context.facts.stats.inc(POOL_STAT.cxConnectTimeout);
    this.#hasTimedOut = true;
    this.#connection?.close("no_flush");
  }

  onConnected(): void {
    if (this.#isCancelled) return;
    const { facts, host, limits, dispatcher } = this.#context;
    const connection = settledConnection(this.#connection!);
    this.#connection = connection;
    const now = dispatcher.clock.nowMs();
    this.#timer.cancel();
    this.#releasePending();
    facts.connectTime.record(now - this.#startMs);
    if (!limits.breaker.tryRequest()) {
      this.#isCancelled = true;
      facts.stats.inc(POOL_STAT.rqActiveOverflow);
      connection.close("no_flush");
      this.#request.onFailure("overflow", "", host);
      return;
    }
    this.#tally!.streamStarted();
    this.#user = new TcpUserConnection(connection);
    this.#request.onReady(this.#user, readyOf(connection, host, this.#startMs, now));
  }

  onData(bytes: Uint8Array): void {
    this.#tally!.received(bytes.length);
    this.#user?.events.onData(bytes);
  }

  onEnd(): void {
    this.#user?.events.onEnd();
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#user?.events.onAboveWriteBufferHighWatermark?.();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#tally!.sent(this.#connection!);
    this.#user?.events.onBelowWriteBufferLowWatermark?.();
  }

  onClose(reason: CloseReason, details: string): void {
    const { facts, dispatcher } = this.#context;
    const user = this.#user;
    const isLocal = isLocalClose(reason);
    this.#timer.cancel();
    this.#context.live?.delete(this);
    this.#tally!.closed(this.#connection!, {
      isLocal,
      hadStreams: user !== undefined,
      wasConnecting: user === undefined && !this.#isCancelled,
    });
    if (user === undefined) {
      this.#failed(isLocal, details);
      return;
    }
    this.#tally!.streamEnded();
    facts.lengthTime.record(dispatcher.clock.nowMs() - this.#startMs);
    user.events.onClose(reason, details);
  }

  #failed(isLocal: boolean, details: string): void {
    const { facts, host } = this.#context;
    if (!this.#isPendingReleased) this.#releasePending();
    if (this.#isCancelled) return;
    facts.stats.inc(POOL_STAT.rqPendingFailureEject);
    const text = this.#connection!.transportFailureReason || details;
    const reason = this.#hasTimedOut
      ? "timeout"
      : isLocal
      ? "local_connection_failure"
      : "remote_connection_failure";
    this.#request.onFailure(reason, text, host);
  }

  #releasePending(): void {
    this.#isPendingReleased = true;
    this.#context.limits.breaker.releasePending();
    this.#context.facts.stats.change(POOL_STAT.rqPendingActive, -1);
  }
}

function readyOf(
  connection: Connection,
  host: UpstreamHost,
  startMs: number,
  nowMs: number,
): PoolReady {
  return {
    host,
    protocol: "HTTP/1.1",
    tls: connection.tls,
    connectionId: connection.id,
    localAddress: connection.localAddress,
    streamCount: 1,
    connectStartMs: startMs,
    connectCompleteMs: nowMs,
    handshakeCompleteMs: connection.tls === undefined ? -1 : nowMs,
  };
}

/** The connection as its user sees it: `events` are the user's, the real ones stay the attempt's. */
class TcpUserConnection implements Connection {
  events: ConnectionEvents = SILENT;
  readonly #inner: Connection;

  constructor(inner: Connection) {
    this.#inner = inner;
  }

  get id(): number {
    return this.#inner.id;
  }

  get output(): OutputBuffer {
    return this.#inner.output;
  }

  get pendingBytes(): number {
    return this.#inner.pendingBytes;
  }

  get bufferLimitBytes(): number {
    return this.#inner.bufferLimitBytes;
  }

  set bufferLimitBytes(bytes: number) {
    this.#inner.bufferLimitBytes = bytes;
  }

  get delayedCloseTimeoutMs(): number {
    return this.#inner.delayedCloseTimeoutMs;
  }

  set delayedCloseTimeoutMs(timeoutMs: number) {
    this.#inner.delayedCloseTimeoutMs = timeoutMs;
  }

  get isReadDisabled(): boolean {
    return this.#inner.isReadDisabled;
  }

  get isClosed(): boolean {
    return this.#inner.isClosed;
  }

  get isClosing(): boolean {
    return this.#inner.isClosing;
  }

  get localAddress(): Address {
    return this.#inner.localAddress;
  }

  get remoteAddress(): Address {
    return this.#inner.remoteAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#inner.tls;
  }

  get alpn(): string {
    return this.#inner.alpn;
  }

  get transportFailureReason(): string {
    return this.#inner.transportFailureReason;
  }

  get bytesReceived(): number {
    return this.#inner.bytesReceived;
  }

  get bytesSent(): number {
    return this.#inner.bytesSent;
  }

  nowMs(): number {
    return this.#inner.nowMs();
  }

  readDisable(disable: boolean): void {
    this.#inner.readDisable(disable);
  }

  endWrite(): void {
    this.#inner.endWrite();
  }

  close(kind: CloseKind, details?: string): void {
    this.#inner.close(kind, details);
  }
}
