/** Fakes that read as a dialogue: what was said to the codec, what it said, what it wrote. */

import { OutputBuffer } from "../../../src/base/mod.ts";
import {
  type CodecStats,
  type CodecTransport,
  Http1ClientConnection,
  type Http1Options,
  Http1ServerConnection,
} from "../../../src/codec/mod.ts";
import type {
  CodecError,
  HeaderMap,
  RequestDecoder,
  RequestEncoder,
  ResponseDecoder,
  ResponseEncoder,
} from "../../../src/http/mod.ts";

export const OPTIONS: Http1Options = {
  maxHeadersBytes: 61440,
  maxHeadersCount: 100,
  allowAbsoluteUrl: true,
  acceptHttp10: false,
  defaultHostForHttp10: "",
  headerCase: "lower",
  enableTrailers: false,
  allowChunkedLength: false,
  streamErrorOnInvalidMessage: false,
  sendFullyQualifiedUrl: false,
  allowCustomMethods: false,
  ignoreUpgrade: () => false,
  headersWithUnderscores: "allow",
  isTls: false,
};

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export function text(bytes: Uint8Array): string {
  let result = "";
  for (const byte of bytes) result += String.fromCharCode(byte);
  return result;
}

export class FakeTransport implements CodecTransport {
  readonly output = new OutputBuffer(() => {});
  pauses = 0;

  readDisable(disable: boolean): void {
    this.pauses += disable ? 1 : -1;
  }

  nowMs(): number {
    return 0;
  }

  /** All that was written since the last call. */
  written(): string {
    let all = "";
    for (let piece = this.output.peek(); piece !== undefined; piece = this.output.peek()) {
      all += text(piece);
      this.output.consume(piece.length);
    }
    return all;
  }
}

export class FakeStats implements CodecStats {
  readonly counts = new Map<string, number>();

  counter(name: string): { inc(): void } {
    return { inc: () => void this.counts.set(name, (this.counts.get(name) ?? 0) + 1) };
  }
}

/** Headers as `name: value` lines. */
export function lines(headers: HeaderMap): string[] {
  return headers.entries().map(([name, value]) => `${name}: ${value}`);
}

/** One line an event; data of neighbouring pieces is joined, so that splits do not show. */
export class Log {
  readonly events: string[] = [];
  #data = "";

  add(event: string): void {
    this.#flush();
    this.events.push(event);
  }

  data(bytes: Uint8Array, end: boolean): void {
    this.#data += text(bytes);
    if (end) this.add("end");
  }

  #flush(): void {
    if (this.#data !== "") this.events.push(`data ${this.#data}`);
    this.#data = "";
  }

  take(): string[] {
    this.#flush();
    return this.events.splice(0);
  }
}

export interface ServerScript {
  options?: Partial<Http1Options>;
  /** Called when a request is complete, or its reply was asked for. */
  onRequest?: (encoder: ResponseEncoder, log: Log) => void;
  /** Leaves resuming to the test. */
  manualResume?: boolean;
}

/** A server connection whose user writes down what it hears. */
export class FakeServer {
  readonly transport = new FakeTransport();
  readonly stats = new FakeStats();
  readonly log = new Log();
  readonly encoders: ResponseEncoder[] = [];
  readonly codec: Http1ServerConnection;
  resumes = 0;

  constructor(script: ServerScript = {}) {
    const options = { ...OPTIONS, ...script.options };
    const callbacks = {
      newStream: (encoder: ResponseEncoder) => this.#newStream(encoder, script),
      onGoAway: () => this.log.add("goaway"),
      onResumable: () => {
        this.resumes++;
        if (!script.manualResume) queueMicrotask(() => this.resume());
      },
    };
    this.codec = new Http1ServerConnection(this.transport, options, callbacks, this.stats);
  }

  get encoder(): ResponseEncoder {
    return this.encoders[this.encoders.length - 1]!;
  }

  resume(): void {
    this.note(this.codec.resume());
  }

  send(wire: string): void {
    this.note(this.codec.dispatch(latin1(wire)));
  }

  note(error: CodecError | undefined): void {
    if (error !== undefined) this.log.add(`error ${error.kind} ${error.details}`);
  }

  #newStream(encoder: ResponseEncoder, script: ServerScript): RequestDecoder {
    const log = this.log;
    this.encoders.push(encoder);
    const respond = (end: boolean) => void (end && script.onRequest?.(encoder, log));
    return {
      decodeHeaders: (headers, end) => {
        log.add(lines(headers).join("\n") + (end ? "\nend" : ""));
        respond(end);
      },
      decodeData: (bytes, end) => {
        log.data(bytes, end);
        respond(end);
      },
      decodeTrailers: (trailers) => {
        log.add("trailers " + lines(trailers).join(" "));
        respond(true);
      },
      sendLocalReply: (status, _body, details) => log.add(`reply ${status} ${details}`),
      onReset: (reason, details) => log.add(`reset ${reason} ${details}`),
      onAboveWriteBufferHighWatermark: () => log.add("above"),
      onBelowWriteBufferLowWatermark: () => log.add("below"),
    };
  }
}

/** A client connection whose user writes down what it hears. */
export class FakeClient {
  readonly transport = new FakeTransport();
  readonly log = new Log();
  readonly codec: Http1ClientConnection;

  constructor(options: Partial<Http1Options> = {}) {
    this.codec = new Http1ClientConnection(
      this.transport,
      { ...OPTIONS, ...options },
      { onGoAway: () => this.log.add("goaway"), onMaxStreamsChanged: () => {} },
      new FakeStats(),
    );
  }

  newStream(onEnd: () => void = () => {}): RequestEncoder {
    const log = this.log;
    const decoder: ResponseDecoder = {
      decode1xx: (headers) => log.add("interim " + lines(headers).join(" ")),
      decodeHeaders: (headers, end) => {
        log.add(lines(headers).join("\n") + (end ? "\nend" : ""));
        if (end) onEnd();
      },
      decodeData: (bytes, end) => {
        log.data(bytes, end);
        if (end) onEnd();
      },
      decodeTrailers: (trailers) => {
        log.add("trailers " + lines(trailers).join(" "));
        onEnd();
      },
      onReset: (reason, details) => log.add(`reset ${reason} ${details}`),
      onAboveWriteBufferHighWatermark: () => log.add("above"),
      onBelowWriteBufferLowWatermark: () => log.add("below"),
    };
    return this.codec.newStream(decoder);
  }

  receive(wire: string): void {
    this.note(this.codec.dispatch(latin1(wire)));
  }

  note(error: CodecError | undefined): void {
    if (error !== undefined) this.log.add(`error ${error.kind} ${error.details}`);
  }
}

/** The wire whole, cut in two at every byte, and byte by byte. */
export function* splits(wire: string): Generator<string[]> {
  yield [wire];
  for (let cut = 1; cut < wire.length; cut++) yield [wire.slice(0, cut), wire.slice(cut)];
  yield [...wire];
}
