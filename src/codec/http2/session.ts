/**
 * One HTTP/2 connection of either side (RFC 9113): it dispatches frames to their receivers, keeps
 * the streams, and ends them and itself. Requests and responses are told apart by `SessionRole`.
 * Nothing throws for what a peer does: an error of the connection is a value that `dispatch`
 * returns.
 */

import type { Latin1Bytes } from "../../base/mod.ts";
import type {
  ClientHttpConnection,
  CodecError,
  HeaderMap,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../options.ts";
import { BlockReceiver } from "./block_receiver.ts";
import type { Ending } from "./closed_streams.ts";
import { ControlReceiver } from "./control_receiver.ts";
import { DataReceiver } from "./data_receiver.ts";
import { DETAILS, MESSAGES } from "./details.ts";
import { type Flood, InboundLimits, ResetBudget } from "./flood_limits.ts";
import { SendWindow } from "./flow_window.ts";
import {
  DEFAULT_WINDOW,
  ERROR_CODE,
  FRAME,
  FRAME_FLAG,
  MAX_FRAME_BYTES,
  MAX_STREAM_ID,
} from "./frame.ts";
import { type FrameHandler, FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { Fault } from "./message_rules.ts";
import { codeOf } from "./reset_codes.ts";
import { Sender, type SenderEvents } from "./sender.ts";
import type { SessionCore, SessionRole } from "./session_core.ts";
import { localSettings, PeerSettings } from "./settings.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import { nextState } from "./stream_state.ts";
import { StreamTable } from "./stream_table.ts";

/** Half of a peer's streams may end young and unanswered before this many have closed. */
const RESET_BUDGET_STREAMS = 500;
const RESET_BUDGET_LIFETIME_MS = 1000;
/** Body bytes that wait for one stream's window before its source is stopped. */
const STREAM_BUFFER_LIMIT_BYTES = 1048576;

const OUTBOUND_FLOOD: Flood = { counter: "outbound_flood", message: MESSAGES.outboundFrames };
const OUTBOUND_CONTROL_FLOOD: Flood = {
  counter: "outbound_control_flood",
  message: MESSAGES.outboundControlFrames,
};

type PayloadHandler = (
  session: Http2Session,
  bytes: Latin1Bytes,
  start: number,
  end: number,
) => void;

/**
 * Streams, settings, windows and the end of one connection; `dispatch` takes its bytes, errors end
 * it by GOAWAY.
 */
export class Http2Session
  implements ClientHttpConnection, SessionCore, FrameHandler, StreamOwner, SenderEvents {
  readonly protocol = "HTTP/2";
  readonly role: SessionRole;
  readonly options: Http2Options;
  readonly stats: CodecStats;
  readonly reader: FrameReader;
  readonly writer: FrameWriter;
  readonly sender: Sender;
  readonly limits: InboundLimits;
  readonly streams: StreamTable;
  readonly peer = new PeerSettings();

  readonly #transport: CodecTransport;
  readonly #budget: ResetBudget;
  readonly #data: DataReceiver;
  readonly #blocks: BlockReceiver;
  readonly #control: ControlReceiver;

  /** Streams that read again and wait for `resume`. */
  readonly #resuming: Http2Stream[] = [];
  #error: CodecError | undefined;
  #isClosed = false;
  #hasStarted = false;
  #hasPeerSettings = false;
  #isAcknowledged = false;
  /** Either side has said that no more streams are welcome. */
  #isGoingAway = false;
  /** Whether the connection's output is over its limit. */
  #isTransportFull = false;

  constructor(
    role: SessionRole,
    transport: CodecTransport,
    options: Http2Options,
    stats: CodecStats,
  ) {
    this.role = role;
    this.options = options;
    this.stats = stats;
    this.#transport = transport;
    this.reader = new FrameReader(this, role.isServer);
    this.writer = new FrameWriter(transport);
    this.limits = new InboundLimits(options);
    this.streams = new StreamTable(role.isServer);
    this.sender = new Sender({
      writer: this.writer,
      limits: this.limits,
      events: this,
      streamBufferLimitBytes: options.streamBufferLimitBytes ?? STREAM_BUFFER_LIMIT_BYTES,
    });
    this.#budget = new ResetBudget(
      options.prematureResetTotalStreams ?? RESET_BUDGET_STREAMS,
      options.prematureResetMinLifetimeMs ?? RESET_BUDGET_LIFETIME_MS,
    );
    this.#data = new DataReceiver(this);
    this.#blocks = new BlockReceiver(this);
    this.#control = new ControlReceiver(this);
  }

  get error(): CodecError | undefined {
    return this.#error;
  }

  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  get streamErrorOnInvalidMessage(): boolean {
    return this.options.streamErrorOnInvalidMessage;
  }

  nowMs(): number {
    return this.#transport.nowMs();
  }

  // ClientHttpConnection and Http2ServerConnection: what the connection's owner does.

  get activeStreams(): number {
    return this.streams.size;
  }

  get isReusable(): boolean {
    return !this.#isGoingAway && !this.#isOver && this.streams.lastLocalId < MAX_STREAM_ID - 1;
  }

  get peerMaxConcurrentStreams(): number {
    return this.peer.maxConcurrentStreams;
  }

  newStream(decoder: ResponseDecoder): RequestEncoder {
    const stream = this.createStream();
    stream.decoder = decoder;
    return stream;
  }

  dispatch(bytes: Uint8Array): CodecError | undefined {
    if (this.#isOver) return this.#error;
    this.reader.feed(bytes);
    if (this.#error === undefined) this.#checkOutbound();
    return this.#error;
  }

  /** Sends what a connection begins with: preface (client), SETTINGS, WINDOW_UPDATE. */
  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    if (!this.role.isServer) this.writer.preface();
    this.writer.settings(localSettings(this.options, this.role.isServer));
    const more = this.options.initialConnectionWindowSize - DEFAULT_WINDOW;
    if (more > 0) this.writer.windowUpdate(0, more);
  }

  /** Gives back the windows of streams that read again and were not paused anew. */
  resume(): CodecError | undefined {
    const resuming = this.#resuming;
    const isOver = this.#isOver;
    for (let i = 0; i < resuming.length && !isOver; i++) {
      const stream = resuming[i]!;
      if (stream.isReadDisabled) continue;
      const bytes = stream.withheldBytes;
      stream.withheldBytes = 0;
      this.#data.giveBack(stream, bytes);
    }
    resuming.length = 0;
    return this.#error;
  }

  /** HTTP/2 has no half-close: the owner closes the connection, which resets what is left. */
  onEnd(): CodecError | undefined {
    return this.#error;
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.reader.stop();
    this.#blocks.clear();
    for (const stream of this.streams.values()) {
      stream.state = "closed";
      this.sender.forget(stream);
      stream.takeDecoder()?.onReset(reason, stream.details !== "" ? stream.details : details);
    }
    this.streams.clear();
  }

  /** Lets all ids through (RFC 9113 §6.8); only servers give notice. */
  shutdownNotice(): void {
    if (!this.role.isServer || this.#isOver) return;
    this.start();
    this.#writeGoAway(MAX_STREAM_ID, ERROR_CODE.noError);
  }

  goAway(): void {
    this.#isGoingAway = true;
    if (this.#isOver) return;
    this.start();
    this.streams.goAwayId = this.streams.lastPeerId;
    this.#writeGoAway(this.streams.lastPeerId, ERROR_CODE.noError);
  }

  sendPing(opaque: number): void {
    if (!this.#isOver) this.writer.ping(opaque);
  }

  onSettingsTimeout(): CodecError | undefined {
    if (this.#isAcknowledged) return undefined;
    this.start();
    this.#end(ERROR_CODE.settingsTimeout, { kind: "protocol", details: MESSAGES.settingsTimeout });
    return this.#error;
  }

  onUnderlyingAboveWriteBufferHighWatermark(): void {
    if (this.#isTransportFull) return;
    this.#isTransportFull = true;
    for (const stream of this.streams.values()) stream.raiseWatermark();
  }

  onUnderlyingBelowWriteBufferLowWatermark(): void {
    if (!this.#isTransportFull) return;
    this.#isTransportFull = false;
    for (const stream of this.streams.values()) stream.lowerWatermark();
  }

  resetStalledStreams(timeoutMs: number): number {
    const now = this.nowMs();
    let count = 0;
    for (const stream of this.streams.values()) {
      if (!stream.isLocalEndQueued || !stream.hasPending) continue;
      if (now - stream.progressMs <= timeoutMs) continue;
      this.stats.counter("tx_flush_timeout").inc();
      this.endStream(stream, ERROR_CODE.noError, "local_reset", "");
      count++;
    }
    return count;
  }

  // What the roles ask for.

  /** A new stream, not in the table yet. */
  createStream(): Http2Stream {
    return new Http2Stream(this, {
      send: this.peer.initialWindowSize,
      receive: this.options.initialStreamWindowSize,
    });
  }

  /** Enters a stream under its id. */
  register(stream: Http2Stream, id: number): void {
    stream.id = id;
    // The peer's SETTINGS may have come since a client's stream was made.
    if (!this.role.isServer) stream.sendWindow = new SendWindow(this.peer.initialWindowSize);
    stream.openedMs = stream.progressMs = this.nowMs();
    this.streams.add(stream);
    this.limits.onStreamOpened();
    if (this.#isTransportFull) stream.raiseWatermark();
  }

  // StreamOwner: what users do.

  encode1xx(stream: Http2Stream, headers: HeaderMap): void {
    if (this.#maySend(stream, "sendHeaders")) this.sender.headers(stream, headers, false);
  }

  encodeHeaders(stream: Http2Stream, headers: HeaderMap, endStream: boolean): string | undefined {
    const missing = this.role.missingHeader(headers);
    if (missing !== undefined || this.#isOver) return missing;
    this.role.beforeFirstHeaders(stream);
    if (!this.#maySend(stream, "sendHeaders")) return undefined;
    stream.hasSentHeaders = true;
    this.sender.headers(stream, this.role.prepareHeaders(stream, headers), endStream);
    return undefined;
  }

  encodeData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    if (this.#maySend(stream, "sendData")) this.sender.data(stream, bytes, endStream);
  }

  encodeTrailers(stream: Http2Stream, trailers: HeaderMap): void {
    if (this.#maySend(stream, "sendHeaders")) this.sender.trailers(stream, trailers);
  }

  resetByUser(stream: Http2Stream, reason: ResetReason): void {
    stream.takeDecoder();
    if (stream.state === "closed") return;
    if (stream.id === 0) {
      stream.state = "closed"; // never sent: the peer knows nothing of it
      return;
    }
    const code = codeOf(reason, this.role.isServer && stream.isLocalEndQueued);
    // What the user sent to its end still goes out, then the reset.
    if (stream.isLocalEndQueued && stream.hasPending) stream.deferredReset = code;
    else this.endStream(stream, code, reason, "");
  }

  /** Not at once: what it held is being written just now, and may fill its reader up again. */
  resumeStream(stream: Http2Stream): void {
    if (this.#resuming.push(stream) > 1) return;
    const { callbacks } = this.role;
    if (callbacks.onResumable !== undefined) callbacks.onResumable();
    else queueMicrotask(() => this.resume());
  }

  // SenderEvents.

  onEndSent(stream: Http2Stream): void {
    const next = nextState(stream.state, "sendEnd");
    if (next === undefined) return;
    stream.state = next;
    if (next === "closed") this.removeStream(stream, "finished");
    else if (stream.deferredReset >= 0) {
      this.endStream(stream, stream.deferredReset, "local_reset", "");
    }
  }

  // FrameHandler: what the peer does.

  onBadPreface(): void {
    this.#error = { kind: "protocol", details: MESSAGES.badPreface };
  }

  onBadPadding(): void {
    this.fail(ERROR_CODE.protocolError);
  }

  onFrameHead(): boolean {
    const { type, flags, length, streamId } = this.reader;
    this.start();
    if (!this.#hasPeerSettings) {
      if (type !== FRAME.settings || (flags & FRAME_FLAG.ack) !== 0) {
        return this.fail(ERROR_CODE.protocolError); // §3.4
      }
      this.#hasPeerSettings = true;
    }
    if (length > MAX_FRAME_BYTES) return this.fail(ERROR_CODE.frameSizeError);
    if (!this.#blocks.isInOrder(type, streamId)) return this.fail(ERROR_CODE.protocolError);
    const flood = this.limits.onFrame(type, flags, length);
    if (flood !== undefined) return this.failFlood(flood);
    if (!this.#checkOutbound()) return false;
    return type === FRAME.data ? this.#data.onHead(streamId, length) : true;
  }

  onDataPiece(bytes: Latin1Bytes, start: number, end: number, isLast: boolean): void {
    this.#data.onPiece(bytes, start, end, isLast);
  }

  onPayload(bytes: Latin1Bytes, start: number, end: number): void {
    const handler = Http2Session.#HANDLERS[this.reader.type];
    if (handler !== undefined) handler(this, bytes, start, end); // unknown types are ignored, §5.5
  }

  /** By frame type; DATA does not come this way. */
  static readonly #HANDLERS: readonly (PayloadHandler | undefined)[] = [
    undefined,
    (session, bytes, start, end) => session.#blocks.onHeadersFrame(bytes, start, end),
    (session, bytes, start, end) => session.#control.onPriority(bytes, start, end),
    (session, bytes, start, end) => session.#control.onRstStream(bytes, start, end),
    (session, bytes, start, end) => session.#control.onSettings(bytes, start, end),
    (session) => void session.fail(ERROR_CODE.protocolError), // PUSH_PROMISE: push is off, §8.4
    (session, bytes, start, end) => session.#control.onPing(bytes, start, end),
    (session, bytes, start, end) => session.#control.onGoAway(bytes, start, end),
    (session, bytes, start, end) => session.#control.onWindowUpdate(bytes, start, end),
    (session, bytes, start, end) => session.#blocks.onFragment(bytes, start, end),
  ];

  // SessionCore: what the receivers ask for.

  onSettingsAck(): void {
    if (this.#isAcknowledged) return;
    this.#isAcknowledged = true;
    this.#blocks.onSettingsAck();
  }

  onGoAway(lastStreamId: number, code: number): void {
    this.#isGoingAway = true;
    this.role.callbacks.onGoAway(code === ERROR_CODE.noError ? "no_error" : "other");
    if (!this.role.isServer) this.#refuseStreamsAbove(lastStreamId);
  }

  failMessage(stream: Http2Stream, fault: Fault): void {
    if (fault === "too_many") {
      this.stats.counter("header_overflow").inc();
      this.endStream(stream, ERROR_CODE.internalError, "remote_reset", DETAILS.tooManyHeaders);
      return;
    }
    if (fault === "underscore") {
      this.stats.counter("requests_rejected_with_underscores_in_headers").inc();
      this.endStream(stream, ERROR_CODE.internalError, "remote_reset", DETAILS.underscore);
      return;
    }
    this.stats.counter("rx_messaging_error").inc();
    this.note(stream, fault === "field" ? DETAILS.invalidField : DETAILS.messagingRule);
    if (this.options.streamErrorOnInvalidMessage) {
      this.endStream(stream, ERROR_CODE.protocolError, this.role.malformedReason, "");
    } else {
      this.fail(ERROR_CODE.protocolError);
    }
  }

  failBody(stream: Http2Stream): void {
    this.stats.counter("rx_messaging_error").inc();
    this.breakStream(stream, ERROR_CODE.protocolError);
  }

  breakStream(stream: Http2Stream, code: number): void {
    this.endStream(stream, code, this.role.malformedReason, DETAILS.messagingRule);
  }

  endStream(stream: Http2Stream, code: number, reason: ResetReason, details: string): void {
    const isWishOfUser = stream.decoder === undefined;
    this.sendReset(stream.id, code);
    if (details !== "") this.note(stream, details);
    this.removeStream(stream, "local_reset");
    stream.takeDecoder()?.onReset(reason, stream.details);
    if (!isWishOfUser) this.countReset(stream);
  }

  note(stream: Http2Stream | undefined, details: string): void {
    if (stream !== undefined && stream.details === "") stream.details = details;
  }

  sendReset(streamId: number, code: number): void {
    this.stats.counter("tx_reset").inc();
    this.writer.rstStream(streamId, code);
  }

  resetClosed(streamId: number): void {
    this.sendReset(streamId, ERROR_CODE.streamClosed);
    if (this.role.isServer && this.#budget.onStreamClosed(true, 0)) this.#failResets();
  }

  removeStream(stream: Http2Stream, ending: Ending): void {
    if (!this.streams.remove(stream, ending)) return;
    stream.state = "closed";
    this.sender.forget(stream);
    this.#data.onStreamRemoved(stream);
    if (ending === "finished" && this.role.isServer) this.#budget.onStreamClosed(false, 0);
  }

  countReset(stream: Http2Stream): void {
    if (!this.role.isServer) return;
    const isUnanswered = !stream.hasSentHeaders;
    const lifetimeMs = this.nowMs() - stream.openedMs;
    if (this.#budget.onStreamClosed(isUnanswered, lifetimeMs)) this.#failResets();
  }

  failFlood(flood: Flood): false {
    this.stats.counter(flood.counter).inc();
    if (flood.details !== undefined) {
      this.note(this.streams.get(this.reader.streamId), flood.details);
    }
    return this.#end(ERROR_CODE.enhanceYourCalm, { kind: "flood", details: flood.message });
  }

  fail(code: number): false {
    return this.#end(code, { kind: "protocol", details: MESSAGES.refusedFrame });
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#error !== undefined;
  }

  #failResets(): void {
    this.#end(ERROR_CODE.enhanceYourCalm, { kind: "flood", details: MESSAGES.prematureResets });
  }

  #end(code: number, error: CodecError): false {
    if (this.#isOver) return false;
    this.#error = error;
    this.reader.stop();
    this.#blocks.clear();
    this.#writeGoAway(this.streams.lastPeerId, code);
    return false;
  }

  /** Client, GOAWAY: the peer has handled nothing of the streams above `lastStreamId`. */
  #refuseStreamsAbove(lastStreamId: number): void {
    for (const stream of this.streams.values()) {
      if (stream.id <= lastStreamId) continue;
      this.note(stream, DETAILS.remoteRefuse);
      this.removeStream(stream, "remote_reset");
      stream.takeDecoder()?.onReset("remote_refused_stream", stream.details);
    }
  }

  #writeGoAway(lastStreamId: number, code: number): void {
    this.stats.counter("goaway_sent").inc();
    this.writer.goAway(lastStreamId, code);
  }

  /** A peer that asks and never reads (CVE-2019-9512, -9514, -9515). */
  #checkOutbound(): boolean {
    const { frames, controlFrames } = this.writer.tally;
    if (controlFrames > this.options.maxOutboundControlFrames) {
      return this.#failOutbound(OUTBOUND_CONTROL_FLOOD);
    }
    if (frames > this.options.maxOutboundFrames) return this.#failOutbound(OUTBOUND_FLOOD);
    return true;
  }

  #failOutbound(flood: Flood): false {
    for (const stream of this.streams.values()) this.note(stream, DETAILS.outboundFlood);
    return this.failFlood(flood);
  }

  #maySend(stream: Http2Stream, event: "sendHeaders" | "sendData"): boolean {
    if (this.#isOver || stream.isLocalEndQueued) return false;
    const next = nextState(stream.state, event);
    if (next === undefined) return false;
    stream.state = next;
    return true;
  }
}
