/**
 * The client side of one HTTP/1 connection: one request at a time. Whatever the upstream sends
 * that no request waits for ends the connection, so that no response reaches another's request.
 *
 *   idle ─newStream─▶ head ─▶ body ─▶ (trailers) ─▶ idle
 *                      │└─ 1xx ─▶ head            └▶ closing, if the connection must not be reused
 *                      └─ 101, CONNECT ─▶ raw
 */

import {
  type ClientConnectionCallbacks,
  type ClientHttpConnection,
  type CodecError,
  H,
  HeaderMap,
  type Protocol,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
  STATUS_TEXTS,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http1Options } from "../options.ts";
import { BodyWriter, EMPTY } from "./body_writer.ts";
import { type ClientStreamOwner, Http1ClientStream } from "./client_stream.ts";
import {
  BAD_MESSAGE,
  DETAILS,
  type Fault,
  PREMATURE_RESPONSE,
  TOO_MANY_INTERIM,
} from "./details.ts";
import { HeadWriter } from "./head_writer.ts";
import { type FieldsMode, MessageFacts, readFields } from "./message_fields.ts";
import { MessageReader } from "./message_reader.ts";
import { judgeResponse, type ResponsePlan } from "./response_rules.ts";
import { StatusLine } from "./status_line.ts";

/** Interim responses to one request; a million of them would be work without an end. */
const MAX_INTERIM = 10;

type State = "idle" | "message" | "closing";

/**
 * The codec of one upstream HTTP/1 connection: `newStream` sends a request, `dispatch` takes the
 * response's bytes.
 */
export class Http1ClientConnection implements ClientHttpConnection, ClientStreamOwner {
  readonly transport: CodecTransport;
  readonly options: Http1Options;
  readonly headWriter: HeadWriter;
  readonly bodyWriter = new BodyWriter();
  readonly #callbacks: ClientConnectionCallbacks;
  readonly #reader: MessageReader;
  readonly #line = new StatusLine();
  readonly #facts = new MessageFacts();
  readonly #plan: ResponsePlan = { body: "none", keepAlive: true };
  readonly #fieldsMode: FieldsMode;
  #state: State = "idle";
  #stream: Http1ClientStream | undefined = undefined;
  #error: CodecError | undefined = undefined;
  #keepAlive = true;
  #isAboveHighWatermark = false;
  /** Whether the piece at hand holds bytes past the response. */
  #hasExcess = false;

  constructor(
    transport: CodecTransport,
    options: Http1Options,
    callbacks: ClientConnectionCallbacks,
    stats: CodecStats,
  ) {
    this.transport = transport;
    this.options = options;
    this.#callbacks = callbacks;
    this.headWriter = new HeadWriter(transport.output);
    this.#reader = new MessageReader(options, true);
    this.#fieldsMode = {
      isRequest: false,
      underscores: "allow",
      dropped: stats.counter("http1.dropped_headers_with_underscores"),
      preserveCase: options.headerCase === "preserve",
    };
  }

  get protocol(): Protocol {
    return this.#line.isHttp10 ? "HTTP/1.0" : "HTTP/1.1";
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  get isReusable(): boolean {
    return this.#state === "idle" && this.#stream === undefined && this.#keepAlive;
  }

  /** Whether the connection has served its last request: close it, nothing more is to be flushed. */
  get shouldClose(): boolean {
    return this.#state === "closing";
  }

  /** @throws {RangeError} if a request is under way or none may follow: our bug */
  newStream(decoder: ResponseDecoder): RequestEncoder {
    if (!this.isReusable) throw new RangeError("This HTTP/1 connection takes no request now");
    const stream = new Http1ClientStream(this, decoder);
    this.#stream = stream;
    this.#beginHead();
    return stream;
  }

  dispatch(bytes: Uint8Array): CodecError | undefined {
    let at = 0;
    while (at < bytes.length && this.#state !== "closing") {
      const stream = this.#stream;
      if (stream === undefined || stream.headerBytesSent === 0) {
        this.#fail(PREMATURE_RESPONSE);
        break;
      }
      at = this.#step(bytes, at, stream);
      // The next request may begin within the callback; the bytes left are not its response.
      if (this.#hasExcess) break;
    }
    return this.#settle();
  }

  /** The end of the connection ends a body without a length; any other message it breaks. */
  onEnd(): CodecError | undefined {
    const stream = this.#stream;
    if (stream !== undefined) {
      if (this.#reader.isInOpenBody) {
        this.#plan.keepAlive = false;
        this.#completeResponse(stream, false);
        stream.decoder.decodeData(EMPTY, true);
      } else if (!this.#reader.isRaw && !this.#reader.isBeforeHead) {
        this.#fail(BAD_MESSAGE);
      }
    }
    this.#keepAlive = false;
    return this.#error ?? { kind: "closed", details: DETAILS.upstreamClosed };
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    const isCut = this.#state === "message" && this.#reader.isInFramedBody;
    this.#close();
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.detach();
    // A reset within a framed message breaks it as its end does: onEnd says the same.
    stream.decoder.onReset(isCut ? "protocol_error" : reason, details);
  }

  /** Nothing is ever kept here: a peer that speaks out of turn breaks the protocol. */
  resume(): undefined {}

  shutdownNotice(): void {}

  /** No request follows the present one. */
  goAway(): void {
    this.#keepAlive = false;
    if (this.#stream === undefined) this.#close();
  }

  onUnderlyingAboveWriteBufferHighWatermark(): void {
    this.#isAboveHighWatermark = true;
    const stream = this.#stream;
    if (stream === undefined || stream.isAboveHighWatermark) return;
    stream.isAboveHighWatermark = true;
    stream.decoder.onAboveWriteBufferHighWatermark();
  }

  onUnderlyingBelowWriteBufferLowWatermark(): void {
    this.#isAboveHighWatermark = false;
    const stream = this.#stream;
    if (stream === undefined || !stream.isAboveHighWatermark) return;
    stream.isAboveHighWatermark = false;
    stream.decoder.onBelowWriteBufferLowWatermark();
  }

  onHeadWritten(): void {
    if (this.#isAboveHighWatermark) this.onUnderlyingAboveWriteBufferHighWatermark();
  }

  onRequestComplete(stream: Http1ClientStream): void {
    // Bytes are missing that the head promised: the upstream must not wait for them in the next request.
    if (this.bodyWriter.isBroken || !stream.request.keepAlive) this.#keepAlive = false;
  }

  onStreamReset(stream: Http1ClientStream): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#close();
  }

  #close(): void {
    this.#state = "closing";
    this.#reader.head.finish();
  }

  #settle(): CodecError | undefined {
    if (this.#hasExcess && this.#error === undefined) {
      this.#error = { kind: "protocol", details: DETAILS.prematureResponse };
    }
    return this.#error;
  }

  #beginHead(): void {
    this.#state = "message";
    this.#reader.begin();
  }

  #step(bytes: Uint8Array, at: number, stream: Http1ClientStream): number {
    const reader = this.#reader;
    const next = reader.read(bytes, at);
    stream.wireBytesReceived += next - at;
    switch (reader.event) {
      case "head":
        this.#onHead(stream, next < bytes.length);
        break;
      case "data":
        stream.decoder.decodeData(reader.data(bytes), false);
        break;
      case "last_data":
        this.#completeResponse(stream, next < bytes.length);
        stream.decoder.decodeData(reader.data(bytes), true);
        break;
      case "trailers":
        this.#onTrailers(stream, next < bytes.length);
        break;
      case "bad":
        this.#fail(reader.fault);
    }
    return next;
  }

  #onHead(stream: Http1ClientStream, hasMore: boolean): void {
    const { head } = this.#reader;
    const line = this.#line;
    if (!line.parse(head.text, head.scanner.startLineLength)) return this.#fail(BAD_MESSAGE);
    const headers = new HeaderMap();
    headers.append(H.status, ":status", STATUS_TEXTS[line.status]!);
    this.#facts.reset();
    readFields(head, headers, this.#facts, this.#fieldsMode);
    stream.headerBytesReceived += head.scanner.length;
    head.finish();
    const plan = this.#plan;
    const fault = judgeResponse(line, headers, this.#facts, stream.request, plan);
    if (fault !== undefined) return this.#fail(fault);
    if (line.status < 200 && line.status !== 101) return this.#onInterim(stream, headers);
    if (!plan.keepAlive) {
      this.#keepAlive = false;
      this.#callbacks.onGoAway("no_error");
      if (this.#stream !== stream) return;
    }
    this.#decodeHeaders(stream, headers, hasMore);
  }

  #onInterim(stream: Http1ClientStream, headers: HeaderMap): void {
    if (++stream.interimCount > MAX_INTERIM) return this.#fail(TOO_MANY_INTERIM);
    this.#beginHead();
    stream.decoder.decode1xx(headers);
  }

  #decodeHeaders(stream: Http1ClientStream, headers: HeaderMap, hasMore: boolean): void {
    const framing = stream.isTunnel && this.#line.status < 300 ? "raw" : this.#plan.body;
    if (framing === "none") {
      this.#completeResponse(stream, hasMore);
      stream.decoder.decodeHeaders(headers, true);
      return;
    }
    this.#reader.beginBody(framing, this.#facts.contentLength);
    stream.decoder.decodeHeaders(headers, false);
  }

  #onTrailers(stream: Http1ClientStream, hasMore: boolean): void {
    const trailers = this.#reader.takeTrailers(this.options.enableTrailers);
    this.#completeResponse(stream, hasMore);
    if (trailers === undefined) stream.decoder.decodeData(EMPTY, true);
    else stream.decoder.decodeTrailers(trailers);
  }

  /** Before the user hears of the end: it may begin the next request within the call. */
  #completeResponse(stream: Http1ClientStream, hasMore: boolean): void {
    this.#hasExcess = hasMore;
    stream.detach();
    this.#stream = undefined;
    const isReusable = this.#keepAlive && this.#plan.keepAlive && stream.isRequestComplete;
    this.#state = isReusable && !hasMore ? "idle" : "closing";
  }

  #fail(fault: Fault): void {
    this.#error = { kind: "protocol", details: fault.details };
    this.#close();
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.detach();
    stream.decoder.onReset("protocol_error", fault.details);
  }
}
