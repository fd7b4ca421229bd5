/**
 * The server side of one HTTP/1 connection: one request at a time, in order. Bytes of the next
 * request are kept until the response of the present one has ended.
 *
 *   idle ─first byte─▶ head ─▶ body ─▶ (trailers) ─▶ responding ─response ended─▶ idle
 *                       │└─ no body ──────────────────▲
 *                       └─ upgrade, CONNECT ─▶ raw
 *   Any state goes to `closing` on a fault, on a reset, or when a response ends before its request.
 */

import {
  type CodecError,
  H,
  HeaderMap,
  type HttpConnection,
  type Protocol,
  REASON_PHRASES,
  type ResetReason,
  type ServerConnectionCallbacks,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http1Options } from "../options.ts";
import { BodyWriter } from "./body_writer.ts";
import { CR, LF } from "./char_tables.ts";
import { BAD_MESSAGE, DETAILS, type Fault } from "./details.ts";
import { HeadWriter } from "./head_writer.ts";
import { KeptBytes } from "./kept_bytes.ts";
import { type FieldsMode, MessageFacts, readFields } from "./message_fields.ts";
import { MessageReader } from "./message_reader.ts";
import { RequestLine } from "./request_line.ts";
import { judgeRequest, type RequestPlan } from "./request_rules.ts";
import { Http1ServerStream, NO_BYTES, type ServerStreamOwner } from "./server_stream.ts";

type State = "idle" | "message" | "responding" | "closing";

/**
 * The codec of one downstream HTTP/1 connection: `dispatch` takes bytes, callbacks get the
 * requests.
 */
export class Http1ServerConnection implements HttpConnection, ServerStreamOwner {
  readonly transport: CodecTransport;
  readonly options: Http1Options;
  readonly headWriter: HeadWriter;
  readonly bodyWriter = new BodyWriter();
  readonly #callbacks: ServerConnectionCallbacks;
  readonly #stats: CodecStats;
  readonly #reader: MessageReader;
  readonly #line = new RequestLine();
  readonly #facts = new MessageFacts();
  readonly #plan: RequestPlan = { body: "none", keepAlive: true };
  readonly #fieldsMode: FieldsMode;
  readonly #kept: KeptBytes;
  #state: State = "idle";
  #stream: Http1ServerStream | undefined = undefined;
  #error: CodecError | undefined = undefined;
  #isRunning = false;
  #isAboveHighWatermark = false;
  #isDraining = false;
  #isResumeAsked = false;
  /** A CR between requests was read, its LF not yet. */
  #hasBlankCr = false;

  constructor(
    transport: CodecTransport,
    options: Http1Options,
    callbacks: ServerConnectionCallbacks,
    stats: CodecStats,
  ) {
    this.transport = transport;
    this.options = options;
    this.#callbacks = callbacks;
    this.#stats = stats;
    this.headWriter = new HeadWriter(transport.output);
    this.#reader = new MessageReader(options, false);
    this.#fieldsMode = {
      isRequest: true,
      underscores: options.headersWithUnderscores,
      dropped: stats.counter("http1.dropped_headers_with_underscores"),
      preserveCase: options.headerCase === "preserve",
    };
    this.#kept = new KeptBytes(transport);
  }

  /** The version of the request under way, or of the last one. */
  get protocol(): Protocol {
    return this.#line.isHttp10 ? "HTTP/1.0" : "HTTP/1.1";
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  /** Whether no further request is taken: flush what was written, then close once no stream is active. */
  get shouldClose(): boolean {
    return this.#state === "closing";
  }

  dispatch(bytes: Uint8Array): CodecError | undefined {
    if (this.#error !== undefined) return this.#error;
    if (!this.#kept.isEmpty || this.#isRunning) return this.#keep(bytes, 0);
    return this.#run(bytes);
  }

  /** Handles what was kept while another request was under way. See `onResumable`. */
  resume(): CodecError | undefined {
    this.#isResumeAsked = false;
    if (this.#error !== undefined) return this.#error;
    if (!this.#canResume()) return undefined;
    const error = this.#run(this.#kept.take());
    if (this.#kept.isEmpty) this.#kept.release();
    return error;
  }

  /** A half-closed client is taken for gone, as in Envoy; the caller closes the connection. */
  onEnd(): CodecError | undefined {
    return this.#error ?? { kind: "closed", details: DETAILS.downstreamClosed };
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    this.#kept.release();
    this.#state = "closing";
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.detach();
    stream.decoder?.onReset(reason, details);
  }

  shutdownNotice(): void {}

  /** Responses whose head is still to come say `connection: close`, and the connection ends after one. */
  goAway(): void {
    this.#isDraining = true;
    if (this.#stream !== undefined) this.#stream.keepAlive = false;
  }

  onUnderlyingAboveWriteBufferHighWatermark(): void {
    this.#isAboveHighWatermark = true;
    const stream = this.#stream;
    if (stream?.decoder === undefined || stream.isAboveHighWatermark) return;
    stream.isAboveHighWatermark = true;
    stream.decoder.onAboveWriteBufferHighWatermark();
  }

  onUnderlyingBelowWriteBufferLowWatermark(): void {
    this.#isAboveHighWatermark = false;
    const stream = this.#stream;
    if (stream?.isAboveHighWatermark) {
      stream.isAboveHighWatermark = false;
      stream.decoder!.onBelowWriteBufferLowWatermark();
    }
    this.#askResume();
  }

  onResponseComplete(stream: Http1ServerStream): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    // What is left of an unfinished request must never be read as the next one (CL.0 desync).
    if (!stream.isRequestComplete || !stream.keepAlive || this.#state === "closing") this.#close();
    else {
      this.#state = "idle";
      this.#askResume();
    }
  }

  onStreamReset(stream: Http1ServerStream): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#close();
  }

  #close(): void {
    this.#state = "closing";
    this.#reader.head.finish();
    this.#kept.release();
  }

  #run(bytes: Uint8Array): CodecError | undefined {
    this.#isRunning = true;
    let at = 0;
    while (at < bytes.length && this.#state !== "closing") {
      if (this.#state === "responding" || (this.#state === "idle" && this.#isAboveHighWatermark)) {
        this.#keep(bytes, at);
        break;
      }
      at = this.#step(bytes, at);
    }
    this.#isRunning = false;
    this.#askResume();
    return this.#error;
  }

  #step(bytes: Uint8Array, at: number): number {
    if (this.#state === "idle") return this.#begin(bytes, at);
    const reader = this.#reader;
    const stream = this.#stream!;
    const next = reader.read(bytes, at);
    stream.wireBytesReceived += next - at;
    switch (reader.event) {
      case "head":
        this.#onHead(stream);
        break;
      case "data":
        stream.decoder!.decodeData(reader.data(bytes), false);
        break;
      case "last_data":
        this.#completeRequest(stream);
        stream.decoder!.decodeData(reader.data(bytes), true);
        break;
      case "trailers":
        this.#onTrailers(stream);
        break;
      case "bad":
        this.#fail(reader.fault);
    }
    return next;
  }

  /** RFC 9112 §2.2: blank lines before a request are skipped. */
  #begin(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      const byte = bytes[at];
      if (byte === (this.#hasBlankCr ? LF : CR)) this.#hasBlankCr = !this.#hasBlankCr;
      else break;
      at++;
    }
    if (at === bytes.length) return at;
    const stream = new Http1ServerStream(this);
    this.#stream = stream;
    this.#state = "message";
    this.#line.isHttp10 = false;
    if (this.#isDraining) stream.keepAlive = false;
    this.#reader.begin();
    stream.decoder = this.#callbacks.newStream(stream);
    if (this.#isAboveHighWatermark && this.#stream === stream) {
      this.onUnderlyingAboveWriteBufferHighWatermark();
    }
    if (this.#hasBlankCr) {
      this.#hasBlankCr = false;
      if (this.#stream === stream) this.#fail(BAD_MESSAGE); // a bare CR
    }
    return at;
  }

  #onHead(stream: Http1ServerStream): void {
    const { head } = this.#reader;
    const line = this.#line;
    stream.headerBytesReceived = stream.wireBytesReceived;
    const lineFault = line.parse(head.text, head.scanner.startLineLength, this.options);
    if (lineFault !== undefined) return this.#fail(lineFault);
    const headers = new HeaderMap();
    this.#appendPseudoHeaders(headers);
    this.#facts.reset();
    readFields(head, headers, this.#facts, this.#fieldsMode);
    head.finish();
    const plan = this.#plan;
    const fault = judgeRequest(line, headers, this.#facts, this.options, plan);
    if (fault !== undefined) return this.#fail(fault);
    this.#settleAuthority(headers);
    stream.isHttp10 = line.isHttp10;
    stream.isHead = line.method === "HEAD";
    stream.isConnect = line.method === "CONNECT";
    stream.isUpgrade = plan.body === "raw" && !stream.isConnect;
    if (!plan.keepAlive) {
      stream.keepAlive = false;
      this.#callbacks.onGoAway("no_error");
      if (this.#stream !== stream) return;
    }
    this.#decodeHeaders(stream, headers);
  }

  /** They stand first, in Envoy's order; Host comes later in the head, so its place is held. */
  #appendPseudoHeaders(headers: HeaderMap): void {
    const line = this.#line;
    headers.append(H.method, ":method", line.method);
    if (line.path !== "") headers.append(H.path, ":path", line.path);
    headers.append(H.authority, ":authority", "");
    headers.append(H.scheme, ":scheme", line.scheme ?? (this.options.isTls ? "https" : "http"));
  }

  #settleAuthority(headers: HeaderMap): void {
    const line = this.#line;
    const index = line.path === "" ? 1 : 2;
    if (line.authority !== undefined) headers.setValueAt(index, line.authority);
    else if (this.#facts.hosts > 0) headers.setValueAt(index, this.#facts.host);
    else if (line.isHttp10 && this.options.defaultHostForHttp10 !== "") {
      headers.setValueAt(index, this.options.defaultHostForHttp10);
    } else headers.removeId(H.authority);
  }

  #decodeHeaders(stream: Http1ServerStream, headers: HeaderMap): void {
    const framing = this.#plan.body;
    if (framing === "none") {
      this.#completeRequest(stream);
      stream.decoder!.decodeHeaders(headers, true);
      return;
    }
    this.#reader.beginBody(framing, this.#facts.contentLength);
    stream.decoder!.decodeHeaders(headers, false);
  }

  #onTrailers(stream: Http1ServerStream): void {
    const trailers = this.#reader.takeTrailers(this.options.enableTrailers);
    this.#completeRequest(stream);
    if (trailers === undefined) stream.decoder!.decodeData(NO_BYTES, true);
    else stream.decoder!.decodeTrailers(trailers);
  }

  /** Before the user hears of the end: it may answer within the call. */
  #completeRequest(stream: Http1ServerStream): void {
    stream.isRequestComplete = true;
    this.#state = "responding";
  }

  #fail(fault: Fault): void {
    this.#error = { kind: "protocol", details: fault.details };
    if (fault.details === DETAILS.invalidUnderscore) {
      this.#stats.counter("http1.requests_rejected_with_underscores_in_headers").inc();
    }
    this.#close();
    const stream = this.#stream!;
    stream.keepAlive = false;
    stream.decoder!.sendLocalReply(fault.status, REASON_PHRASES[fault.status]!, fault.details);
  }

  #keep(bytes: Uint8Array, from: number): CodecError | undefined {
    if (this.#state === "closing" || this.#kept.add(bytes, from)) return this.#error;
    this.#stats.counter("http1.response_flood").inc();
    this.#error = { kind: "flood", details: DETAILS.pipelineFlood };
    this.#close();
    return this.#error;
  }

  #canResume(): boolean {
    return !this.#kept.isEmpty && this.#state === "idle" && !this.#isAboveHighWatermark;
  }

  /** Never from within the end of a response: its user is still busy with that stream. */
  #askResume(): void {
    if (this.#isRunning || this.#isResumeAsked || !this.#canResume()) return;
    this.#isResumeAsked = true;
    if (this.#callbacks.onResumable !== undefined) this.#callbacks.onResumable();
    else queueMicrotask(() => this.resume());
  }
}
