/**
 * One HTTP/2 connection, what both sides have in common: frames in and out, streams, windows,
 * limits, errors (RFC 9113). Requests and responses are told apart by `SessionRole`. Nothing here
 * throws for what a peer does: an error of the connection is a value that `dispatch` returns.
 */

import type { Latin1Bytes } from "../../base/mod.ts";
import type { CodecError, HeaderMap, ResetReason } from "../../http/mod.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../options.ts";
import { ClosedStreams } from "./closed_streams.ts";
import { type Flood, InboundLimits, ResetBudget } from "./flood_limits.ts";
import { ReceiveWindow, SendWindow } from "./flow_window.ts";
import {
  DEFAULT_WINDOW,
  ERROR_CODE,
  FRAME,
  FRAME_FLAG,
  FRAME_HEAD_BYTES,
  MAX_FRAME_BYTES,
  MAX_STREAM_ID,
  readUint31,
  readUint32,
} from "./frame.ts";
import { type FrameHandler, FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { HeaderBlock } from "./header_block.ts";
import { type BlockKind, HeaderSink, NULL_SINK } from "./header_sink.ts";
import type { Fault } from "./message_rules.ts";
import { Sender, type SenderEvents } from "./sender.ts";
import { localSettings, PeerSettings } from "./settings.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import { nextState } from "./stream_state.ts";

/** What tells a server's session from a client's. */
export interface SessionRole {
  readonly isServer: boolean;
  /** Why a user hears of a stream that the peer's malformed message ended. */
  readonly malformedReason: ResetReason;
  /** A HEADERS frame on a stream not opened yet. Server: makes the stream; client: undefined. */
  openByPeer(streamId: number): Http2Stream | undefined;
  /** What the next header block on a stream is. */
  kindOf(stream: Http2Stream): BlockKind;
  /** A whole, well-formed header block. @returns false if its place makes it malformed */
  onHeaders(stream: Http2Stream, block: HeaderSink, endStream: boolean): boolean;
  onPeerSettings(): void;
  onGoAway(lastStreamId: number, code: number): void;
  /** Changes headers to be sent, as for upgrades. */
  prepareHeaders(stream: Http2Stream, headers: HeaderMap): HeaderMap;
  /** @returns what is missing in headers to be sent */
  missingHeader(headers: HeaderMap): string | undefined;
  /** Gives a client's stream its id. */
  beforeFirstHeaders(stream: Http2Stream): void;
}

/** Details of Envoy's HTTP/2 codec. */
export const DETAILS = {
  invalidField: "http2.invalid.header.field",
  messagingRule: "http2.violation.of.messaging.rule",
  tooManyHeaders: "http2.too_many_headers",
  underscore: "http2.unexpected_underscore",
  remoteReset: "http2.remote_reset",
  remoteRefuse: "http2.remote_refuse",
  emptyFrames: "http2.inbound_empty_frames_flood",
  outboundFlood: "http2.outbound_frames_flood",
} as const;

/** nghttp2's words for a frame that Envoy's callbacks refuse: they reach `%RESPONSE_CODE_DETAILS%`. */
const REFUSED_FRAME = "The user callback function failed";
/** Half of a peer's streams may end young and unanswered before this many have closed. */
const RESET_BUDGET_STREAMS = 500;
const RESET_BUDGET_LIFETIME_MS = 1000;
/** Body bytes that wait for one stream's window before its source is stopped. */
const STREAM_BUFFER_LIMIT_BYTES = 1048576;
/**
 * A HEADERS frame whose id goes back breaks §5.1.1. After this time with no stream open it is
 * dropped instead, as nghttp2 drops it: the stream may have been known and be forgotten.
 */
const ID_ORDER_GRACE_MS = 20;

type PayloadHandler = (
  session: Http2Session,
  bytes: Latin1Bytes,
  start: number,
  end: number,
) => void;

export class Http2Session implements FrameHandler, StreamOwner, SenderEvents {
  readonly #role: SessionRole;
  readonly #transport: CodecTransport;
  readonly #options: Http2Options;
  readonly #stats: CodecStats;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #sender: Sender;
  readonly #limits: InboundLimits;
  readonly #budget: ResetBudget;
  readonly #decoder: HpackDecoder;
  readonly #sink: HeaderSink;
  readonly #block: HeaderBlock;
  readonly #receiveWindow: ReceiveWindow;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #closedStreams = new ClosedStreams();
  readonly peer = new PeerSettings();

  #error: CodecError | undefined;
  #isClosed = false;
  #hasSentSettings = false;
  #hasPeerSettings = false;
  /** When our SETTINGS went out; -1 once they are acknowledged. */
  #settingsSentMs = -1;
  #isAcknowledged = false;
  /** The highest id that the peer opened, 0 for none; a client looks at its own ids instead. */
  #lastPeerId = 0;
  #lastOpenedMs = -Infinity;
  /** The highest id that our final GOAWAY lets through. */
  #goAwayId = MAX_STREAM_ID;
  #isTransportFull = false;

  /** Whether CONTINUATION is due, for which stream (undefined: block of a lost stream), and how it began. */
  #isInBlock = false;
  #blockId = 0;
  #blockStream: Http2Stream | undefined;
  #blockEndsStream = false;
  #blockDependsOnItself = false;
  /** The stream of the current DATA frame, and its bytes that no window got back yet. */
  #dataStream: Http2Stream | undefined;
  #dataOwed = 0;

  constructor(
    role: SessionRole,
    transport: CodecTransport,
    options: Http2Options,
    stats: CodecStats,
  ) {
    this.#role = role;
    this.#transport = transport;
    this.#options = options;
    this.#stats = stats;
    this.#reader = new FrameReader(this, role.isServer);
    this.#writer = new FrameWriter(transport);
    this.#limits = new InboundLimits(options);
    this.#sender = new Sender({
      writer: this.#writer,
      limits: this.#limits,
      events: this,
      streamBufferLimitBytes: options.streamBufferLimitBytes ?? STREAM_BUFFER_LIMIT_BYTES,
    });
    this.#budget = new ResetBudget(
      options.prematureResetTotalStreams ?? RESET_BUDGET_STREAMS,
      options.prematureResetMinLifetimeMs ?? RESET_BUDGET_LIFETIME_MS,
    );
    this.#decoder = new HpackDecoder(options.hpackTableSize);
    this.#sink = new HeaderSink(options, role.isServer);
    this.#block = new HeaderBlock(options.maxHeadersBytes);
    // A window below the default cannot be announced (§6.9.2): the rest is never given back.
    this.#receiveWindow = new ReceiveWindow(
      Math.max(DEFAULT_WINDOW, options.initialConnectionWindowSize),
    );
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  get streamErrorOnInvalidMessage(): boolean {
    return this.#options.streamErrorOnInvalidMessage;
  }

  get error(): CodecError | undefined {
    return this.#error;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether our SETTINGS have waited longer than this for their ACK (RFC 9113 §6.5.3). */
  isSettingsAckOverdue(timeoutMs: number): boolean {
    return this.#settingsSentMs >= 0 && this.nowMs() - this.#settingsSentMs > timeoutMs;
  }

  nowMs(): number {
    return this.#transport.nowMs();
  }

  dispatch(bytes: Uint8Array): CodecError | undefined {
    if (this.#error !== undefined || this.#isClosed) return this.#error;
    this.#reader.feed(bytes);
    if (this.#error === undefined) this.#checkOutbound();
    return this.#error;
  }

  /** Sends what a connection begins with: preface (client), SETTINGS, WINDOW_UPDATE. */
  start(): void {
    if (this.#hasSentSettings) return;
    this.#hasSentSettings = true;
    if (!this.#role.isServer) this.#writer.preface();
    this.#writer.settings(localSettings(this.#options, this.#role.isServer));
    this.#settingsSentMs = this.nowMs();
    const more = this.#options.initialConnectionWindowSize - DEFAULT_WINDOW;
    if (more > 0) this.#writer.windowUpdate(0, more);
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.stop();
    for (const stream of this.#streams.values()) {
      stream.state = "closed";
      this.#sender.forget(stream);
      stream.takeDecoder()?.onReset(reason, stream.details !== "" ? stream.details : details);
    }
    this.#streams.clear();
  }

  sendGoAway(isFinal: boolean): void {
    if (this.#isClosed || this.#error !== undefined) return;
    this.start();
    if (isFinal) this.#goAwayId = this.#lastPeerId;
    this.#writeGoAway(isFinal ? this.#lastPeerId : MAX_STREAM_ID, ERROR_CODE.noError);
  }

  /** Asks the peer for a sign of life; the answer counts as any other frame. */
  sendPing(opaque: number): void {
    if (!this.#isClosed && this.#error === undefined) this.#writer.ping(opaque);
  }

  onTransportAboveHigh(): void {
    if (this.#isTransportFull) return;
    this.#isTransportFull = true;
    for (const stream of this.#streams.values()) stream.raiseWatermark();
  }

  onTransportBelowLow(): void {
    if (!this.#isTransportFull) return;
    this.#isTransportFull = false;
    for (const stream of this.#streams.values()) stream.lowerWatermark();
  }

  /** A new stream, not in the table yet. */
  createStream(): Http2Stream {
    return new Http2Stream(this, {
      send: this.peer.initialWindowSize,
      receive: this.#options.initialStreamWindowSize,
    });
  }

  /** A stream's window as the peer's SETTINGS are now; a client's stream may have waited. */
  createSendWindow(): SendWindow {
    return new SendWindow(this.peer.initialWindowSize);
  }

  /** Enters a stream under its id. */
  register(stream: Http2Stream, id: number): void {
    stream.id = id;
    stream.openedMs = stream.progressMs = this.nowMs();
    this.#streams.set(id, stream);
    this.#limits.onStreamOpened();
    if (this.#isTransportFull) stream.raiseWatermark();
  }

  /** Resets streams whose last bytes have waited this long for a window (Envoy's flush timeout). */
  resetStalledStreams(timeoutMs: number): number {
    const now = this.nowMs();
    let count = 0;
    for (const stream of this.#streams.values()) {
      if (!stream.isLocalEndQueued || now - stream.progressMs <= timeoutMs) continue;
      this.#stats.counter("tx_flush_timeout").inc();
      this.#endStream(stream, ERROR_CODE.noError, "local_reset", "");
      count++;
    }
    return count;
  }

  /** Client, GOAWAY: the peer has handled nothing of the streams above `lastStreamId`. */
  refuseStreamsAbove(lastStreamId: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.id <= lastStreamId) continue;
      stream.details = DETAILS.remoteRefuse;
      this.#remove(stream, "remote_reset");
      stream.takeDecoder()?.onReset("remote_refused_stream", stream.details);
    }
  }

  // --- StreamOwner -----------------------------------------------------------------------------

  encode1xx(stream: Http2Stream, headers: HeaderMap): void {
    if (this.#maySend(stream, "sendHeaders")) this.#sender.headers(stream, headers, false);
  }

  encodeHeaders(stream: Http2Stream, headers: HeaderMap, endStream: boolean): string | undefined {
    const missing = this.#role.missingHeader(headers);
    if (missing !== undefined || this.#isClosed) return missing;
    this.#role.beforeFirstHeaders(stream);
    if (!this.#maySend(stream, "sendHeaders")) return undefined;
    stream.hasSentHeaders = true;
    this.#sender.headers(stream, this.#role.prepareHeaders(stream, headers), endStream);
    return undefined;
  }

  encodeData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    if (this.#maySend(stream, "sendData")) this.#sender.data(stream, bytes, endStream);
  }

  encodeTrailers(stream: Http2Stream, trailers: HeaderMap): void {
    if (this.#maySend(stream, "sendHeaders")) this.#sender.trailers(stream, trailers);
  }

  resetByUser(stream: Http2Stream, reason: ResetReason): void {
    stream.decoder = undefined;
    if (stream.state === "closed") return;
    if (stream.id === 0) {
      stream.state = "closed"; // never sent: the peer knows nothing of it
      return;
    }
    const code = this.#codeOf(stream, reason);
    // What the user sent to its end still goes out, then the reset.
    if (stream.isLocalEndQueued && stream.hasPending) stream.deferredReset = code;
    else this.#endStream(stream, code, reason, "");
  }

  resume(stream: Http2Stream): void {
    const bytes = stream.withheldBytes;
    stream.withheldBytes = 0;
    if (!this.#isClosed) this.#giveBack(stream, bytes);
  }

  // --- SenderEvents ----------------------------------------------------------------------------

  onEndSent(stream: Http2Stream): void {
    const next = nextState(stream.state, "sendEnd");
    if (next === undefined) return;
    stream.state = next;
    if (next === "closed") {
      this.#remove(stream, "finished");
    } else if (stream.deferredReset >= 0) {
      this.#endStream(stream, stream.deferredReset, "local_reset", "");
    }
  }

  // --- FrameHandler ----------------------------------------------------------------------------

  onBadPreface(): void {
    this.#error = { kind: "protocol", details: "Received bad client magic byte string" };
  }

  onBadPadding(): void {
    this.#fail(ERROR_CODE.protocolError);
  }

  onFrameHead(): boolean {
    const { type, flags, length, streamId } = this.#reader;
    this.start();
    if (!this.#hasPeerSettings) {
      if (type !== FRAME.settings || (flags & FRAME_FLAG.ack) !== 0) {
        return this.#fail(ERROR_CODE.protocolError); // §3.4
      }
      this.#hasPeerSettings = true;
    }
    if (length > MAX_FRAME_BYTES) return this.#fail(ERROR_CODE.frameSizeError);
    if (this.#isInBlock !== (type === FRAME.continuation)) {
      return this.#fail(ERROR_CODE.protocolError); // §6.10
    }
    if (this.#isInBlock && streamId !== this.#blockId) return this.#fail(ERROR_CODE.protocolError);
    const flood = this.#limits.onFrame(type, flags, length);
    if (flood !== undefined) return this.#failFlood(flood);
    if (this.#writer.tally.controlFrames > 0 && !this.#checkOutbound()) return false;
    return type === FRAME.data ? this.#onDataHead(streamId, length) : true;
  }

  onPayload(bytes: Latin1Bytes, start: number, end: number): void {
    const handler = Http2Session.#HANDLERS[this.#reader.type];
    if (handler !== undefined) handler(this, bytes, start, end); // unknown types are ignored, §5.5
  }

  onDataPiece(bytes: Latin1Bytes, start: number, end: number, isLast: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined) return;
    const size = end - start;
    this.#dataOwed -= size;
    const overhead = isLast ? this.#dataOwed : 0;
    const endStream = isLast && (this.#reader.flags & FRAME_FLAG.endStream) !== 0;
    if (isLast) this.#dataStream = undefined;
    if (isLast && overhead > 0 && overhead === this.#reader.length && !endStream) {
      const flood = this.#limits.onPaddingOnly();
      if (flood !== undefined) this.#failFlood(flood);
    }
    stream.bodyBytes += size;
    if (this.#hasWrongLength(stream, endStream)) {
      this.#giveBackConnection(size + this.#dataOwed);
      this.#dataStream = undefined;
      this.#onMalformedBody(stream);
      return;
    }
    if (endStream) stream.state = nextState(stream.state, "recvEnd") ?? "closed";
    if (size > 0 || endStream) {
      stream.decoder?.decodeData(bytes.subarray(start, end), endStream);
    }
    if (stream.isReadDisabled) {
      stream.withheldBytes += size;
      if (overhead > 0) this.#giveBack(stream, overhead);
    } else {
      this.#giveBack(stream, size + overhead);
    }
    if (stream.state === "closed") this.#remove(stream, "finished");
  }

  // --- DATA ------------------------------------------------------------------------------------

  #onDataHead(streamId: number, length: number): boolean {
    this.#dataStream = undefined;
    if (streamId === 0) return this.#fail(ERROR_CODE.protocolError);
    if (!this.#receiveWindow.take(length)) return this.#fail(ERROR_CODE.flowControlError);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return this.#onLateData(streamId, length);
    stream.wireBytesReceived += FRAME_HEAD_BYTES + length;
    if (nextState(stream.state, "recvData") === undefined) {
      this.#giveBackConnection(length);
      this.#endStream(
        stream,
        ERROR_CODE.streamClosed,
        this.#role.malformedReason,
        DETAILS.messagingRule,
      );
    } else if (!stream.receiveWindow.take(length)) {
      this.#giveBackConnection(length);
      this.#endStream(
        stream,
        ERROR_CODE.flowControlError,
        this.#role.malformedReason,
        DETAILS.messagingRule,
      );
    } else if (!stream.hasHeaders) {
      this.#giveBackConnection(length);
      this.#onFault(stream, "messaging");
    } else {
      this.#dataStream = stream;
      this.#dataOwed = length;
    }
    return this.#error === undefined;
  }

  /** DATA for a stream that is not open: its bytes count for the connection all the same. */
  #onLateData(streamId: number, length: number): boolean {
    if (this.#isIdle(streamId)) return this.#fail(ERROR_CODE.protocolError);
    this.#giveBackConnection(length);
    const ending = this.#closedStreams.endingOf(streamId);
    if (ending === "finished" || ending === "remote_reset") this.#resetClosed(streamId);
    return this.#error === undefined;
  }

  #hasWrongLength(stream: Http2Stream, endStream: boolean): boolean {
    if (stream.expectedBytes < 0) return false;
    return endStream
      ? stream.bodyBytes !== stream.expectedBytes
      : stream.bodyBytes > stream.expectedBytes;
  }

  #onMalformedBody(stream: Http2Stream): void {
    this.#stats.counter("rx_messaging_error").inc();
    this.#endStream(
      stream,
      ERROR_CODE.protocolError,
      this.#role.malformedReason,
      DETAILS.messagingRule,
    );
  }

  // --- HEADERS, CONTINUATION -------------------------------------------------------------------

  #onHeaders(bytes: Latin1Bytes, start: number, end: number): void {
    const { flags, streamId } = this.#reader;
    let at = start;
    let padding = 0;
    if ((flags & FRAME_FLAG.padded) !== 0) {
      if (at === end) return void this.#fail(ERROR_CODE.frameSizeError);
      padding = bytes[at++]!;
    }
    let dependency = -1;
    if ((flags & FRAME_FLAG.priority) !== 0) {
      if (end - at < 5) return void this.#fail(ERROR_CODE.frameSizeError);
      dependency = readUint31(bytes, at);
      at += 5;
    }
    if (streamId === 0 || padding > end - at) return void this.#fail(ERROR_CODE.protocolError);
    this.#blockId = streamId;
    this.#blockEndsStream = (flags & FRAME_FLAG.endStream) !== 0;
    this.#blockDependsOnItself = dependency === streamId;
    this.#blockStream = this.#streamForBlock(streamId);
    if (this.#error === undefined) this.#onFragment(bytes, at, end - padding);
  }

  #onFragment(bytes: Latin1Bytes, start: number, end: number): void {
    const stream = this.#blockStream;
    if (stream !== undefined) {
      stream.wireBytesReceived += FRAME_HEAD_BYTES + this.#reader.length;
      stream.headerBytesReceived += end - start;
    }
    const isLast = (this.#reader.flags & FRAME_FLAG.endHeaders) !== 0;
    if (isLast && !this.#isInBlock) {
      this.#onBlock(bytes, start, end);
      return;
    }
    if (!this.#block.append(bytes, start, end)) {
      this.#stats.counter("header_overflow").inc();
      this.#note(stream, DETAILS.tooManyHeaders);
      this.#fail(ERROR_CODE.enhanceYourCalm);
      return;
    }
    this.#isInBlock = !isLast;
    if (!isLast) return;
    this.#onBlock(this.#block.bytes, 0, this.#block.length);
    this.#block.clear();
  }

  /** The stream of a header block; undefined if its fields are for nobody (or on an error). */
  #streamForBlock(streamId: number): Http2Stream | undefined {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      if (nextState(stream.state, "recvHeaders") !== undefined) return stream;
      this.#endStream(
        stream,
        ERROR_CODE.streamClosed,
        this.#role.malformedReason,
        DETAILS.messagingRule,
      );
      return undefined;
    }
    if (this.#isIdle(streamId)) return this.#openByPeer(streamId);
    switch (this.#closedStreams.endingOf(streamId)) {
      case "finished":
        this.#fail(ERROR_CODE.streamClosed);
        break;
      case "remote_reset":
        this.#resetClosed(streamId);
        break;
      case "forgotten":
        if (
          this.#role.isServer && (this.#streams.size > 0 ||
            this.nowMs() - this.#lastOpenedMs < ID_ORDER_GRACE_MS)
        ) this.#fail(ERROR_CODE.protocolError);
        break;
      case "local_reset":
        break; // it crossed our reset
    }
    return undefined;
  }

  #openByPeer(streamId: number): Http2Stream | undefined {
    if (!this.#role.isServer || (streamId & 1) === 0) {
      this.#fail(ERROR_CODE.protocolError); // §5.1.1, push is off
      return undefined;
    }
    if (streamId > this.#goAwayId) return undefined; // the peer retries it elsewhere, §6.8
    this.#lastPeerId = streamId;
    this.#lastOpenedMs = this.nowMs();
    if (this.#streams.size >= this.#options.maxConcurrentStreams) {
      this.#stats.counter("stream_refused_errors").inc();
      // A peer that has acknowledged the limit knows better, and Envoy ends its connection.
      if (this.#isAcknowledged) this.#fail(ERROR_CODE.protocolError);
      else this.#sendReset(streamId, ERROR_CODE.refusedStream);
      return undefined;
    }
    return this.#role.openByPeer(streamId);
  }

  #onBlock(bytes: Latin1Bytes, start: number, end: number): void {
    this.#isInBlock = false;
    // The user may have reset the stream between two fragments.
    const stream = this.#blockStream?.state === "closed" ? undefined : this.#blockStream;
    this.#blockStream = undefined;
    const sink = this.#sink;
    const kind = stream === undefined ? "trailers" : this.#role.kindOf(stream);
    if (stream !== undefined) sink.begin(kind);
    const error = this.#decoder.decode(bytes, start, end, stream === undefined ? NULL_SINK : sink);
    if (error !== undefined) return void this.#fail(ERROR_CODE.compressionError);
    if (stream === undefined) return;
    const endStream = this.#blockEndsStream;
    sink.finish(endStream);
    for (let i = 0; i < sink.droppedUnderscores; i++) {
      this.#stats.counter("dropped_headers_with_underscores").inc();
    }
    if (
      sink.fault === undefined &&
      (this.#blockDependsOnItself || (kind === "trailers" && !endStream))
    ) {
      sink.fault = "messaging";
    }
    if (sink.fault !== undefined) this.#onFault(stream, sink.fault);
    else this.#onMessage(stream, kind, endStream);
  }

  #onMessage(stream: Http2Stream, kind: BlockKind, endStream: boolean): void {
    stream.state = nextState(stream.state, "recvHeaders") ?? stream.state;
    if (kind === "trailers") {
      this.#stats.counter("trailers").inc();
      if (this.#hasWrongLength(stream, true)) return this.#onMalformedBody(stream);
    }
    if (endStream) stream.state = nextState(stream.state, "recvEnd") ?? "closed";
    if (!this.#role.onHeaders(stream, this.#sink, endStream)) this.#onFault(stream, "messaging");
    if (stream.state === "closed") this.#remove(stream, "finished");
  }

  #onFault(stream: Http2Stream, fault: Fault): void {
    switch (fault) {
      case "too_many":
        this.#stats.counter("header_overflow").inc();
        this.#endStream(stream, ERROR_CODE.internalError, "remote_reset", DETAILS.tooManyHeaders);
        return;
      case "underscore":
        this.#stats.counter("requests_rejected_with_underscores_in_headers").inc();
        this.#endStream(stream, ERROR_CODE.internalError, "remote_reset", DETAILS.underscore);
        return;
      case "field":
      case "messaging": {
        this.#stats.counter("rx_messaging_error").inc();
        const details = fault === "field" ? DETAILS.invalidField : DETAILS.messagingRule;
        this.#note(stream, details);
        if (!this.#options.streamErrorOnInvalidMessage) {
          this.#fail(ERROR_CODE.protocolError);
          return;
        }
        this.#endStream(stream, ERROR_CODE.protocolError, this.#role.malformedReason, details);
      }
    }
  }

  // --- other frames ----------------------------------------------------------------------------

  #onPriority(bytes: Latin1Bytes, start: number, end: number): void {
    const { streamId } = this.#reader;
    if (end - start !== 5) this.#fail(ERROR_CODE.frameSizeError);
    // The connection, not the stream: a reset that a peer can ask for is work (MadeYouReset).
    else if (streamId === 0 || readUint31(bytes, start) === streamId) {
      this.#fail(ERROR_CODE.protocolError);
    }
  }

  #onRstStream(bytes: Latin1Bytes, start: number, end: number): void {
    const { streamId } = this.#reader;
    if (end - start !== 4) return void this.#fail(ERROR_CODE.frameSizeError);
    if (streamId === 0 || this.#isIdle(streamId)) return void this.#fail(ERROR_CODE.protocolError);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#stats.counter("rx_reset").inc();
    stream.wireBytesReceived += FRAME_HEAD_BYTES + 4;
    const code = readUint32(bytes, start);
    const isDone = stream.state === "half_remote" &&
      (stream.isLocalEndQueued || (!this.#role.isServer && code === ERROR_CODE.noError));
    this.#note(
      stream,
      code === ERROR_CODE.refusedStream ? DETAILS.remoteRefuse : DETAILS.remoteReset,
    );
    this.#remove(stream, "remote_reset");
    const decoder = stream.takeDecoder();
    // A whole response stands, though the server wants no more of the request (§8.1).
    if (!isDone) decoder?.onReset(reasonOf(code), stream.details);
    this.#countReset(stream);
  }

  #onSettings(bytes: Latin1Bytes, start: number, end: number): void {
    const { flags, streamId } = this.#reader;
    if (streamId !== 0) return void this.#fail(ERROR_CODE.protocolError);
    if ((flags & FRAME_FLAG.ack) !== 0) {
      if (end !== start) return void this.#fail(ERROR_CODE.frameSizeError);
      if (!this.#isAcknowledged) this.#decoder.onSettingsAcknowledged();
      this.#isAcknowledged = true;
      this.#settingsSentMs = -1;
      return;
    }
    if ((end - start) % 6 !== 0) return void this.#fail(ERROR_CODE.frameSizeError);
    const windowBefore = this.peer.initialWindowSize;
    const code = this.peer.apply(bytes, start, end);
    if (code !== ERROR_CODE.noError) return void this.#fail(code);
    this.#writer.resizeTable(this.peer.headerTableSize);
    this.#writer.settingsAck();
    const delta = this.peer.initialWindowSize - windowBefore;
    if (delta !== 0 && !this.#moveWindows(delta)) {
      return void this.#fail(ERROR_CODE.flowControlError);
    }
    this.#role.onPeerSettings();
  }

  /** A new INITIAL_WINDOW_SIZE moves the windows of all open streams (§6.9.2). */
  #moveWindows(delta: number): boolean {
    for (const stream of this.#streams.values()) {
      if (!this.#sender.onStreamWindow(stream, delta)) return false;
    }
    return true;
  }

  #onPing(bytes: Latin1Bytes, start: number, end: number): void {
    const { flags, streamId } = this.#reader;
    if (end - start !== 8) this.#fail(ERROR_CODE.frameSizeError);
    else if (streamId !== 0) this.#fail(ERROR_CODE.protocolError);
    else if ((flags & FRAME_FLAG.ack) === 0) this.#writer.pingAck(bytes, start);
  }

  #onGoAway(bytes: Latin1Bytes, start: number, end: number): void {
    if (this.#reader.streamId !== 0) return void this.#fail(ERROR_CODE.protocolError);
    if (end - start < 8) return void this.#fail(ERROR_CODE.frameSizeError);
    this.#role.onGoAway(readUint31(bytes, start), readUint32(bytes, start + 4));
  }

  #onWindowUpdate(bytes: Latin1Bytes, start: number, end: number): void {
    const { streamId } = this.#reader;
    if (end - start !== 4) return void this.#fail(ERROR_CODE.frameSizeError);
    const increment = readUint31(bytes, start);
    // On a stream too it ends the connection, as in Envoy: no reset to be had (MadeYouReset).
    if (increment === 0) return void this.#fail(ERROR_CODE.protocolError);
    if (streamId === 0) {
      if (!this.#sender.onConnectionWindow(increment)) this.#fail(ERROR_CODE.flowControlError);
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      if (this.#isIdle(streamId)) this.#fail(ERROR_CODE.protocolError);
    } else if (!this.#sender.onStreamWindow(stream, increment)) {
      this.#endStream(
        stream,
        ERROR_CODE.flowControlError,
        this.#role.malformedReason,
        DETAILS.messagingRule,
      );
    }
  }

  /** By frame type; DATA does not come this way. */
  static readonly #HANDLERS: readonly (PayloadHandler | undefined)[] = [
    undefined,
    (session, bytes, start, end) => session.#onHeaders(bytes, start, end),
    (session, bytes, start, end) => session.#onPriority(bytes, start, end),
    (session, bytes, start, end) => session.#onRstStream(bytes, start, end),
    (session, bytes, start, end) => session.#onSettings(bytes, start, end),
    (session) => void session.#fail(ERROR_CODE.protocolError), // PUSH_PROMISE: push is off, §8.4
    (session, bytes, start, end) => session.#onPing(bytes, start, end),
    (session, bytes, start, end) => session.#onGoAway(bytes, start, end),
    (session, bytes, start, end) => session.#onWindowUpdate(bytes, start, end),
    (session, bytes, start, end) => session.#onFragment(bytes, start, end),
  ];

  // --- windows ---------------------------------------------------------------------------------

  #giveBack(stream: Http2Stream, bytes: number): void {
    this.#giveBackConnection(bytes);
    if (nextState(stream.state, "recvData") === undefined) return; // the peer has no more to send
    const increment = stream.receiveWindow.consume(bytes);
    if (increment > 0) this.#writer.windowUpdate(stream.id, increment);
  }

  #giveBackConnection(bytes: number): void {
    const increment = this.#receiveWindow.consume(bytes);
    if (increment > 0) this.#writer.windowUpdate(0, increment);
  }

  // --- ends of streams and of the connection ---------------------------------------------------

  #isIdle(streamId: number): boolean {
    if (!this.#role.isServer) return (streamId & 1) === 0 || streamId > this.lastLocalId;
    return (streamId & 1) === 0 || streamId > this.#lastPeerId;
  }

  /** Client: the highest id it used; 0 for a server. */
  lastLocalId = 0;

  #maySend(stream: Http2Stream, event: "sendHeaders" | "sendData"): boolean {
    if (this.#isClosed || this.#error !== undefined || stream.isLocalEndQueued) return false;
    const next = nextState(stream.state, event);
    if (next === undefined) return false;
    stream.state = next;
    return true;
  }

  #codeOf(stream: Http2Stream, reason: ResetReason): number {
    switch (reason) {
      case "local_refused_stream":
        return ERROR_CODE.refusedStream;
      case "connect_error":
        return ERROR_CODE.connectError;
      case "protocol_error":
        return ERROR_CODE.protocolError;
      default:
        // A whole response to half a request: "no more of it, please" (§8.1).
        return this.#role.isServer && stream.isLocalEndQueued
          ? ERROR_CODE.noError
          : ERROR_CODE.internalError;
    }
  }

  /** Sends RST_STREAM and tells the user, if it is there still. */
  #endStream(stream: Http2Stream, code: number, reason: ResetReason, details: string): void {
    const isOurWish = stream.decoder === undefined;
    this.#sendReset(stream.id, code);
    if (details !== "") this.#note(stream, details);
    this.#remove(stream, "local_reset");
    stream.takeDecoder()?.onReset(reason, stream.details);
    if (!isOurWish) this.#countReset(stream);
  }

  #note(stream: Http2Stream | undefined, details: string): void {
    if (stream !== undefined && stream.details === "") stream.details = details;
  }

  #sendReset(streamId: number, code: number): void {
    this.#stats.counter("tx_reset").inc();
    this.#writer.rstStream(streamId, code);
  }

  /** Answers a frame on a stream that ended before. */
  #resetClosed(streamId: number): void {
    this.#sendReset(streamId, ERROR_CODE.streamClosed);
    if (this.#role.isServer && this.#budget.onStreamClosed(true, 0)) this.#failResets();
  }

  #remove(stream: Http2Stream, ending: "finished" | "remote_reset" | "local_reset"): void {
    if (!this.#streams.delete(stream.id)) return;
    stream.state = "closed";
    this.#closedStreams.add(stream.id, ending);
    this.#sender.forget(stream);
    if (this.#dataStream === stream) {
      this.#dataStream = undefined;
      this.#giveBackConnection(this.#dataOwed);
    }
    if (stream.withheldBytes > 0) {
      this.#giveBackConnection(stream.withheldBytes);
      stream.withheldBytes = 0;
    }
    if (ending === "finished" && this.#role.isServer) this.#budget.onStreamClosed(false, 0);
  }

  #countReset(stream: Http2Stream): void {
    if (!this.#role.isServer) return;
    const wasReset = !stream.hasSentHeaders;
    if (this.#budget.onStreamClosed(wasReset, this.nowMs() - stream.openedMs)) this.#failResets();
  }

  #failResets(): void {
    this.#fail(ERROR_CODE.enhanceYourCalm, "flood", "too_many_premature_resets");
  }

  #failFlood(flood: Flood): boolean {
    this.#stats.counter(flood.counter).inc();
    const stream = this.#streams.get(this.#reader.streamId);
    if (flood.counter === "inbound_empty_frames_flood") this.#note(stream, DETAILS.emptyFrames);
    return this.#fail(ERROR_CODE.enhanceYourCalm, "flood", flood.message);
  }

  /** A peer that asks and never reads (CVE-2019-9512, -9514, -9515). */
  #checkOutbound(): boolean {
    const tally = this.#writer.tally;
    let flood: Flood | undefined;
    if (tally.controlFrames > this.#options.maxOutboundControlFrames) {
      flood = {
        counter: "outbound_control_flood",
        message: "Too many control frames in the outbound queue.",
      };
    } else if (tally.frames > this.#options.maxOutboundFrames) {
      flood = { counter: "outbound_flood", message: "Too many frames in the outbound queue." };
    }
    if (flood === undefined) return true;
    for (const stream of this.#streams.values()) this.#note(stream, DETAILS.outboundFlood);
    return this.#failFlood(flood);
  }

  /** Ends the connection by GOAWAY; false, so that a frame's handler can return it. */
  #fail(code: number, kind: CodecError["kind"] = "protocol", details = REFUSED_FRAME): false {
    if (this.#error !== undefined || this.#isClosed) return false;
    this.#error = { kind, details };
    this.#reader.stop();
    this.#block.clear();
    this.#writeGoAway(this.#lastPeerId, code);
    return false;
  }

  #writeGoAway(lastStreamId: number, code: number): void {
    this.#stats.counter("goaway_sent").inc();
    this.#writer.goAway(lastStreamId, code);
  }
}

function reasonOf(code: number): ResetReason {
  switch (code) {
    case ERROR_CODE.refusedStream:
      return "remote_refused_stream";
    case ERROR_CODE.connectError:
      return "connect_error";
    default:
      return "remote_reset";
  }
}
