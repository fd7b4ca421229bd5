/**
 * The HTTP/2 codec on a bare socket, answering 200 to everything: for h2spec and for clients that
 * are not ours. `deno run -A tests/integration/h2_harness.ts PORT` serves until it is stopped.
 */

import { OutputBuffer } from "../../src/base/mod.ts";
import {
  type CodecStats,
  type CodecTransport,
  createHttp2ServerConnection,
  type Http2Options,
} from "../../src/codec/mod.ts";
import { H, HeaderMap, type RequestDecoder, type ResponseEncoder } from "../../src/http/mod.ts";
import { DEFAULT_HTTP2_OPTIONS } from "../support/http2.ts";

/** Counters nobody reads. */
export const NO_STATS: CodecStats = { counter: () => ({ inc() {} }) };

const BODY = new TextEncoder().encode("hello from the harness\n");
const PLAIN = HeaderMap.of(
  [":status", "200"],
  ["content-type", "text/plain"],
  ["content-length", String(BODY.length)],
);
const WITH_TRAILERS = HeaderMap.of([":status", "200"], ["content-type", "text/plain"]);

/** Answers when the request has ended; echoes the body of a POST, and its trailers. */
class Answer implements RequestDecoder {
  readonly #encoder: ResponseEncoder;
  #isEcho = false;

  constructor(encoder: ResponseEncoder) {
    this.#encoder = encoder;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#isEcho = headers.getId(H.path) === "/echo";
    if (this.#isEcho) {
      this.#encoder.encode1xx(HeaderMap.of([":status", "103"], ["link", "</a>"]));
      this.#encoder.encodeHeaders(WITH_TRAILERS, endStream);
    } else if (endStream) this.#end();
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isEcho) this.#encoder.encodeData(bytes, endStream);
    else if (endStream) this.#end();
  }

  decodeTrailers(trailers: HeaderMap): void {
    if (this.#isEcho) this.#encoder.encodeTrailers(trailers);
    else this.#end();
  }

  sendLocalReply(): void {}
  onReset(): void {}
  onAboveWriteBufferHighWatermark(): void {
    this.#encoder.readDisable(true);
  }
  onBelowWriteBufferLowWatermark(): void {
    this.#encoder.readDisable(false);
  }

  #end(): void {
    this.#encoder.encodeHeaders(PLAIN, false);
    this.#encoder.encodeData(BODY, true);
  }
}

async function serveConnection(conn: Deno.Conn, options: Http2Options): Promise<void> {
  const output = new OutputBuffer(() => {});
  const transport: CodecTransport = { output, readDisable() {}, nowMs: () => performance.now() };
  const codec = createHttp2ServerConnection(
    transport,
    options,
    { newStream: (encoder) => new Answer(encoder), onGoAway() {} },
    NO_STATS,
  );
  const buffer = new Uint8Array(49152);
  try {
    for (;;) {
      const size = await conn.read(buffer);
      if (size === null) break;
      const error = codec.dispatch(buffer.subarray(0, size));
      for (let bytes = output.peek(); bytes !== undefined; bytes = output.peek()) {
        output.consume(await conn.write(bytes));
      }
      if (error !== undefined) break;
    }
  } catch {
    // The peer went away: nothing to answer.
  } finally {
    codec.onConnectionClosed("connection_termination", "");
    conn.close();
  }
}

/** Serves every connection of a listener until it is closed. */
export async function serveHttp2(
  listener: Deno.Listener,
  options: Http2Options = DEFAULT_HTTP2_OPTIONS,
): Promise<void> {
  try {
    for await (const conn of listener) void serveConnection(conn, options);
  } catch {
    // Closed while accepting.
  }
}

if (import.meta.main) {
  await serveHttp2(Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 0) }));
}
