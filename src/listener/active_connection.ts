/**
 * One accepted connection, from accept to close:
 *
 *   listener filters → filter chain → TLS handshake → network filters → closed
 *
 * It is the ConnectionInfo of its streams, the socket its listener filters see, and what the net
 * connection calls.
 */

import { type Address, joinBytes, type Timer, type TimerTarget } from "../base/mod.ts";
import type {
  AcceptedSocket,
  ListenerFilter,
  NetworkCallbacks,
  NetworkFilter,
  NetworkStatus,
} from "../filter_chain/mod.ts";
import { type ConnectionInfo, StreamInfo, type TlsInfo } from "../http/mod.ts";
import type { CloseReason, ConnectionEvents, SocketConnection } from "../net/mod.ts";
import type { CompiledListener } from "./compile.ts";
import type { CompiledFilterChain } from "./filter_chain.ts";
import { LISTENER_STAT } from "./stats.ts";

/** What a connection needs of the listener it came in by. */
export interface ConnectionOwner {
  readonly isDraining: boolean;
  readonly dispatcher: {
    readonly clock: { nowMs(): number; wallMs(): number };
    readonly timers: { create(target: TimerTarget, tag: number): Timer };
  };
  /** The connection is gone. */
  onConnectionClosed(connection: ActiveConnection): void;
}

type Phase = "accepted" | "filtering" | "handshaking" | "open" | "closed";

const TAG_FILTERS = 0;
const TAG_HANDSHAKE = 1;

const NO_BYTES = new Uint8Array(0);
const NO_PROTOCOLS: readonly string[] = [];
const NO_FILTERS: readonly NetworkFilter[] = [];
/** What listener filters may ask to see: the largest PROXY header and a ClientHello behind it. */
const MAX_FIRST_BYTES = 131_072;

/** A place in the filter chain, as its filter sees it. */
class FilterPlace implements NetworkCallbacks {
  readonly connection: SocketConnection;
  readonly info: ActiveConnection;
  readonly #index: number;

  constructor(info: ActiveConnection, index: number) {
    this.connection = info.connection;
    this.info = info;
    this.#index = index;
  }

  get streamInfo(): StreamInfo {
    return this.info.streamInfo;
  }

  get isDraining(): boolean {
    return this.info.isDraining;
  }

  get waitsForTls(): boolean {
    return this.info.isTls;
  }

  continueReading(bytes: Uint8Array = NO_BYTES): void {
    this.info.continueFrom(this.#index + 1, bytes);
  }
}

/**
 * Leads one connection through its filters and counts it; it leaves its listener when it is
 * closed.
 */
export class ActiveConnection
  implements ConnectionInfo, AcceptedSocket, ConnectionEvents, TimerTarget {
  readonly id: number;
  readonly connection: SocketConnection;
  readonly listenerName: string;
  readonly startWallMs: number;
  readonly startMs: number;
  readonly streamInfo: StreamInfo;
  transportProtocol = "";
  requestedServerName = "";
  applicationProtocols: readonly string[] = NO_PROTOCOLS;
  ja3Hash = "";
  ja4Hash = "";
  terminationDetails = "";
  transportFailureReason = "";
  filterChainName = "";
  readonly #listener: CompiledListener;
  readonly #owner: ConnectionOwner;
  #phase: Phase = "accepted";
  #remoteAddress: Address | undefined = undefined;
  #localAddress: Address | undefined = undefined;
  #timer: Timer | undefined = undefined;
  // While listener filters look.
  #filter: ListenerFilter | undefined = undefined;
  #filterIndex = 0;
  #first: Uint8Array = NO_BYTES;
  // Once a chain was chosen.
  #chain: CompiledFilterChain | undefined = undefined;
  #filters: readonly NetworkFilter[] = NO_FILTERS;
  /** Filters that were told of the connection. */
  #opened = 0;
  #ended = false;
  #drain: "none" | "draining" | "ending" = "none";

  constructor(connection: SocketConnection, listener: CompiledListener, owner: ConnectionOwner) {
    const { clock } = owner.dispatcher;
    this.id = connection.id;
    this.connection = connection;
    this.listenerName = listener.name;
    this.startWallMs = clock.wallMs();
    this.startMs = clock.nowMs();
    this.#listener = listener;
    this.#owner = owner;
    this.streamInfo = new StreamInfo(this, this.startMs, this.startWallMs);
  }

  get directRemoteAddress(): Address {
    return this.connection.remoteAddress;
  }

  get directLocalAddress(): Address {
    return this.connection.localAddress;
  }

  get remoteAddress(): Address {
    return this.#remoteAddress ?? this.connection.remoteAddress;
  }

  set remoteAddress(address: Address) {
    this.#remoteAddress = address;
    this.streamInfo.remoteAddress = address;
  }

  get localAddress(): Address {
    return this.#localAddress ?? this.connection.localAddress;
  }

  set localAddress(address: Address) {
    this.#localAddress = address;
  }

  get tls(): TlsInfo | undefined {
    return this.connection.tls;
  }

  get isTls(): boolean {
    return this.#chain?.tls !== undefined;
  }

  get isDraining(): boolean {
    return this.#drain !== "none" || this.#owner.isDraining;
  }

  /** Whether a filter chain has taken it. */
  get isEstablished(): boolean {
    return this.#chain !== undefined && this.#phase !== "closed";
  }

  /** Begins; to be called within the turn of the accept. */
  start(): void {
    const listener = this.#listener;
    this.connection.events = this;
    this.connection.bufferLimitBytes = listener.bufferLimitBytes;
    if (listener.listenerFilters.length === 0) return this.#choose();
    this.#phase = "filtering";
    listener.stats.group.change(LISTENER_STAT.preCxActive, 1);
    if (listener.filtersTimeoutMs > 0) this.#arm(TAG_FILTERS, listener.filtersTimeoutMs);
    this.#runFilters();
  }

  /**
   * Tells the filters to end kindly. One whose filters are not there yet ends, unless the process
   * does: then no other process listens yet, and it may bring its one request.
   */
  startDrain(isEnding: boolean): void {
    const state = isEnding ? "ending" : "draining";
    if (this.#phase === "closed" || this.#drain === "ending" || this.#drain === state) return;
    this.#drain = state;
    if (this.#phase === "open") {
      for (const filter of this.#filters) filter.startDrain?.(isEnding);
    } else if (!isEnding) {
      this.connection.close("no_flush", "drained");
    }
  }

  /** Gives up on a handshake or first bytes that did not come. */
  endUnlessOpen(): void {
    if (this.#phase !== "open") this.connection.close("no_flush", "drained");
  }

  // ConnectionEvents

  onConnected(): void {
    if (this.#phase !== "handshaking") return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#open();
  }

  onData(bytes: Uint8Array): void {
    if (this.#phase === "open") {
      this.#feed(0, bytes, false);
    } else if (this.#phase === "filtering") {
      if (this.#first.length + bytes.length > MAX_FIRST_BYTES) return this.#failFiltering();
      this.#first = joinBytes(this.#first, bytes);
      this.#runFilters();
    }
  }

  onEnd(): void {
    this.#ended = true;
    if (this.#phase === "open") {
      this.#feed(0, NO_BYTES, true);
    } else if (this.#phase === "filtering") {
      this.#listener.stats.inc(LISTENER_STAT.filterRemoteClose);
      this.connection.close("no_flush", "listener_filter_remote_close");
    }
  }

  onClose(reason: CloseReason, details: string): void {
    const phase = this.#phase;
    this.#phase = "closed";
    this.#timer?.cancel();
    this.#first = NO_BYTES;
    const { stats } = this.#listener;
    if (phase === "filtering") {
      stats.group.change(LISTENER_STAT.preCxActive, -1);
      if (reason === "remote_reset") stats.inc(LISTENER_STAT.filterRemoteClose);
    }
    this.transportFailureReason = this.connection.transportFailureReason;
    if (this.#chain !== undefined) this.#closeChain(reason, details);
    this.#owner.onConnectionClosed(this);
  }

  onAboveWriteBufferHighWatermark(): void {
    for (const filter of this.#filters) filter.onAboveWriteBufferHighWatermark?.();
  }

  onBelowWriteBufferLowWatermark(): void {
    for (const filter of this.#filters) filter.onBelowWriteBufferLowWatermark?.();
  }

  onTimer(tag: number): void {
    const { stats, continuesOnTimeout } = this.#listener;
    if (tag === TAG_HANDSHAKE) {
      stats.inc(LISTENER_STAT.connectTimeout);
      this.terminationDetails = "transport socket timeout was reached";
      this.connection.close("no_flush", this.terminationDetails);
      return;
    }
    stats.inc(LISTENER_STAT.preCxTimeout);
    if (continuesOnTimeout) this.#filtersDone();
    else this.connection.close("no_flush", "listener_filter_timeout");
  }

  /** @internal for FilterPlace */
  continueFrom(index: number, bytes: Uint8Array): void {
    if (this.#phase === "open") this.#feed(index, bytes, this.#ended);
  }

  #arm(tag: number, ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#owner.dispatcher.timers.create(this, tag);
    this.#timer.arm(ms);
  }

  #runFilters(): void {
    const { listenerFilters } = this.#listener;
    while (this.#filterIndex < listenerFilters.length) {
      const status = this.#runFilter();
      if (status === "more") return;
      if (status === "close") return this.#failFiltering();
      const consumed = this.#filter?.consumedBytes ?? 0;
      if (consumed > 0) this.#first = this.#first.subarray(consumed);
      this.#filter = undefined;
      this.#filterIndex++;
    }
    this.#filtersDone();
  }

  #runFilter(): "continue" | "more" | "close" {
    if (this.#filter !== undefined) return this.#filter.onData(this.#first);
    const row = this.#listener.listenerFilters[this.#filterIndex]!;
    if (row.isDisabled(this)) return "continue";
    const filter = row.factory.create(row.config, this);
    this.#filter = filter;
    const status = filter.onAccept();
    return status === "more" && this.#first.length > 0 ? filter.onData(this.#first) : status;
  }

  #failFiltering(): void {
    this.#listener.stats.inc(LISTENER_STAT.filterError);
    this.connection.close("no_flush", "listener_filter_error");
  }

  #filtersDone(): void {
    this.#timer?.cancel();
    this.#filter = undefined;
    this.#listener.stats.group.change(LISTENER_STAT.preCxActive, -1);
    this.#phase = "accepted";
    this.#choose();
  }

  #choose(): void {
    const { chooseChain, stats } = this.#listener;
    const chain = chooseChain(this);
    if (chain === undefined) {
      stats.inc(LISTENER_STAT.noFilterChainMatch);
      this.streamInfo.responseCodeDetails = "filter_chain_not_found";
      this.connection.close("no_flush", "filter_chain_not_found");
      return;
    }
    this.#chain = chain;
    this.filterChainName = chain.name;
    stats.connectionOpened();
    if (chain.tls === undefined) return this.#open();
    this.#phase = "handshaking";
    this.#arm(TAG_HANDSHAKE, chain.handshakeTimeoutMs);
    const first = this.#first;
    this.#first = NO_BYTES;
    this.connection.startServerTls(chain.tls, first);
  }

  #open(): void {
    this.#phase = "open";
    const { filters } = this.#chain!;
    if (filters.length === 0) {
      this.connection.close("no_flush", "no network filters");
      return;
    }
    // `push` on an empty array would make room for 17.
    const own = new Array<NetworkFilter>(filters.length);
    for (let i = 0; i < filters.length; i++) {
      const { factory, config } = filters[i]!;
      own[i] = factory.create(config, new FilterPlace(this, i));
    }
    this.#filters = own;
    const first = this.#first;
    this.#first = NO_BYTES;
    this.#feed(0, first, false);
    if (this.#drain !== "ending") return;
    for (const filter of this.#filters) filter.startDrain?.(true);
  }

  /** Tells filters from `from` on of the connection, once, and of the bytes, until one stops. */
  #feed(from: number, bytes: Uint8Array, endStream: boolean): void {
    const filters = this.#filters;
    for (let i = from; i < filters.length; i++) {
      const filter = filters[i]!;
      if (i >= this.#opened) {
        this.#opened = i + 1;
        if (this.#isStopped(filter.onNewConnection())) return this.#keep(filter, bytes, endStream);
      }
      if (bytes.length === 0 && !endStream) continue;
      if (this.#isStopped(filter.onData(bytes, endStream))) return;
    }
  }

  /** A filter that stops a new connection keeps what was read already, until it continues. */
  #keep(filter: NetworkFilter, bytes: Uint8Array, endStream: boolean): void {
    if (this.connection.isClosing || (bytes.length === 0 && !endStream)) return;
    filter.onData(bytes, endStream);
  }

  #isStopped(status: NetworkStatus): boolean {
    return status === "stop" || this.connection.isClosing;
  }

  #closeChain(reason: CloseReason, details: string): void {
    const { stats, accessLogs } = this.#listener;
    const { connection, streamInfo } = this;
    for (const filter of this.#filters) filter.onClose(reason, details);
    this.#filters = NO_FILTERS;
    const nowMs = this.#owner.dispatcher.clock.nowMs();
    stats.connectionClosed(nowMs - this.startMs);
    if (accessLogs.length === 0) return;
    streamInfo.endMs = nowMs;
    streamInfo.bytesReceived = connection.bytesReceived;
    streamInfo.bytesSent = connection.bytesSent;
    streamInfo.connectionTerminationDetails = this.terminationDetails;
    for (const log of accessLogs) {
      log.log({
        requestHeaders: undefined,
        responseHeaders: undefined,
        responseTrailers: undefined,
        info: streamInfo,
        localReplyBody: "",
        accessLogType: "NotSet",
      });
    }
  }
}
