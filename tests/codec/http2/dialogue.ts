/** Frames as a dialogue: builders for what a peer sends, and texts for what the codec answers. */

import { allocateLatin1, OutputBuffer } from "../../../src/base/mod.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../../../src/codec/mod.ts";
import {
  createHttp2ClientConnection,
  createHttp2ServerConnection,
  type Http2ClientConnection,
  type Http2ServerConnection,
} from "../../../src/codec/mod.ts";
import { HpackDecoder } from "../../../src/codec/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/codec/hpack/encoder.ts";
import type {
  CodecError,
  HttpConnection,
  RequestEncoder,
  ResetReason,
  ResponseEncoder,
} from "../../../src/http/mod.ts";
import { headerId, HeaderMap } from "../../../src/http/mod.ts";
import { DEFAULT_HTTP2_OPTIONS, frame, uint32 } from "../../support/http2.ts";

export const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;

export type Pairs = readonly (readonly [string, string])[];

export const OPTIONS: Http2Options = {
  ...DEFAULT_HTTP2_OPTIONS,
  maxConcurrentStreams: 100,
  initialStreamWindowSize: 65535,
  initialConnectionWindowSize: 65535,
};

export { frame, uint32 };

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A block of literals without indexing: it needs no table. */
export function block(pairs: Pairs): Uint8Array {
  const out: number[] = [];
  const text = (value: string) => {
    if (value.length < 127) out.push(value.length);
    else {
      out.push(127);
      let rest = value.length - 127;
      for (; rest >= 128; rest >>>= 7) out.push((rest & 127) | 128);
      out.push(rest);
    }
    for (let i = 0; i < value.length; i++) out.push(value.charCodeAt(i));
  };
  for (const [name, value] of pairs) {
    out.push(0);
    text(name);
    text(value);
  }
  return Uint8Array.from(out);
}

export const data = (streamId: number, text: string, flags = 0): Uint8Array =>
  frame(0, flags, streamId, new TextEncoder().encode(text));
export const headers = (
  streamId: number,
  pairs: Pairs,
  flags = END_HEADERS | END_STREAM,
): Uint8Array => frame(1, flags, streamId, block(pairs));
export const rst = (streamId: number, code: number): Uint8Array =>
  frame(3, 0, streamId, uint32(code));
export const settings = (...pairs: readonly (readonly [number, number])[]): Uint8Array =>
  frame(4, 0, 0, pairs.flatMap(([id, value]) => [id >>> 8, id & 255, ...uint32(value)]));
export const settingsAck = (): Uint8Array => frame(4, ACK, 0);
export const ping = (): Uint8Array => frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
export const goAway = (lastId: number, code = 0): Uint8Array =>
  frame(7, 0, 0, [...uint32(lastId), ...uint32(code)]);
export const windowUpdate = (streamId: number, increment: number): Uint8Array =>
  frame(8, 0, streamId, uint32(increment));
export const continuation = (
  streamId: number,
  payload: Uint8Array,
  flags = END_HEADERS,
): Uint8Array => frame(9, flags, streamId, payload);

/** A GET, with more fields if any. */
export const get = (...more: Pairs): Pairs => [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "a.test"],
  ...more,
];
export const post = (...more: Pairs): Pairs => [[":method", "POST"], ...get(...more).slice(1)];

/** What the codec wrote, a text a frame, as `HEADERS 1 END :status=200`. */
export class FrameTexts {
  readonly #decoder = new HpackDecoder(4096);
  #rest = new Uint8Array(0);

  read(bytes: Uint8Array): string[] {
    let all = concat(this.#rest, bytes);
    if (all[0] === 0x50) all = all.slice(PREFACE.length);
    const texts: string[] = [];
    let at = 0;
    while (all.length - at >= 9) {
      const length = (all[at]! << 16) | (all[at + 1]! << 8) | all[at + 2]!;
      if (all.length - at < 9 + length) break;
      texts.push(this.#text(all.subarray(at, at + 9), all.subarray(at + 9, at + 9 + length)));
      at += 9 + length;
    }
    this.#rest = all.slice(at);
    return texts;
  }

  #text(head: Uint8Array, payload: Uint8Array): string {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const id = new DataView(head.buffer, head.byteOffset).getUint32(5);
    const end = (head[4]! & END_STREAM) !== 0 ? " END" : "";
    switch (head[3]) {
      case 0:
        return `DATA ${id}${end} ${payload.length}`;
      case 1:
        return `HEADERS ${id}${end}${this.#fields(payload)}`;
      case 3:
        return `RST_STREAM ${id} ${view.getUint32(0)}`;
      case 4:
        return end !== "" ? "SETTINGS ACK" : "SETTINGS";
      case 6:
        return end !== "" ? "PING ACK" : "PING";
      case 7:
        return `GOAWAY ${view.getUint32(0)} ${view.getUint32(4)}`;
      case 8:
        return `WINDOW_UPDATE ${id} ${view.getUint32(0)}`;
      default:
        return `TYPE${head[3]} ${id}`;
    }
  }

  #fields(payload: Uint8Array): string {
    const bytes = allocateLatin1(payload.length);
    bytes.set(payload);
    let text = "";
    this.#decoder.decode(bytes, 0, bytes.length, {
      onField: (_id, name, value) => text += ` ${name}=${value}`,
    });
    return text;
  }
}

/** Counts by name. */
export class FakeStats implements CodecStats {
  readonly counts: Record<string, number> = {};
  counter(name: string): { inc(): void } {
    return { inc: () => this.counts[name] = (this.counts[name] ?? 0) + 1 };
  }
}

/** A transport whose output is read by the test and whose clock stands still. */
export class FakeTransport implements CodecTransport {
  readonly output = new OutputBuffer(() => {});
  now = 1000;
  readDisable(): void {}
  nowMs(): number {
    return this.now;
  }

  take(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let part = this.output.peek(); part !== undefined; part = this.output.peek()) {
      parts.push(part.slice());
      this.output.consume(part.length);
    }
    return concat(...parts);
  }
}

/** Notes the events of a stream as texts; pieces of data are put together. */
export class Recorder {
  readonly events: string[] = [];
  #dataAt = -1;
  encoder: ResponseEncoder & RequestEncoder;
  onHeaders: ((headers: HeaderMap, endStream: boolean) => void) | undefined;
  onData: ((bytes: Uint8Array, endStream: boolean) => void) | undefined;

  constructor(encoder?: ResponseEncoder & RequestEncoder) {
    this.encoder = encoder!;
  }

  decode1xx(headers: HeaderMap): void {
    this.#note(`1xx${fields(headers)}`);
  }
  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#note(`headers${endStream ? " end" : ""}${fields(headers)}`);
    this.onHeaders?.(headers, endStream);
  }
  decodeData(bytes: Uint8Array, endStream: boolean): void {
    const text = new TextDecoder().decode(bytes);
    if (this.#dataAt === this.events.length - 1 && this.#dataAt >= 0) {
      this.events[this.#dataAt] += text + (endStream ? " end" : "");
    } else {
      this.#note(`data ${text}${endStream ? " end" : ""}`);
      this.#dataAt = this.events.length - 1;
    }
    this.onData?.(bytes, endStream);
  }
  decodeTrailers(trailers: HeaderMap): void {
    this.#note(`trailers${fields(trailers)}`);
  }
  sendLocalReply(status: number): void {
    this.#note(`local reply ${status}`);
  }
  onReset(reason: ResetReason, details: string): void {
    this.#note(`reset ${reason} ${details}`.trimEnd());
  }
  onAboveWriteBufferHighWatermark(): void {
    this.#note("above");
  }
  onBelowWriteBufferLowWatermark(): void {
    this.#note("below");
  }

  #note(event: string): void {
    this.events.push(event);
  }
}

function fields(headers: HeaderMap): string {
  return headers.entries().map(([name, value]) => ` ${name}=${value}`).join("");
}

/** One codec and the peer that a test plays. */
export class Side<C extends HttpConnection> {
  readonly transport = new FakeTransport();
  readonly stats = new FakeStats();
  readonly streams: Recorder[] = [];
  readonly goAways: string[] = [];
  /** Times the codec asked to be resumed later. */
  resumables = 0;
  readonly maxStreams: number[] = [];
  readonly codec: C;
  /** Server: called for each new stream, before its headers. */
  onStream: (stream: Recorder) => void = () => {};
  error: CodecError | undefined;
  readonly #texts = new FrameTexts();

  constructor(make: (side: Side<C>) => C) {
    this.codec = make(this);
  }

  /** Sends frames and returns the answers; the codec's error is kept. */
  send(...frames: readonly Uint8Array[]): string[] {
    this.error = this.codec.dispatch(concat(...frames)) ?? this.error;
    return this.answers();
  }

  answers(): string[] {
    return this.#texts.read(this.transport.take());
  }

  /** Events of all streams, each with its place. */
  events(): string[] {
    return this.streams.flatMap((stream, i) => stream.events.map((event) => `${i} ${event}`));
  }
}

export type Server = Side<Http2ServerConnection>;
export type Client = Side<Http2ClientConnection>;

export function newServer(options: Partial<Http2Options> = {}): Server {
  return new Side((side: Server) =>
    createHttp2ServerConnection(side.transport, { ...OPTIONS, ...options }, {
      newStream: (encoder) => {
        const recorder = new Recorder(encoder as ResponseEncoder & RequestEncoder);
        side.streams.push(recorder);
        side.onStream(recorder);
        return recorder;
      },
      onGoAway: (code) => side.goAways.push(code),
      onResumable: () => void side.resumables++,
    }, side.stats)
  );
}

/** A server past preface and SETTINGS; what these are answered is dropped. */
export function openServer(
  options: Partial<Http2Options> = {},
  ...more: readonly Uint8Array[]
): Server {
  const side = newServer(options);
  side.send(PREFACE, settings(), settingsAck(), ...more);
  return side;
}

export function newClient(options: Partial<Http2Options> = {}): Client {
  return new Side((side: Client) =>
    createHttp2ClientConnection(side.transport, { ...OPTIONS, ...options }, {
      onGoAway: (code) => side.goAways.push(code),
      onResumable: () => void side.resumables++,
      onMaxStreamsChanged: (max) => side.maxStreams.push(max),
    }, side.stats)
  );
}

/** A client past preface and SETTINGS. */
export function openClient(
  options: Partial<Http2Options> = {},
  ...more: readonly Uint8Array[]
): Client {
  const side = newClient(options);
  side.answers();
  side.send(settings(), settingsAck(), ...more);
  return side;
}

/** Begins a client's stream and sends its request. */
export function request(side: Client, pairs: Pairs, endStream = true): Recorder {
  const recorder = new Recorder();
  recorder.encoder = side.codec.newStream(recorder) as ResponseEncoder & RequestEncoder;
  side.streams.push(recorder);
  recorder.encoder.encodeHeaders(HeaderMap.of(...pairs), endStream);
  return recorder;
}

/** An encoder with its table, for tests of compression on the wire. */
export class BlockWriter {
  readonly #encoder = new HpackEncoder();
  block(pairs: Pairs): Uint8Array {
    const out = allocateLatin1(65536);
    let at = this.#encoder.begin(out, 0);
    for (const [name, value] of pairs) {
      at = this.#encoder.encode(out, at, headerId(name), name, value);
    }
    return out.slice(0, at);
  }
}
