/** Requests as the server reads them, each at every split point. Names carry HOSTILE's test numbers. */

import type { Http1Options } from "../../../src/codec/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeServer, splits } from "./support.ts";

interface Row {
  readonly name: string;
  readonly wire: string;
  /** Events; for a fault its status and details. */
  readonly want: readonly string[] | string;
  readonly options?: Partial<Http1Options>;
}

const HOST = "Host: c\r\n";
const TEN: Partial<Http1Options> = { acceptHttp10: true, defaultHostForHttp10: "ten" };
const get = (extra: string) => `GET / HTTP/1.1\r\n${HOST}${extra}\r\n`;
const post = (extra: string) => `POST / HTTP/1.1\r\n${HOST}${extra}`;
const chunked = (body: string) => post(`Transfer-Encoding: chunked\r\n\r\n${body}`);
const head = (method: string, path: string, ...rest: string[]) =>
  [`:method: ${method}`, `:path: ${path}`, ":authority: c", ":scheme: http", ...rest].join("\n");
const CHUNKED = head("POST", "/", "transfer-encoding: chunked");
const CODEC = "400 http1.codec_error";

const ROWS: readonly Row[] = [
  { name: "a GET", wire: get(""), want: [head("GET", "/", "end")] },
  {
    name: "blank lines before a request (RFC 9112 §2.2)",
    wire: "\r\n\r\n" + get(""),
    want: [head("GET", "/", "end")],
  },
  {
    name: "names in lower case, values trimmed",
    wire: get("X-Mixed-CASE: \t padded \t\r\nx-e:\r\nX-High: caf\xe9\r\nx-tab: a\tb\r\n"),
    want: [
      head("GET", "/", "x-mixed-case: padded", "x-e: ", "x-high: caf\xe9", "x-tab: a\tb", "end"),
    ],
  },
  {
    name: "RFC 9112 §3.2.1 example",
    wire: "GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
    want: [":method: GET\n:path: /where?q=now\n:authority: www.example.org\n:scheme: http\nend"],
  },
  {
    name: "RFC 9112 §3.2.2 example: the target beats Host",
    wire: "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\nHost: c\r\n\r\n",
    want: [
      ":method: GET\n:path: /pub/WWW/TheProject.html\n:authority: www.example.org\n:scheme: http\nend",
    ],
  },
  {
    name: "an absolute target without a path",
    wire: "GET HTTPS://a.b:1?x HTTP/1.1\r\n\r\n",
    want: [":method: GET\n:path: /?x\n:authority: a.b:1\n:scheme: https\nend"],
  },
  {
    name: "an absolute target that is not allowed: all of it is the path",
    wire: "GET http://a.b/x HTTP/1.1\r\nHost: c\r\n\r\n",
    want: [head("GET", "http://a.b/x", "end")],
    options: { allowAbsoluteUrl: false },
  },
  {
    name: "OPTIONS * (RFC 9112 §3.2.4)",
    wire: "OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n",
    want: [head("OPTIONS", "*", "end")],
  },
  {
    name: "a missing Host: the connection manager's business",
    wire: "GET / HTTP/1.1\r\n\r\n",
    want: [":method: GET\n:path: /\n:scheme: http\nend"],
  },
  {
    name: "an empty Host",
    wire: "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    want: [":method: GET\n:path: /\n:authority: \n:scheme: http\nend"],
  },
  {
    name: "TLS",
    wire: get(""),
    want: [head("GET", "/", "end").replace("http", "https")],
    options: { isTls: true },
  },
  {
    name: "a body by length",
    wire: post("Content-Length: 5\r\n\r\nhello"),
    want: [head("POST", "/", "content-length: 5"), "data hello", "end"],
  },
  {
    name: "a GET with a body (T14)",
    wire: get("Content-Length: 3\r\n") + "abc",
    want: [head("GET", "/", "content-length: 3"), "data abc", "end"],
  },
  {
    name: "content-length 0",
    wire: post("Content-Length: 0\r\n\r\n"),
    want: [head("POST", "/", "content-length: 0", "end")],
  },
  {
    name: "chunks with an extension and dropped trailers",
    wire: chunked("3;a=b\r\nabc\r\n2\r\nde\r\n0;l\r\nx-t: 1\r\n\r\n"),
    want: [CHUNKED, "data abcde", "end"],
  },
  {
    name: "chunks and the plain end",
    wire: chunked("3\r\nabc\r\n0\r\n\r\n"),
    want: [CHUNKED, "data abc", "end"],
  },
  {
    name: "ChunKed in other letter case",
    wire: post("Transfer-Encoding:\tChunKed\r\n\r\n0\r\n\r\n"),
    want: [head("POST", "/", "transfer-encoding: ChunKed"), "end"],
  },
  {
    name: "trailers; those that frame, route or identify are dropped (T13)",
    wire: chunked(
      "0\r\nX-T: 1\r\nHost: evil\r\ncontent-length: 3\r\nauthorization: x\r\nx-forwarded-for: 1\r\n\r\n",
    ),
    want: [CHUNKED, "trailers x-t: 1"],
    options: { enableTrailers: true },
  },
  {
    name: "only forbidden trailers (T13)",
    wire: chunked("0\r\ntransfer-encoding: chunked\r\n\r\n"),
    want: [CHUNKED, "end"],
    options: { enableTrailers: true },
  },
  {
    name: "allow_chunked_length drops the length",
    wire: post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    want: [CHUNKED, "data hello", "end"],
    options: { allowChunkedLength: true },
  },
  {
    name: "connection: close",
    wire: get("Connection: close\r\n"),
    want: ["goaway", head("GET", "/", "connection: close", "end")],
  },
  {
    name: "headers named by Connection are removed, te: trailers stays (RFC 9110 §7.6.1)",
    wire: get(
      "Connection: x-a, te, content-length, x-user\r\nx-a: 1\r\nte: trailers\r\nx-user: u\r\n",
    ),
    want: [head("GET", "/", "connection: te", "te: trailers", "end")],
  },
  {
    name: "te named by Connection with other codings is removed",
    wire: get("Connection: te\r\nte: gzip\r\n"),
    want: [head("GET", "/", "end")],
  },
  {
    name: "underscores dropped",
    wire: get("x_a: 1\r\nx-b: 2\r\n"),
    want: [head("GET", "/", "x-b: 2", "end")],
    options: { headersWithUnderscores: "drop" },
  },
  {
    name: "underscores refused",
    wire: get("x_a: 1\r\n"),
    want: "400 http1.unexpected_underscore",
    options: { headersWithUnderscores: "reject" },
  },
  {
    name: "a custom method where allowed",
    wire: "BREW / HTTP/1.1\r\nHost: c\r\n\r\n",
    want: [head("BREW", "/", "end")],
    options: { allowCustomMethods: true },
  },
  {
    name: "HTTP/1.0 closes",
    wire: "GET / HTTP/1.0\r\nHost: c\r\n\r\n",
    want: ["goaway", head("GET", "/", "end")],
    options: TEN,
  },
  {
    name: "HTTP/1.0 keep-alive and the default host",
    wire: "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    want: [":method: GET\n:path: /\n:authority: ten\n:scheme: http\nconnection: Keep-Alive\nend"],
    options: TEN,
  },
  {
    name: "an upgrade: what follows is raw",
    wire: get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n") + "early\r\n\r\n",
    want: [
      head("GET", "/", "connection: keep-alive, Upgrade", "upgrade: websocket"),
      "data early\r\n\r\n",
    ],
  },
  {
    name: "CONNECT: what follows is raw",
    wire: "CONNECT c:443 HTTP/1.1\r\nHost: c:443\r\n\r\nabc",
    want: [":method: CONNECT\n:authority: c:443\n:scheme: http", "data abc"],
  },
  {
    name: "an upgrade with a length is an ordinary request (T24)",
    wire: get("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n") + "abc",
    want: [head("GET", "/", "content-length: 3"), "data abc", "end"],
  },
  {
    name: "an upgrade with chunks is an ordinary request (T24)",
    wire: chunked("").replace("\r\n\r\n", "\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n") +
      "0\r\n\r\n",
    want: [CHUNKED, "end"],
  },
  {
    name: "h2c is never upgraded to (T25)",
    wire: get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"),
    want: [head("GET", "/", "end")],
  },
  {
    name: "an ignored upgrade",
    wire: get("Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n"),
    want: [head("GET", "/", "end")],
    options: { ignoreUpgrade: (value) => value === "tls/1.2" },
  },
  {
    name: "an upgrade that Connection does not name",
    wire: get("Upgrade: websocket\r\n"),
    want: [head("GET", "/", "end")],
  },
  {
    name: "an upgrade in HTTP/1.0 (RFC 9110 §7.8)",
    wire: "GET / HTTP/1.0\r\nHost: c\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    want: ["goaway", head("GET", "/", "end")],
    options: TEN,
  },
  // Framing.
  {
    name: "T01 content-length and chunked",
    wire: post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    want: "400 http1.content_length_and_chunked_not_allowed",
  },
  {
    name: "T01 chunked and content-length, a request smuggled behind",
    wire: post(
      "Transfer-Encoding: chunked\r\nContent-Length: 30\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    ),
    want: "400 http1.content_length_and_chunked_not_allowed",
  },
  {
    name: "T02 two lengths",
    wire: post("Content-Length: 3\r\nContent-Length: 4\r\n\r\n"),
    want: CODEC,
  },
  {
    name: "T02 two equal lengths",
    wire: post("Content-Length: 3\r\nContent-Length: 3\r\n\r\n"),
    want: CODEC,
  },
  { name: "T02 a list of lengths", wire: post("Content-Length: 5, 6\r\n\r\n"), want: CODEC },
  {
    name: "T02 an empty length first",
    wire: post("Content-Length:\r\nContent-Length: 3\r\n\r\n"),
    want: CODEC,
  },
  ...["+5", "-0", "0x5", "5_0", "5 5", "1e1", "\xd9\xa5", "99999999999999999999", "", "3abc", "5."]
    .map((
      value,
    ) => ({
      name: `T03 content-length ${JSON.stringify(value)}`,
      wire: post(`Content-Length: ${value}\r\n\r\n`),
      want: CODEC,
    })),
  ...[
    "xchunked",
    "chunked, identity",
    ",chunked",
    "chunked, chunked",
    "identity",
    "gzip, chunked",
    '"chunked"',
    "chunked\xa0",
    "",
    "chunked;q=1",
  ].map((value) => ({
    name: `T04 transfer-encoding ${JSON.stringify(value)}`,
    wire: post(`Transfer-Encoding: ${value}\r\n\r\n`),
    want: "501 http1.invalid_transfer_encoding",
  })),
  {
    name: "T04 two transfer-encodings",
    wire: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    want: "501 http1.invalid_transfer_encoding",
  },
  {
    name: "T04 a control in transfer-encoding",
    wire: post("Transfer-Encoding: \x0bchunked\r\n\r\n"),
    want: CODEC,
  },
  {
    name: "T05 chunked in HTTP/1.0",
    wire: "POST / HTTP/1.0\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n",
    want: "400 http1.transfer_encoding_not_allowed",
    options: TEN,
  },
  ...[
    "x-a : 1",
    "x-a\t: 1",
    "x-a\x85: 1",
    "x-a\xa0: 1",
    "x\ra: 1",
    "nocolon",
    ": 1",
    "x a: 1",
    "x[a]: 1",
    "x\0a: 1",
  ]
    .map((line) => ({
      name: `T06 the field line ${JSON.stringify(line)}`,
      wire: get(line + "\r\n"),
      want: CODEC,
    })),
  {
    name: "T06 a field line that begins with a space",
    wire: "GET / HTTP/1.1\r\n Host: c\r\n\r\n",
    want: CODEC,
  },
  {
    name: "T07 a folded transfer-encoding",
    wire: post("Transfer-Encoding:\r\n chunked\r\n\r\n"),
    want: CODEC,
  },
  { name: "T07 a folded header", wire: get("x-a: one\r\n\ttwo\r\n"), want: CODEC },
  { name: "T08 bare LF ends lines", wire: "GET / HTTP/1.1\nHost: c\n\n", want: CODEC },
  { name: "T08 bare LF ends the head", wire: "GET / HTTP/1.1\r\nHost: c\r\n\n", want: CODEC },
  { name: "T08 bare LF in a value", wire: get("x-a: a\nx-b: b\r\n"), want: CODEC },
  { name: "T08 bare CR in a value", wire: get("x-a: a\rb\r\n"), want: CODEC },
  { name: "T08 bare CR between requests", wire: "\r" + get(""), want: CODEC },
  { name: "T08 bare LF between requests", wire: "\n" + get(""), want: CODEC },
  ...["\0", "\x01", "\x0b", "\x1b", "\x7f"].map((char) => ({
    name: `T09 ${JSON.stringify(char)} in a value`,
    wire: get(`x-a: a${char}b\r\n`),
    want: CODEC,
  })),
  {
    name: "T09 a control in the target",
    wire: "GET /a\x01b HTTP/1.1\r\nHost: c\r\n\r\n",
    want: CODEC,
  },
  {
    name: "T58 bytes above 127 in the target",
    wire: "GET /caf\xe9 HTTP/1.1\r\nHost: c\r\n\r\n",
    want: CODEC,
  },
  ...["two", "0x3", "+3", "-1", "3 ", " 3", "", "11111111111111111"].map((size) => ({
    name: `T10 chunk size ${JSON.stringify(size)}`,
    wire: chunked(`${size}\r\nabc\r\n0\r\n\r\n`),
    want: [CHUNKED, "reply 400 http1.codec_error", "error protocol http1.codec_error"],
  })),
  ...["3;", "3;a\nb", '3;a="', "3;=b"].map((line) => ({
    name: `T11 chunk extension ${JSON.stringify(line)}`,
    wire: chunked(`${line}\r\nabc\r\n0\r\n\r\n`),
    want: [CHUNKED, "reply 400 http1.codec_error", "error protocol http1.codec_error"],
  })),
  {
    name: "T12 chunk data longer than its size",
    wire: chunked("3\r\nabcdef\r\n0\r\n\r\n"),
    want: [CHUNKED, "data abc", "reply 400 http1.codec_error", "error protocol http1.codec_error"],
  },
  {
    name: "T12 a chunk ended by bare LF",
    wire: chunked("3\r\nabc\n0\r\n\r\n"),
    want: [CHUNKED, "data abc", "reply 400 http1.codec_error", "error protocol http1.codec_error"],
  },
  {
    name: "T12 bytes behind the last chunk's size",
    wire: chunked("0\r\nGET / HTTP/1.1\r\n\r\n"),
    want: [CHUNKED, "reply 400 http1.codec_error", "error protocol http1.codec_error"],
  },
  { name: "T17 two Hosts", wire: get("Host: d\r\n"), want: CODEC },
  ...["a,b", "user@c", "c/x", "a b", "caf\xe9", "a<b", 'a"b', "a\\b"].map((host) => ({
    name: `T17 Host ${JSON.stringify(host)}`,
    wire: `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    want: "400 http.invalid_authority",
  })),
  ...([
    ["ftp://a/", "invalid_scheme"],
    ["path", "codec_error"],
    ["http:///x", "invalid_url"],
    ["*", "invalid_url"],
    ["http:/a", "codec_error"],
    ["://a", "codec_error"],
    ["http://a:99999/", "invalid_url"],
    ["http://a:/", "invalid_url"],
  ] as const).map(([target, why]) => ({
    name: `a target ${target}`,
    wire: `GET ${target} HTTP/1.1\r\nHost: c\r\n\r\n`,
    want: `400 http1.${why}`,
  })),
  {
    name: "an absolute target with user information (T17)",
    wire: "GET http://u@c/ HTTP/1.1\r\nHost: c\r\n\r\n",
    want: "400 http.invalid_authority",
  },
  ...["BREW", "get", "GE@T", "GET\0", "", " GET", 'G=":<>', "PRI"].map((method) => ({
    name: `T18 the method ${JSON.stringify(method)}`,
    wire: `${method} / HTTP/1.1\r\nHost: c\r\n\r\n`,
    want: CODEC,
  })),
  {
    name: "T18 a custom method that is no token",
    wire: "GE@T / HTTP/1.1\r\n\r\n",
    want: CODEC,
    options: { allowCustomMethods: true },
  },
  ...[
    "HTTP/1.32",
    "HTTP/01.1",
    "http/1.1",
    "HTTP/1.x",
    "HTTQ/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1 x",
    "HTTP/11",
  ].map((
    version,
  ) => ({
    name: `T18 the version ${JSON.stringify(version)}`,
    wire: `GET / ${version}\r\nHost: c\r\n\r\n`,
    want: CODEC,
  })),
  ...["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.0"].map((version) => ({
    name: `the version ${version} is answered with 426, as in Envoy`,
    wire: `GET / ${version}\r\nHost: c\r\n\r\n`,
    want: "426 low_version",
  })),
  { name: "no version at all", wire: "GET /\r\nHost: c\r\n\r\n", want: "426 low_version" },
  { name: "two spaces after the method", wire: "GET  / HTTP/1.1\r\nHost: c\r\n\r\n", want: CODEC },
  {
    name: "two spaces before the version",
    wire: "GET /  HTTP/1.1\r\nHost: c\r\n\r\n",
    want: CODEC,
  },
  { name: "a space in the target", wire: "GET /a b HTTP/1.1\r\nHost: c\r\n\r\n", want: CODEC },
  {
    name: "T21 Connection names x-forwarded-for",
    wire: get("Connection: close, X-Forwarded-For\r\nx-forwarded-for: 1.2.3.4\r\n"),
    want: "400 http1.connection_header_rejected",
  },
  {
    name: "T21 Connection names a pseudo-header",
    wire: get("Connection: :path\r\n"),
    want: "400 http1.connection_header_rejected",
  },
  {
    name: "CONNECT with a body",
    wire: "CONNECT c:443 HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\n\r\nabc",
    want: "400 http1.body_disallowed",
  },
  {
    name: "CONNECT with chunks",
    wire: "CONNECT c:443 HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    want: "501 http1.invalid_transfer_encoding",
  },
  ...["/foo", "c", "c:", ":443", "c:4x", "u@c:1", "c:123456"].map((target) => ({
    name: `CONNECT ${target}`,
    wire: `CONNECT ${target} HTTP/1.1\r\nHost: c\r\n\r\n`,
    want: "400 http1.invalid_url",
  })),
  {
    name: "T62 more headers than allowed",
    wire: get("a: 1\r\nb: 1\r\nc: 1\r\n"),
    want: "431 http1.too_many_headers",
    options: { maxHeadersCount: 3 },
  },
  {
    name: "as many headers as allowed",
    wire: get("a: 1\r\nb: 1\r\n"),
    want: [head("GET", "/", "a: 1", "b: 1", "end")],
    options: { maxHeadersCount: 3 },
  },
  {
    name: "T62 a head larger than allowed",
    wire: get(`x-big: ${"a".repeat(80)}\r\n`),
    want: "431 http1.headers_too_large",
    options: { maxHeadersBytes: 64 },
  },
  {
    name: "T62 a target larger than allowed",
    wire: `GET /${"a".repeat(80)} HTTP/1.1\r\nHost: c\r\n\r\n`,
    want: "431 http1.headers_too_large",
    options: { maxHeadersBytes: 64 },
  },
  {
    name: "T62 trailers larger than allowed",
    wire: post("Transfer-Encoding: chunked\r\n\r\n") + `0\r\nx: ${"a".repeat(80)}\r\n\r\n`,
    want: [CHUNKED, "reply 431 http1.headers_too_large", "error protocol http1.headers_too_large"],
    options: { maxHeadersBytes: 64 },
  },
];

for (const row of ROWS) {
  Deno.test(`Http1ServerConnection reads ${row.name}, at every split`, () => {
    const want = typeof row.want === "string"
      ? [`reply ${row.want}`, `error protocol ${row.want.slice(4)}`]
      : row.want;
    for (const parts of splits(row.wire)) {
      const server = new FakeServer({ options: row.options ?? {} });
      // After an error the connection is closed: the user offers nothing more.
      for (const part of parts) {
        server.send(part);
        if (server.codec.shouldClose) break;
      }
      assertEquals(server.log.take(), want, `in parts ${JSON.stringify(parts).slice(0, 300)}`);
    }
  });
}

Deno.test("garbage without a line end is refused in the first read (T19)", () => {
  const server = new FakeServer();
  server.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
  assertEquals(server.log.take(), [
    "reply 400 http1.codec_error",
    "error protocol http1.codec_error",
  ]);
});

Deno.test("64 KB of text without a line end give 431 and hold no more than the limit (T19)", () => {
  const server = new FakeServer();
  for (let i = 0; i < 64 && !server.codec.shouldClose; i++) server.send("a".repeat(1024));
  assertEquals(server.log.take(), [
    "reply 431 http1.headers_too_large",
    "error protocol http1.headers_too_large",
  ]);
});

Deno.test("underscores are counted under Envoy's names", () => {
  const drop = new FakeServer({ options: { headersWithUnderscores: "drop" } });
  drop.send(get("a_b: 1\r\nc_d: 1\r\n"));
  const reject = new FakeServer({ options: { headersWithUnderscores: "reject" } });
  reject.send(get("a_b: 1\r\n"));
  assertEquals([...drop.stats.counts], [["http1.dropped_headers_with_underscores", 2]]);
  assertEquals([...reject.stats.counts], [[
    "http1.requests_rejected_with_underscores_in_headers",
    1,
  ]]);
});

Deno.test("bytes of a request are counted, its head apart", () => {
  const server = new FakeServer();
  const wire = chunked("3\r\nabc\r\n0\r\n\r\n");
  for (const byte of wire) server.send(byte);
  assertEquals(server.encoder.wireBytesReceived, wire.length);
  assertEquals(server.encoder.headerBytesReceived, wire.indexOf("3\r\nabc"));
});
