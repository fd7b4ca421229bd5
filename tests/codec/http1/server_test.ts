/** Responses as the server writes them, and the life of a server connection. */

import { HeaderMap } from "../../../src/http/mod.ts";
import type { Http1Options } from "../../../src/codec/mod.ts";
import { MAX_KEPT_BYTES } from "../../../src/codec/http1/kept_bytes.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { FakeServer, latin1 } from "./support.ts";

const GET = "GET / HTTP/1.1\r\nHost: c\r\n\r\n";
const HEAD = "HEAD / HTTP/1.1\r\nHost: c\r\n\r\n";
const TEN = "GET / HTTP/1.0\r\nHost: c\r\n\r\n";
const TEN_ALIVE = "GET / HTTP/1.0\r\nHost: c\r\nConnection: keep-alive\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
const CONNECT = "CONNECT c:1 HTTP/1.1\r\nHost: c:1\r\n\r\n";
const CLOSE = "GET / HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";
const BIG = "v".repeat(60000);

type Pair = readonly [string, string];
const status = (code: number, ...pairs: Pair[]) =>
  HeaderMap.of([":status", String(code)], ...pairs);

interface Row {
  readonly name: string;
  readonly request: string;
  readonly headers: HeaderMap;
  /** Pieces of body; undefined ends the response with its head. */
  readonly body?: readonly string[];
  readonly trailers?: HeaderMap;
  readonly want: string;
  readonly closes?: boolean;
  readonly options?: Partial<Http1Options>;
}

const ROWS: readonly Row[] = [
  {
    name: "a body by length",
    request: GET,
    headers: status(200, ["content-type", "text/plain"], ["content-length", "5"], ["x-a", "1"]),
    body: ["hel", "lo"],
    want: "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nx-a: 1\r\n\r\nhello",
  },
  {
    name: "a body without a length as chunks",
    request: GET,
    headers: status(200),
    body: ["abc", "", "0123456789abcdef0"],
    want:
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n11\r\n0123456789abcdef0\r\n0\r\n\r\n",
  },
  {
    name: "a large chunk",
    request: GET,
    headers: status(200),
    body: [BIG],
    want: `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nea60\r\n${BIG}\r\n0\r\n\r\n`,
  },
  {
    name: "an end without data",
    request: GET,
    headers: status(200),
    body: ["ab", ""],
    want: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
  },
  {
    name: "no body",
    request: GET,
    headers: status(404),
    want: "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
  },
  {
    name: "an unknown status",
    request: GET,
    headers: status(599),
    want: "HTTP/1.1 599 Unknown\r\ncontent-length: 0\r\n\r\n",
  },
  {
    name: "repeated headers, bytes above 127, long values",
    request: GET,
    headers: status(
      200,
      ["set-cookie", "a=1"],
      ["x-b", "caf\xe9"],
      ["set-cookie", "b".repeat(99)],
      [
        "x-long",
        "\xe9".repeat(70),
      ],
    ),
    want: `HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nx-b: caf\xe9\r\nset-cookie: ${
      "b".repeat(99)
    }\r\nx-long: ${"\xe9".repeat(70)}\r\ncontent-length: 0\r\n\r\n`,
  },
  {
    name: "a head larger than an output chunk",
    request: GET,
    headers: status(200, ["x-big", BIG], ["server", "envoy"]),
    want: `HTTP/1.1 200 OK\r\nx-big: ${BIG}\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n`,
  },
  {
    name: "HEAD with a length",
    request: HEAD,
    headers: status(200, ["content-length", "8"]),
    want: "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n",
  },
  {
    name: "HEAD without a length, as Envoy does",
    request: HEAD,
    headers: status(200),
    want: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
  },
  {
    name: "HEAD and a body that must not be sent",
    request: HEAD,
    headers: status(200, ["content-length", "3"]),
    body: ["abc"],
    want: "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n",
  },
  {
    name: "204 has no length (RFC 9110 §8.6)",
    request: GET,
    headers: status(204, ["content-length", "0"]),
    want: "HTTP/1.1 204 No Content\r\n\r\n",
  },
  {
    name: "304 keeps a length",
    request: GET,
    headers: status(304, ["content-length", "42"]),
    want: "HTTP/1.1 304 Not Modified\r\ncontent-length: 42\r\n\r\n",
  },
  {
    name: "304 without a length",
    request: GET,
    headers: status(304),
    want: "HTTP/1.1 304 Not Modified\r\n\r\n",
  },
  {
    name: "a 101 that nobody asked for",
    request: GET,
    headers: status(101),
    want: "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  },
  {
    name: "transfer-encoding is the codec's own",
    request: GET,
    headers: status(200, ["transfer-encoding", "gzip"]),
    want: "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  },
  {
    name: "a second content-length is dropped",
    request: GET,
    headers: status(200, ["content-length", "2"], ["content-length", "9"]),
    body: ["ok"],
    want: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  },
  {
    name: "body past its length is cut off (response splitting)",
    request: GET,
    headers: status(200, ["content-length", "2"]),
    body: ["okHTTP/1.1 200 OK"],
    want: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    closes: true,
  },
  {
    name: "body short of its length",
    request: GET,
    headers: status(200, ["content-length", "5"]),
    body: ["ok"],
    want: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok",
    closes: true,
  },
  {
    name: "connection: close of the connection manager",
    request: GET,
    headers: status(200, ["connection", "close"]),
    want: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    closes: true,
  },
  {
    name: "connection: close of the client",
    request: CLOSE,
    headers: status(200, ["content-length", "2"]),
    body: ["ok"],
    want: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    closes: true,
  },
  {
    name: "HTTP/1.0 closes",
    request: TEN,
    headers: status(200, ["content-length", "2"]),
    body: ["ok"],
    want: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    closes: true,
    options: { acceptHttp10: true },
  },
  {
    name: "HTTP/1.0 keep-alive",
    request: TEN_ALIVE,
    headers: status(200, ["content-length", "2"]),
    body: ["ok"],
    want: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok",
    options: { acceptHttp10: true },
  },
  {
    name: "HTTP/1.0 and a body without a length: until close",
    request: TEN_ALIVE,
    headers: status(200, ["connection", "keep-alive"]),
    body: ["ab", "cd"],
    want: "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nabcd",
    closes: true,
    options: { acceptHttp10: true },
  },
  {
    name: "HEAD in HTTP/1.0 without a length, as Envoy does",
    request: TEN_ALIVE.replace("GET", "HEAD"),
    headers: status(200),
    want: "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n",
    closes: true,
    options: { acceptHttp10: true },
  },
  {
    name: "trailers that are off",
    request: GET,
    headers: status(200),
    body: ["abc"],
    trailers: HeaderMap.of(["x-t", "1"]),
    want: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  },
  {
    name: "trailers",
    request: GET,
    headers: status(200),
    body: ["abc"],
    trailers: HeaderMap.of(["x-t", "1"], ["x-u", "2"]),
    want:
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\nx-u: 2\r\n\r\n",
    options: { enableTrailers: true },
  },
  {
    name: "trailers behind a length are dropped",
    request: GET,
    headers: status(200, ["content-length", "3"]),
    body: ["abc"],
    trailers: HeaderMap.of(["x-t", "1"]),
    want: "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
    options: { enableTrailers: true },
  },
  {
    name: "Proper-Case names",
    request: GET,
    headers: status(200, ["x-ab_cd-ef", "1"], ["www-authenticate", "x"]),
    want: "HTTP/1.1 200 OK\r\nX-Ab_Cd-Ef: 1\r\nWww-Authenticate: x\r\nContent-Length: 0\r\n\r\n",
    options: { headerCase: "proper" },
  },
];

for (const row of ROWS) {
  Deno.test(`Http1ServerConnection writes ${row.name}`, () => {
    const server = new FakeServer({ options: row.options ?? {} });
    server.send(row.request);
    const { body, trailers } = row;
    server.encoder.encodeHeaders(row.headers, body === undefined);
    body?.forEach((piece, i) => {
      server.encoder.encodeData(latin1(piece), trailers === undefined && i === body.length - 1);
    });
    if (trailers !== undefined) server.encoder.encodeTrailers(trailers);
    const written = server.transport.written();
    assertEquals(written, row.want);
    assertEquals(server.codec.shouldClose, row.closes ?? false);
    assertEquals(server.codec.activeStreams, 0);
    assertEquals(server.encoder.wireBytesSent, written.length);
    assertEquals(server.encoder.headerBytesSent, written.indexOf("\r\n\r\n") + 4);
  });
}

function answer(body = "ok"): HeaderMap {
  return status(200, ["content-length", String(body.length)], ["x-b", body]);
}

Deno.test("pipelined requests wait for the response before theirs, reading paused (T20)", () => {
  const server = new FakeServer({ manualResume: true });
  server.send(GET.repeat(3) + "GET /4");
  assertEquals([server.encoders.length, server.transport.pauses], [1, 1]);
  for (let i = 1; i <= 3; i++) {
    server.encoder.encodeHeaders(status(200), true);
    assertEquals([server.resumes, server.encoders.length], [i, i]);
    server.resume();
  }
  assertEquals([server.encoders.length, server.transport.pauses], [4, 0]);
  server.send(" HTTP/1.1\r\n\r\n");
  assertEquals(server.log.take().length, 4);
});

Deno.test("pipelined requests answered at once are all handled in one dispatch", () => {
  const server = new FakeServer({
    onRequest: (encoder) => encoder.encodeHeaders(status(200), true),
  });
  server.send(GET.repeat(1000));
  assertEquals([server.encoders.length, server.transport.pauses], [1000, 0]);
});

Deno.test("above the high watermark no further request begins (T20)", () => {
  const server = new FakeServer({
    onRequest: (encoder) => {
      encoder.encodeHeaders(status(200), true);
      server.codec.onUnderlyingAboveWriteBufferHighWatermark();
    },
    manualResume: true,
  });
  server.send(GET.repeat(3));
  assertEquals([server.encoders.length, server.transport.pauses, server.resumes], [1, 1, 0]);
  server.codec.onUnderlyingBelowWriteBufferLowWatermark();
  assertEquals(server.resumes, 1);
  server.resume();
  assertEquals([server.encoders.length, server.transport.pauses], [2, 1]);
});

Deno.test("a user without onResumable sees pipelined requests go on by themselves", async () => {
  const server = new FakeServer();
  server.send(GET + GET);
  server.encoder.encodeHeaders(status(200), true);
  assertEquals(server.encoders.length, 1);
  await Promise.resolve();
  assertEquals(server.encoders.length, 2);
});

Deno.test("the answer to a sound request precedes the refusal of the next", () => {
  const server = new FakeServer({ manualResume: true });
  server.send(GET + "GET /2 HTTP/1.1\r\nbad header\r\n\r\n");
  server.log.take();
  server.encoder.encodeHeaders(answer(), false);
  server.encoder.encodeData(latin1("ok"), true);
  server.resume();
  assertEquals(server.log.take(), [
    "reply 400 http1.codec_error",
    "error protocol http1.codec_error",
  ]);
  server.encoder.encodeHeaders(status(400), true);
  assertEquals(
    server.transport.written().split("\r\n\r\n").map((part) => part.slice(0, 14)),
    ["HTTP/1.1 200 O", "okHTTP/1.1 400", ""],
  );
  assertEquals([server.codec.shouldClose, server.codec.activeStreams], [true, 0]);
});

Deno.test("a peer that pipelines on and on is cut off", () => {
  const server = new FakeServer();
  server.send(GET);
  for (let i = 0; i < MAX_KEPT_BYTES / 32768; i++) server.send("x".repeat(32768));
  server.log.take();
  server.send("x");
  assertEquals(server.log.take(), ["error flood http1.pipelined_bytes_flood"]);
  assertEquals(server.stats.counts.get("http1.response_flood"), 1);
});

Deno.test("a response that ends before its request ends the connection; the rest is never a request (T14)", () => {
  const server = new FakeServer();
  server.send("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 100\r\n\r\nabc");
  server.log.take();
  server.encoder.encodeHeaders(status(413), true);
  assertEquals([server.codec.shouldClose, server.codec.activeStreams], [true, 0]);
  server.send(GET);
  assertEquals(server.log.take(), []);
  assertEquals(server.encoders.length, 1);
});

Deno.test("nothing behind connection: close is a request", () => {
  const server = new FakeServer({
    onRequest: (encoder) => encoder.encodeHeaders(status(200), true),
  });
  server.send(CLOSE + GET);
  assertEquals([server.encoders.length, server.codec.shouldClose], [1, true]);
});

Deno.test("an interim response goes before the final one, and never to HTTP/1.0", () => {
  const server = new FakeServer({ options: { acceptHttp10: true } });
  server.send("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  server.encoder.encode1xx(status(100));
  assertEquals(server.transport.written(), "HTTP/1.1 100 Continue\r\n\r\n");
  const old = new FakeServer({ options: { acceptHttp10: true } });
  old.send(TEN);
  old.encoder.encode1xx(status(100));
  assertEquals(old.transport.written(), "");
});

Deno.test("an accepted upgrade carries bytes both ways and ends the connection", () => {
  const server = new FakeServer();
  server.send(UPGRADE + "early");
  assertEquals(server.log.take()[1], "data early");
  server.encoder.encodeHeaders(status(101, ["upgrade", "foo"], ["connection", "Upgrade"]), false);
  server.encoder.encodeData(latin1("down"), false);
  server.send("up");
  assertEquals(server.log.take(), ["data up"]);
  assertEquals(
    server.transport.written(),
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: Upgrade\r\n\r\ndown",
  );
  server.encoder.encodeData(latin1(""), true);
  assertEquals(server.codec.shouldClose, true);
});

Deno.test("a refused upgrade is an ordinary response, then the connection ends (T23)", () => {
  const server = new FakeServer();
  server.send(UPGRADE);
  server.encoder.encodeHeaders(status(400, ["content-length", "2"]), false);
  server.encoder.encodeData(latin1("no"), true);
  assertEquals(
    server.transport.written(),
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno",
  );
  server.send(GET);
  assertEquals([server.encoders.length, server.codec.shouldClose], [1, true]);
});

Deno.test("CONNECT answered with 200 is a tunnel without framing (RFC 9110 §9.3.6)", () => {
  const server = new FakeServer();
  server.send(CONNECT);
  server.encoder.encodeHeaders(status(200, ["content-length", "5"]), false);
  server.encoder.encodeData(latin1("bytes"), false);
  server.send("abc");
  assertEquals(server.transport.written(), "HTTP/1.1 200 OK\r\n\r\nbytes");
  assertEquals(server.log.take()[1], "data abc");
});

Deno.test("CONNECT answered with 404 is an ordinary response", () => {
  const server = new FakeServer();
  server.send(CONNECT);
  server.encoder.encodeHeaders(status(404), true);
  assertEquals(server.transport.written(), "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
});

Deno.test("a fault in mid-body asks for a reply and ends the connection", () => {
  const server = new FakeServer();
  server.send("POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  assertEquals(server.log.take().slice(1), [
    "reply 400 http1.codec_error",
    "error protocol http1.codec_error",
  ]);
  server.encoder.encodeHeaders(status(400, ["content-length", "1"]), false);
  server.encoder.encodeData(latin1("x"), true);
  assertEquals(
    server.transport.written(),
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx",
  );
});

Deno.test("a half-closed client is gone", () => {
  const server = new FakeServer();
  server.send("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 5\r\n\r\nab");
  server.log.take();
  server.note(server.codec.onEnd());
  server.codec.onConnectionClosed("remote_reset", "downstream_remote_disconnect");
  assertEquals(server.log.take(), [
    "error closed downstream_remote_disconnect",
    "reset remote_reset downstream_remote_disconnect",
  ]);
  server.encoder.encodeHeaders(status(200), true);
  assertEquals(server.transport.written(), "");
});

Deno.test("reset ends the connection and releases the stream's pauses; its user hears nothing", () => {
  const server = new FakeServer();
  server.send(GET);
  server.log.take();
  server.encoder.readDisable(true);
  server.encoder.readDisable(true);
  server.encoder.readDisable(false);
  assertEquals(server.transport.pauses, 1);
  server.encoder.reset("local_reset");
  assertEquals([server.transport.pauses, server.codec.shouldClose], [0, true]);
  server.codec.onConnectionClosed("connection_termination", "");
  assertEquals(server.log.take(), []);
});

Deno.test("watermarks reach the active stream once each way", () => {
  const server = new FakeServer();
  server.codec.onUnderlyingAboveWriteBufferHighWatermark();
  server.codec.onUnderlyingBelowWriteBufferLowWatermark();
  server.send(GET);
  server.log.take();
  server.encoder.encodeHeaders(status(200, ["content-length", "5"]), false);
  server.encoder.encodeData(latin1("ab"), false);
  assertEquals(server.encoder.bufferedBytes, server.transport.output.length);
  server.codec.onUnderlyingAboveWriteBufferHighWatermark();
  server.codec.onUnderlyingAboveWriteBufferHighWatermark();
  server.codec.onUnderlyingBelowWriteBufferLowWatermark();
  server.codec.onUnderlyingBelowWriteBufferLowWatermark();
  assertEquals(server.log.take(), ["above", "below"]);
});

Deno.test("goAway puts connection: close on responses to come", () => {
  const server = new FakeServer();
  server.codec.goAway();
  assertEquals(server.codec.shouldClose, false);
  server.send(GET);
  server.encoder.encodeHeaders(status(200), true);
  assertEquals(
    server.transport.written(),
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
  );
  assertEquals(server.codec.shouldClose, true);
});

Deno.test("preserve_case keeps the names of a request and writes those a response map holds", () => {
  const server = new FakeServer({ options: { headerCase: "preserve" } });
  server.send("GET / HTTP/1.1\r\nHoSt: c\r\nX-fOO: 1\r\nplain: 2\r\n\r\n");
  const headers = answer("ok");
  headers.originalNames = new Map([["x-b", "X-B"]]);
  server.encoder.encodeHeaders(headers, false);
  server.encoder.encodeData(latin1("ok"), true);
  assertEquals(
    server.transport.written(),
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-B: ok\r\n\r\nok",
  );
});

Deno.test("a response without a status is our own fault", () => {
  const server = new FakeServer();
  server.send(GET);
  assertThrows(
    () => server.encoder.encodeHeaders(HeaderMap.of(["x-a", "1"]), true),
    /out of place/,
  );
});
