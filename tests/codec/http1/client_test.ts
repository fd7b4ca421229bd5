/** Requests as the client writes them, responses as it reads them at every split point. */

import { HeaderMap, type RequestEncoder } from "../../../src/http/mod.ts";
import type { Http1Options } from "../../../src/codec/mod.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { FakeClient, latin1, splits } from "./support.ts";

type Pair = readonly [string, string];

function request(method: string, path: string, ...pairs: Pair[]): HeaderMap {
  return HeaderMap.of([":method", method], [":path", path], [":authority", "c"], [
    ":scheme",
    "https",
  ], ...pairs);
}

interface RequestRow {
  readonly name: string;
  readonly headers: HeaderMap;
  readonly body?: readonly string[];
  readonly trailers?: HeaderMap;
  readonly want: string;
  readonly options?: Partial<Http1Options>;
}

const REQUESTS: readonly RequestRow[] = [
  {
    name: "a GET",
    headers: request("GET", "/a?b", ["x-a", "1"]),
    want: "GET /a?b HTTP/1.1\r\nhost: c\r\nx-a: 1\r\n\r\n",
  },
  ...["HEAD", "DELETE", "TRACE"].map((method) => ({
    name: `${method} without a body`,
    headers: request(method, "/"),
    want: `${method} / HTTP/1.1\r\nhost: c\r\n\r\n`,
  })),
  ...["POST", "PUT", "PATCH", "OPTIONS"].map((method) => ({
    name: `${method} without a body`,
    headers: request(method, "/"),
    want: `${method} / HTTP/1.1\r\nhost: c\r\ncontent-length: 0\r\n\r\n`,
  })),
  {
    name: "a body by length",
    headers: request("POST", "/", ["content-length", "5"]),
    body: ["he", "llo"],
    want: "POST / HTTP/1.1\r\nhost: c\r\ncontent-length: 5\r\n\r\nhello",
  },
  {
    name: "a body as chunks",
    headers: request("POST", "/", ["transfer-encoding", "chunked"], ["te", "trailers"]),
    body: ["abc"],
    want:
      "POST / HTTP/1.1\r\nhost: c\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  },
  {
    name: "trailers",
    headers: request("POST", "/"),
    body: ["abc"],
    trailers: HeaderMap.of(["x-t", "1"]),
    want:
      "POST / HTTP/1.1\r\nhost: c\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n",
    options: { enableTrailers: true },
  },
  {
    name: "an upgrade: raw bytes",
    headers: request("GET", "/", ["connection", "Upgrade"], ["upgrade", "websocket"]),
    body: ["raw"],
    want: "GET / HTTP/1.1\r\nhost: c\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nraw",
  },
  {
    name: "CONNECT: raw bytes",
    headers: HeaderMap.of([":method", "CONNECT"], [":authority", "c:443"]),
    body: ["raw"],
    want: "CONNECT c:443 HTTP/1.1\r\nhost: c:443\r\n\r\nraw",
  },
  {
    name: "a fully qualified URL",
    headers: request("GET", "/a"),
    want: "GET https://c/a HTTP/1.1\r\nhost: c\r\n\r\n",
    options: { sendFullyQualifiedUrl: true },
  },
  {
    name: "names as they came",
    headers: Object.assign(request("GET", "/", ["x-foo", "1"]), {
      originalNames: new Map([["host", "HoSt"], ["x-foo", "X-fOO"]]),
    }),
    want: "GET / HTTP/1.1\r\nHoSt: c\r\nX-fOO: 1\r\n\r\n",
    options: { headerCase: "preserve" },
  },
  {
    name: "Proper-Case names",
    headers: request("POST", "/", ["x-foo_bar-baz", "1"]),
    want: "POST / HTTP/1.1\r\nHost: c\r\nX-Foo_Bar-Baz: 1\r\nContent-Length: 0\r\n\r\n",
    options: { headerCase: "proper" },
  },
  {
    name: "one Host only, whatever the map holds",
    headers: request("GET", "/", ["host", "evil"]),
    want: "GET / HTTP/1.1\r\nhost: c\r\n\r\n",
  },
];

function send(encoder: RequestEncoder, row: RequestRow): void {
  const { body, trailers } = row;
  assertEquals(encoder.encodeHeaders(row.headers, body === undefined), undefined);
  body?.forEach((piece, i) => {
    encoder.encodeData(latin1(piece), trailers === undefined && i === body.length - 1);
  });
  if (trailers !== undefined) encoder.encodeTrailers(trailers);
}

for (const row of REQUESTS) {
  Deno.test(`Http1ClientConnection writes ${row.name}`, () => {
    const client = new FakeClient(row.options);
    const encoder = client.newStream();
    send(encoder, row);
    const written = client.transport.written();
    assertEquals(written, row.want);
    assertEquals(encoder.wireBytesSent, written.length);
  });
}

for (
  const row of [
    { headers: HeaderMap.of([":path", "/"]), want: "missing required header: :method" },
    { headers: HeaderMap.of([":method", "GET"]), want: "missing required header: :path" },
    { headers: HeaderMap.of([":method", "CONNECT"]), want: "missing required header: :authority" },
    { headers: request("GET", "/ HTTP/1.1\r\nx: y"), want: "invalid header value for: :path" },
    {
      headers: HeaderMap.of([":method", "GET"], [":path", "/"], [":authority", "c\r\nx: y"]),
      want: "invalid header value for: :authority",
    },
    { headers: request("GET /x", "/"), want: "invalid header value for: :method" },
  ]
) {
  Deno.test(`Http1ClientConnection refuses to write: ${row.want} (T50, T51)`, () => {
    const client = new FakeClient();
    assertEquals(client.newStream().encodeHeaders(row.headers, true), row.want);
    assertEquals(client.transport.written(), "");
  });
}

interface ResponseRow {
  readonly name: string;
  readonly wire: string;
  readonly want: readonly string[] | string;
  readonly reusable?: boolean;
  readonly request?: HeaderMap;
  /** The upstream ends the connection behind the wire. */
  readonly fin?: boolean;
  readonly options?: Partial<Http1Options>;
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = ":status: 200\ntransfer-encoding: chunked";
const HEAD = request("HEAD", "/");
const UPGRADE = request("GET", "/", ["connection", "upgrade"], ["upgrade", "foo"]);
const CONNECT = HeaderMap.of([":method", "CONNECT"], [":authority", "c:1"]);

const RESPONSES: readonly ResponseRow[] = [
  {
    name: "a body by length",
    wire: OK + "Content-Length: 2\r\nX-A: 1\r\n\r\nok",
    want: [":status: 200\ncontent-length: 2\nx-a: 1", "data ok", "end"],
  },
  {
    name: "no reason phrase",
    wire: "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 200\ncontent-length: 0\nend"],
  },
  {
    name: "an odd status",
    wire: "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 999\ncontent-length: 0\nend"],
  },
  {
    name: "chunks",
    wire: OK + "transfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
    want: [CHUNKED, "data abc", "end"],
  },
  {
    name: "trailers",
    wire: OK +
      "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\ncontent-length: 9\r\n\r\n",
    want: [CHUNKED, "data abc", "trailers x-t: 1"],
    options: { enableTrailers: true },
  },
  {
    name: "HEAD",
    wire: OK + "content-length: 9\r\n\r\n",
    want: [":status: 200\ncontent-length: 9\nend"],
    request: HEAD,
  },
  {
    name: "HEAD with chunks announced",
    wire: OK + "transfer-encoding: chunked\r\n\r\n",
    want: [CHUNKED + "\nend"],
    request: HEAD,
  },
  {
    name: "204",
    wire: "HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 204\nend"],
  },
  {
    name: "304 with a length",
    wire: "HTTP/1.1 304 x\r\ncontent-length: 42\r\n\r\n",
    want: [":status: 304\ncontent-length: 42\nend"],
  },
  {
    name: "interim responses first",
    wire: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK +
      "content-length: 0\r\n\r\n",
    want: [
      "interim :status: 100",
      "interim :status: 103 link: </a>",
      ":status: 200\ncontent-length: 0\nend",
    ],
  },
  {
    name: "connection: close",
    wire: OK + "connection: close\r\ncontent-length: 0\r\n\r\n",
    want: ["goaway", ":status: 200\nconnection: close\ncontent-length: 0\nend"],
    reusable: false,
  },
  {
    name: "HTTP/1.0",
    wire: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    want: ["goaway", ":status: 200\ncontent-length: 2", "data ok", "end"],
    reusable: false,
  },
  {
    name: "HTTP/1.0 keep-alive",
    wire: "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 200\nconnection: keep-alive\ncontent-length: 0\nend"],
  },
  {
    name: "a body until close",
    wire: OK + "\r\nuntil the end",
    want: [
      "goaway",
      ":status: 200",
      "data until the end",
      "end",
      "error closed upstream_remote_disconnect",
    ],
    reusable: false,
    fin: true,
  },
  {
    name: "bare LF, which RFC 9112 §2.2 allows a recipient to take from an upstream",
    wire: "HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    want: [":status: 200\ncontent-length: 2", "data ok", "end"],
  },
  {
    name: "an obs-fold as a space (RFC 9112 §5.2)",
    wire: OK + "x-a: one\r\n two\r\n\tthree\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 200\nx-a: one two three\ncontent-length: 0\nend"],
  },
  {
    name: "an accepted upgrade",
    wire: "HTTP/1.1 101 x\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\nraw",
    want: ["goaway", ":status: 101\nupgrade: foo\nconnection: upgrade", "data raw"],
    request: UPGRADE,
    reusable: false,
  },
  {
    name: "a refused upgrade",
    wire: "HTTP/1.1 400 x\r\ncontent-length: 2\r\n\r\nno",
    want: [":status: 400\ncontent-length: 2", "data no", "end"],
    request: UPGRADE,
  },
  {
    name: "a 101 that nobody asked for",
    wire: "HTTP/1.1 101 x\r\nupgrade: foo\r\n\r\n",
    want: ["goaway", ":status: 101\nupgrade: foo\nend"],
    reusable: false,
  },
  {
    name: "an accepted CONNECT: framing fields mean nothing",
    wire: OK + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\nraw",
    want: ["goaway", ":status: 200", "data raw"],
    request: CONNECT,
    reusable: false,
  },
  {
    name: "a refused CONNECT",
    wire: "HTTP/1.1 403 x\r\ncontent-length: 0\r\n\r\n",
    want: [":status: 403\ncontent-length: 0\nend"],
    request: CONNECT,
  },
  // T77.
  {
    name: "T77 length and chunks",
    wire: OK + "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    want: "http1.content_length_and_chunked_not_allowed",
  },
  {
    name: "T77 two lengths",
    wire: OK + "content-length: 3\r\ncontent-length: 4\r\n\r\n",
    want: "http1.codec_error",
  },
  { name: "T77 a NUL in a header", wire: OK + "x-a: a\0b\r\n\r\n", want: "http1.codec_error" },
  { name: "T77 garbage", wire: "this is not HTTP\r\n\r\n", want: "http1.codec_error" },
  { name: "T77 HTTP/2.0", wire: "HTTP/2.0 200 OK\r\n\r\n", want: "http1.codec_error" },
  { name: "T77 a status of two digits", wire: "HTTP/1.1 99 OK\r\n\r\n", want: "http1.codec_error" },
  {
    name: "T77 a status of four digits",
    wire: "HTTP/1.1 1000 OK\r\n\r\n",
    want: "http1.codec_error",
  },
  { name: "T77 a status below 100", wire: "HTTP/1.1 099 OK\r\n\r\n", want: "http1.codec_error" },
  { name: "T77 a space in a name", wire: OK + "bad header: 1\r\n\r\n", want: "http1.codec_error" },
  {
    name: "T77 a folded length",
    wire: OK + "content-length: 1\r\n 2\r\n\r\n",
    want: "http1.codec_error",
  },
  {
    name: "T77 gzip as a transfer-encoding",
    wire: OK + "transfer-encoding: gzip\r\n\r\n",
    want: "http1.invalid_transfer_encoding",
  },
  {
    name: "T77 chunks in HTTP/1.0",
    wire: "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    want: "http1.transfer_encoding_not_allowed",
  },
  {
    name: "T77 chunks in a 204",
    wire: "HTTP/1.1 204 x\r\ntransfer-encoding: chunked\r\n\r\n",
    want: "http1.transfer_encoding_not_allowed",
  },
  {
    name: "T77 a length in a 204",
    wire: "HTTP/1.1 204 x\r\ncontent-length: 5\r\n\r\n",
    want: "http1.content_length_not_allowed",
  },
  {
    name: "T77 a length in a 100",
    wire: "HTTP/1.1 100 x\r\ncontent-length: 5\r\n\r\n",
    want: "http1.content_length_not_allowed",
  },
  {
    name: "T77 too many headers",
    wire: OK + "a: 1\r\nb: 1\r\n\r\n",
    want: "http1.too_many_headers",
    options: { maxHeadersCount: 1 },
  },
  {
    name: "T77 too large a head",
    wire: OK + `a: ${"x".repeat(99)}\r\n\r\n`,
    want: "http1.headers_too_large",
    options: { maxHeadersBytes: 64 },
  },
  { name: "T77 a FIN in the head", wire: OK + "content-le", want: "http1.codec_error", fin: true },
  {
    name: "T77 a bad chunk size",
    wire: OK + "transfer-encoding: chunked\r\n\r\nzz\r\n",
    want: [CHUNKED, "reset protocol_error http1.codec_error", "error protocol http1.codec_error"],
  },
  {
    name: "T77 a FIN in a chunk",
    wire: OK + "transfer-encoding: chunked\r\n\r\n3\r\na",
    want: [
      CHUNKED,
      "data a",
      "reset protocol_error http1.codec_error",
      "error protocol http1.codec_error",
    ],
    fin: true,
  },
  {
    name: "T77 a FIN in a body",
    wire: OK + "content-length: 5\r\n\r\nab",
    want: [
      ":status: 200\ncontent-length: 5",
      "data ab",
      "reset protocol_error http1.codec_error",
      "error protocol http1.codec_error",
    ],
    fin: true,
  },
];

for (const row of RESPONSES) {
  Deno.test(`Http1ClientConnection reads ${row.name}, at every split`, () => {
    const isFault = typeof row.want === "string";
    const want = isFault
      ? [`reset protocol_error ${row.want}`, `error protocol ${row.want}`]
      : row.want;
    for (const parts of splits(row.wire)) {
      const client = new FakeClient(row.options);
      client.newStream().encodeHeaders(row.request ?? request("GET", "/"), true);
      for (const part of parts) if (!client.codec.shouldClose) client.receive(part);
      if (row.fin) client.note(client.codec.onEnd());
      const events = client.log.take();
      assertEquals(events, want, `in parts ${JSON.stringify(parts).slice(0, 300)}`);
      const isBroken = events.some((event) => event.startsWith("reset"));
      assertEquals(client.codec.isReusable, isBroken ? false : row.reusable ?? true);
    }
  });
}

const get = () => request("GET", "/");

Deno.test("a connection serves one request after the other", () => {
  const client = new FakeClient();
  for (let i = 0; i < 3; i++) {
    client.newStream().encodeHeaders(get(), true);
    assertEquals([client.codec.isReusable, client.codec.activeStreams], [false, 1]);
    client.receive(OK + "content-length: 1\r\n\r\nx");
    assertEquals([client.codec.isReusable, client.codec.activeStreams], [true, 0]);
  }
});

Deno.test("the next request may begin within the end of a response", () => {
  const client = new FakeClient();
  let reusable = false;
  client.newStream(() => {
    reusable = client.codec.isReusable;
    client.newStream().encodeHeaders(get(), true);
  }).encodeHeaders(get(), true);
  client.receive(OK + "content-length: 1\r\n\r\nx");
  assertEquals([reusable, client.codec.activeStreams], [true, 1]);
});

Deno.test("bytes behind a response reach nobody and end the connection (T77, response queue poisoning)", () => {
  const client = new FakeClient();
  let reusable = true;
  client.newStream(() => reusable = client.codec.isReusable).encodeHeaders(get(), true);
  client.receive(OK + "content-length: 2\r\n\r\nok" + OK + "content-length: 0\r\n\r\n");
  assertEquals(client.log.take(), [
    ":status: 200\ncontent-length: 2",
    "data ok",
    "end",
    "error protocol http1.premature_response",
  ]);
  assertEquals([reusable, client.codec.isReusable], [false, false]);
});

Deno.test("bytes that no request asked for end the connection", () => {
  const idle = new FakeClient();
  idle.receive("HTTP/1.1 408 Request Timeout\r\n\r\n");
  assertEquals(idle.log.take(), ["error protocol http1.premature_response"]);
  const early = new FakeClient();
  early.newStream();
  early.receive(OK);
  assertEquals(early.log.take(), [
    "reset protocol_error http1.premature_response",
    "error protocol http1.premature_response",
  ]);
});

Deno.test("the eleventh interim response is one too many (T77)", () => {
  const client = new FakeClient();
  client.newStream().encodeHeaders(get(), true);
  client.receive("HTTP/1.1 100 x\r\n\r\n".repeat(11));
  assertEquals(client.log.take().slice(10), [
    "reset protocol_error http1.too_many_interim_responses",
    "error protocol http1.too_many_interim_responses",
  ]);
});

Deno.test("a response that ends before its request ends the connection", () => {
  const client = new FakeClient();
  const encoder = client.newStream();
  encoder.encodeHeaders(request("POST", "/", ["content-length", "9"]), false);
  client.receive("HTTP/1.1 413 x\r\ncontent-length: 0\r\n\r\n");
  assertEquals([client.codec.isReusable, client.codec.shouldClose], [false, true]);
  client.transport.written();
  encoder.encodeData(latin1("123456789"), true);
  assertEquals(client.transport.written(), "");
});

Deno.test("a request short of its length makes the connection unfit for another (0.CL)", () => {
  const client = new FakeClient();
  const encoder = client.newStream();
  encoder.encodeHeaders(request("POST", "/", ["content-length", "9"]), false);
  encoder.encodeData(latin1("123"), true);
  client.receive(OK + "content-length: 0\r\n\r\n");
  assertEquals(client.codec.isReusable, false);
});

Deno.test("an upstream that closes before any of its response: left to the close", () => {
  const client = new FakeClient();
  client.newStream().encodeHeaders(get(), true);
  client.note(client.codec.onEnd());
  client.codec.onConnectionClosed("connection_termination", "upstream_remote_disconnect");
  assertEquals(client.log.take(), [
    "error closed upstream_remote_disconnect",
    "reset connection_termination upstream_remote_disconnect",
  ]);
});

Deno.test("the end of the connection below a tunnel is no end of its stream, but resets it", () => {
  const client = new FakeClient();
  client.newStream().encodeHeaders(UPGRADE, false);
  client.receive("HTTP/1.1 101 x\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\nab");
  client.note(client.codec.onEnd());
  assertEquals(client.log.take().slice(2), [
    "data ab",
    "error closed upstream_remote_disconnect",
  ]);
});

Deno.test("enableTcpTunneling takes framing off both ways", () => {
  const client = new FakeClient();
  const encoder = client.newStream();
  encoder.encodeHeaders(request("POST", "/"), false);
  client.transport.written();
  encoder.enableTcpTunneling();
  encoder.encodeData(latin1("up"), false);
  client.receive(OK + "content-length: 1\r\n\r\ndown");
  assertEquals(client.transport.written(), "up");
  assertEquals(client.log.take(), [":status: 200\ncontent-length: 1", "data down"]);
});

Deno.test("reset ends the connection, releases pauses, and is heard by nobody", () => {
  const client = new FakeClient();
  const encoder = client.newStream();
  encoder.encodeHeaders(get(), true);
  encoder.readDisable(true);
  encoder.reset("local_reset");
  client.codec.onConnectionClosed("connection_termination", "");
  assertEquals([client.transport.pauses, client.codec.isReusable, client.codec.shouldClose], [
    0,
    false,
    true,
  ]);
  assertEquals(client.log.take(), []);
});

Deno.test("watermarks reach the stream, also when it begins above", () => {
  const client = new FakeClient();
  client.codec.onUnderlyingAboveWriteBufferHighWatermark();
  client.newStream().encodeHeaders(get(), true);
  client.codec.onUnderlyingAboveWriteBufferHighWatermark();
  client.codec.onUnderlyingBelowWriteBufferLowWatermark();
  assertEquals(client.log.take(), ["above", "below"]);
});

Deno.test("names of a response are kept where asked", () => {
  const client = new FakeClient({ headerCase: "preserve" });
  let names: ReadonlyMap<string, string> | undefined;
  const encoder = client.codec.newStream({
    decode1xx: () => {},
    decodeHeaders: (headers) => names = headers.originalNames,
    decodeData: () => {},
    decodeTrailers: () => {},
    onReset: () => {},
    onAboveWriteBufferHighWatermark: () => {},
    onBelowWriteBufferLowWatermark: () => {},
  });
  encoder.encodeHeaders(get(), true);
  client.receive(OK + "X-aB: 1\r\nplain: 2\r\ncontent-length: 0\r\n\r\n");
  assertEquals([...names ?? []], [["x-ab", "X-aB"]]);
});

Deno.test("a second request while one is under way is our own fault", () => {
  const client = new FakeClient();
  client.newStream();
  assertThrows(() => client.newStream(), /takes no request now/);
});
