/** The codec against node:http2, which is nghttp2's protocol by another hand, on loopback. */

import http2 from "node:http2";
import { Buffer } from "node:buffer";
import { OutputBuffer } from "../../src/base/mod.ts";
import { createHttp2ClientConnection } from "../../src/codec/mod.ts";
import { HeaderMap } from "../../src/http/mod.ts";
import { assertEquals, assertOk } from "../support/assert.ts";
import { DEFAULT_HTTP2_OPTIONS } from "../support/http2.ts";
import { NO_STATS, serveHttp2 } from "./h2_harness.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
  readonly interim: number[];
}

/** One request of node's client. */
function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Uint8Array,
  trailers?: http2.OutgoingHttpHeaders,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, {
      endStream: body === undefined,
      waitForTrailers: trailers !== undefined,
    });
    const parts: Buffer[] = [];
    const interim: number[] = [];
    let status = 0;
    let got: Record<string, unknown> = {};
    stream.on("wantTrailers", () => stream.sendTrailers(trailers!));
    stream.on("headers", (fields) => interim.push(Number(fields[":status"])));
    stream.on("response", (fields) => status = Number(fields[":status"]));
    stream.on("trailers", (fields) => got = { ...fields });
    stream.on("data", (part) => parts.push(part));
    stream.on("error", reject);
    stream.on("end", () => {
      resolve({ status, body: Buffer.concat(parts).toString(), trailers: got, interim });
    });
    if (body !== undefined) stream.end(body);
  });
}

Deno.test("node:http2's client talks to our server: bodies both ways, many streams", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveHttp2(listener);
  const { port } = listener.addr as Deno.NetAddr;
  const session = http2.connect(`http://127.0.0.1:${port}`);
  try {
    const plain = await ask(session, { ":path": "/" });
    assertEquals([plain.status, plain.body], [200, "hello from the harness\n"]);

    const big = new Uint8Array(300000).fill(97);
    const echo = await ask(session, { ":path": "/echo", ":method": "POST" }, big);
    assertEquals([echo.status, echo.body.length], [200, 300000]);

    const many = await Promise.all(
      Array.from(
        { length: 50 },
        (_, i) =>
          ask(session, { ":path": "/echo", ":method": "POST", "x-i": `${i}` }, Buffer.from(`${i}`)),
      ),
    );
    assertEquals(many.map((answer) => answer.body), many.map((_, i) => `${i}`));
  } finally {
    await new Promise<void>((resolve) => session.close(resolve));
    listener.close();
    await serving;
  }
});

/** Our client on a socket: dispatches what comes in, writes what the codec put out. */
class ClientLink {
  readonly output = new OutputBuffer(() => {});
  readonly codec = createHttp2ClientConnection(
    { output: this.output, readDisable() {}, nowMs: () => performance.now() },
    DEFAULT_HTTP2_OPTIONS,
    { onGoAway() {}, onMaxStreamsChanged() {} },
    NO_STATS,
  );
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async flush(): Promise<void> {
    for (let bytes = this.output.peek(); bytes !== undefined; bytes = this.output.peek()) {
      this.output.consume(await this.#conn.write(bytes));
    }
  }

  /** Sends a request and reads until its response has ended. */
  async ask(headers: HeaderMap, body?: Uint8Array): Promise<string[]> {
    const events: string[] = [];
    let size = 0;
    let isDone = false;
    const end = (event: string, endStream: boolean) => {
      events.push(event);
      isDone ||= endStream;
    };
    const encoder = this.codec.newStream({
      decode1xx: (fields) => end(`1xx ${fields.get(":status")}`, false),
      decodeHeaders: (fields, endStream) => end(`${fields.get(":status")}`, endStream),
      decodeData: (bytes, endStream) => {
        size += bytes.length;
        if (endStream) end(`${size} bytes`, true);
      },
      decodeTrailers: (fields) => end(`${size} bytes, x-t ${fields.get("x-t")}`, true),
      onReset: (reason) => end(`reset ${reason}`, true),
      onAboveWriteBufferHighWatermark() {},
      onBelowWriteBufferLowWatermark() {},
    });
    encoder.encodeHeaders(headers, body === undefined);
    if (body !== undefined) encoder.encodeData(body, true);
    await this.flush();
    const buffer = new Uint8Array(49152);
    while (!isDone) {
      const read = await this.#conn.read(buffer);
      assertOk(read !== null, "the server keeps the connection");
      assertEquals(this.codec.dispatch(buffer.subarray(0, read)), undefined);
      await this.flush();
    }
    return events;
  }
}

function requestTo(path: string, method: string): HeaderMap {
  return HeaderMap.of([":method", method], [":scheme", "http"], [":path", path], [
    ":authority",
    "a.test",
  ]);
}

Deno.test("our client talks to node:http2's server: bodies, trailers, resets", async () => {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    if (headers[":path"] === "/reset") {
      stream.on("error", () => {});
      stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    let size = 0;
    stream.on("data", (part) => size += part.length);
    stream.on("end", () => {
      stream.respond({ ":status": 200, "x-size": String(size) }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-t": "1" }));
      stream.end(Buffer.alloc(size, "b"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    const link = new ClientLink(conn);
    assertEquals(await link.ask(requestTo("/", "GET")), ["200", "0 bytes, x-t 1"]);
    const body = new Uint8Array(300000);
    assertEquals(await link.ask(requestTo("/up", "POST"), body), ["200", "300000 bytes, x-t 1"]);
    assertEquals(await link.ask(requestTo("/reset", "GET")), ["reset remote_refused_stream"]);
    assertEquals(await link.ask(requestTo("/", "GET")), ["200", "0 bytes, x-t 1"]);
  } finally {
    conn.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
