import { HeaderMap } from "../../../src/http/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import {
  block,
  concat,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  get,
  goAway,
  headers,
  newServer,
  openServer,
  PADDED,
  ping,
  post,
  PREFACE,
  PRIORITY,
  rst,
  settings,
  uint32,
  windowUpdate,
} from "./dialogue.ts";

const GET_EVENT = "0 headers end :method=GET :scheme=http :path=/ :authority=a.test";
const POST_EVENT = "0 headers :method=POST :scheme=http :path=/ :authority=a.test";
const REFUSED = "The user callback function failed";

interface Row {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
  readonly events?: readonly string[];
  readonly answers?: readonly string[];
  readonly error?: string;
}

const half = block(get()).subarray(0, 20);
const rest = block(get()).subarray(20);

/** What happens after preface and SETTINGS; each row is cut at every byte as well. */
const ROWS: readonly Row[] = [
  { name: "a request", frames: [headers(1, get())], events: [GET_EVENT] },
  {
    name: "a body in two frames",
    frames: [headers(1, post(), END_HEADERS), data(1, "ab"), data(1, "c", END_STREAM)],
    events: [POST_EVENT, "0 data abc end"],
  },
  {
    name: "padding, RFC 9113 §6.1",
    frames: [
      headers(1, post(), END_HEADERS),
      frame(0, PADDED | END_STREAM, 1, [2, 0x61, 0x62, 0, 0]),
    ],
    events: [POST_EVENT, "0 data ab end"],
  },
  {
    name: "padding and priority on HEADERS",
    frames: [
      frame(1, END_HEADERS | END_STREAM | PADDED | PRIORITY, 1, [
        3,
        ...uint32(0),
        16,
        ...block(get()),
        0,
        0,
        0,
      ]),
    ],
    events: [GET_EVENT],
  },
  {
    name: "trailers",
    frames: [headers(1, post(), END_HEADERS), data(1, "a"), headers(1, [["x-t", "1"]])],
    events: [POST_EVENT, "0 data a", "0 trailers x-t=1"],
  },
  {
    name: "CONTINUATION, §6.10",
    frames: [frame(1, END_STREAM, 1, half), continuation(1, rest)],
    events: [GET_EVENT],
  },
  {
    name: "an unknown frame, §5.5",
    frames: [frame(0x55, 0xff, 7, [1, 2, 3]), headers(1, get())],
    events: [GET_EVENT],
  },
  {
    name: "a METADATA frame",
    frames: [frame(0x4d, 4, 1, [1, 2]), headers(1, get())],
    events: [GET_EVENT],
  },
  {
    name: "a reserved bit, §4.1",
    frames: [frame(1, END_HEADERS | END_STREAM, 0x80000001, block(get()))],
    events: [GET_EVENT],
  },
  { name: "PING", frames: [ping()], answers: ["PING ACK"] },
  { name: "SETTINGS", frames: [settings([3, 10])], answers: ["SETTINGS ACK"] },
  {
    name: "crumbs of cookies, §8.2.3",
    frames: [headers(1, get(["cookie", "a=1"], ["x-a", "1"], ["cookie", "b=2"]))],
    events: [`${GET_EVENT} x-a=1 cookie=a=1; b=2`],
  },
  {
    name: "host for :authority",
    frames: [
      headers(1, [[":method", "GET"], [":scheme", "http"], [":path", "/"], ["x-a", "1"], [
        "host",
        "a.test",
      ]]),
    ],
    events: [`${GET_EVENT} x-a=1`],
  },
  {
    name: "host beside :authority, which wins",
    frames: [headers(1, get(["host", "other.test"]))],
    events: [GET_EVENT],
  },
  {
    name: "RST_STREAM",
    frames: [headers(1, get()), rst(1, 8)],
    events: [GET_EVENT, "0 reset remote_reset http2.remote_reset"],
  },
  {
    name: "RST_STREAM with REFUSED_STREAM",
    frames: [headers(1, get()), rst(1, 7)],
    events: [GET_EVENT, "0 reset remote_refused_stream http2.remote_refuse"],
  },
  {
    name: "a content-length that the body exceeds (smuggling), T52",
    frames: [headers(1, post(["content-length", "2"]), END_HEADERS), data(1, "abc")],
    events: [
      `${POST_EVENT} content-length=2`,
      "0 reset local_reset http2.violation.of.messaging.rule",
    ],
    answers: ["RST_STREAM 1 1"],
  },
  {
    name: "a content-length that trailers cut short, T52",
    frames: [headers(1, post(["content-length", "2"]), END_HEADERS), headers(1, [["x-t", "1"]])],
    events: [
      `${POST_EVENT} content-length=2`,
      "0 reset local_reset http2.violation.of.messaging.rule",
    ],
    answers: ["RST_STREAM 1 1"],
  },
  {
    name: "DATA after END_STREAM, §5.1",
    frames: [headers(1, get()), data(1, "x")],
    events: [GET_EVENT, "0 reset local_reset http2.violation.of.messaging.rule"],
    answers: ["RST_STREAM 1 5"],
  },
  {
    name: "trailers without END_STREAM, T46",
    frames: [headers(1, post(), END_HEADERS), headers(1, [["x-t", "1"]], END_HEADERS)],
    events: [POST_EVENT],
    answers: ["GOAWAY 1 1"],
    error: REFUSED,
  },
  { name: "T44 an even id", frames: [headers(2, get())], answers: ["GOAWAY 0 1"], error: REFUSED },
  {
    name: "T44 HEADERS on stream 0",
    frames: [headers(0, get())],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T44 an id that goes back",
    frames: [headers(5, get()), headers(3, get())],
    events: [GET_EVENT],
    answers: ["GOAWAY 5 1"],
    error: REFUSED,
  },
  {
    name: "T44 DATA on an idle stream",
    frames: [data(1, "x")],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T44 RST_STREAM on an idle stream",
    frames: [rst(1, 8)],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T44 WINDOW_UPDATE on an idle stream",
    frames: [windowUpdate(1, 1)],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  { name: "DATA on stream 0", frames: [data(0, "x")], answers: ["GOAWAY 0 1"], error: REFUSED },
  {
    name: "T47 a frame above 16384 bytes",
    frames: [frame(0x55, 0, 0, new Uint8Array(16385))],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  {
    name: "SETTINGS of a wrong length",
    frames: [frame(4, 0, 0, [1])],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  {
    name: "SETTINGS on a stream",
    frames: [frame(4, 0, 1)],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "a SETTINGS ACK with payload",
    frames: [frame(4, 1, 0, [0, 0, 0, 0, 0, 0])],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  { name: "ENABLE_PUSH of 2", frames: [settings([2, 2])], answers: ["GOAWAY 0 1"], error: REFUSED },
  {
    name: "INITIAL_WINDOW_SIZE above 2^31-1",
    frames: [settings([4, 0x80000000])],
    answers: ["GOAWAY 0 3"],
    error: REFUSED,
  },
  {
    name: "MAX_FRAME_SIZE below 16384",
    frames: [settings([5, 1])],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "PING of a wrong length",
    frames: [frame(6, 0, 0, [1])],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  {
    name: "PING on a stream",
    frames: [frame(6, 0, 1, new Uint8Array(8))],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "RST_STREAM of a wrong length",
    frames: [headers(1, get()), frame(3, 0, 1, [1])],
    events: [GET_EVENT],
    answers: ["GOAWAY 1 6"],
    error: REFUSED,
  },
  {
    name: "GOAWAY that is cut",
    frames: [frame(7, 0, 0, [1])],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  {
    name: "PUSH_PROMISE, §8.4",
    frames: [frame(5, 4, 1, uint32(2))],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T32 PRIORITY of a wrong length",
    frames: [frame(2, 0, 1, [1])],
    answers: ["GOAWAY 0 6"],
    error: REFUSED,
  },
  {
    name: "T32 PRIORITY on itself",
    frames: [frame(2, 0, 1, [0, 0, 0, 1, 0])],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T32 WINDOW_UPDATE of 0 on a stream",
    frames: [headers(1, get()), windowUpdate(1, 0)],
    events: [GET_EVENT],
    answers: ["GOAWAY 1 1"],
    error: REFUSED,
  },
  {
    name: "WINDOW_UPDATE of 0 on the connection",
    frames: [windowUpdate(0, 0)],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "T43 a connection window above 2^31-1",
    frames: [windowUpdate(0, 0x7fffffff)],
    answers: ["GOAWAY 0 3"],
    error: REFUSED,
  },
  {
    name: "T43 a stream window above 2^31-1",
    frames: [headers(1, get()), windowUpdate(1, 0x7fffffff)],
    events: [GET_EVENT, "0 reset local_reset http2.violation.of.messaging.rule"],
    answers: ["RST_STREAM 1 3"],
  },
  {
    name: "CONTINUATION without HEADERS",
    frames: [continuation(1, rest)],
    answers: ["GOAWAY 0 1"],
    error: REFUSED,
  },
  {
    name: "another frame within a header block",
    frames: [frame(1, END_STREAM, 1, half), ping()],
    answers: ["GOAWAY 1 1"],
    error: REFUSED,
  },
  {
    name: "CONTINUATION of another stream",
    frames: [frame(1, END_STREAM, 1, half), continuation(3, rest)],
    answers: ["GOAWAY 1 1"],
    error: REFUSED,
  },
  {
    name: "T36 a broken header block",
    frames: [frame(1, 5, 1, [0xff, 0xff, 0xff, 0xff, 0xff])],
    answers: ["GOAWAY 1 9"],
    error: REFUSED,
  },
  {
    name: "padding as long as the frame",
    frames: [headers(1, post(), END_HEADERS), frame(0, PADDED, 1, [5, 0, 0])],
    events: [POST_EVENT],
    answers: ["GOAWAY 1 1"],
    error: REFUSED,
  },
];

function run(row: Row, cut: number): void {
  const side = openServer();
  const bytes = concat(...row.frames);
  const answers = [...side.send(bytes.subarray(0, cut)), ...side.send(bytes.subarray(cut))];
  const at = `cut at ${cut}`;
  assertEquals(side.events(), row.events ?? [], at);
  assertEquals(answers, row.answers ?? [], at);
  assertEquals(side.error?.details, row.error, at);
}

for (const row of ROWS) {
  Deno.test(`Http2ServerConnection takes ${row.name}, whole and cut at every byte`, () => {
    // Rows with bulk are cut in their first and last bytes only.
    const length = concat(...row.frames).length;
    for (let cut = 0; cut <= length; cut++) if (cut < 300 || cut > length - 20) run(row, cut);
  });
}

Deno.test("the server begins with Envoy's SETTINGS and its connection window", () => {
  const side = newServer({ initialConnectionWindowSize: 1048576 });
  assertEquals(side.send(PREFACE), []);
  assertEquals(side.send(settings()), ["SETTINGS", "WINDOW_UPDATE 0 983041", "SETTINGS ACK"]);
});

Deno.test("a wrong preface is an error without an answer", () => {
  const side = newServer();
  assertEquals(side.send(new TextEncoder().encode("GET / HTTP/1.1\r\n")), []);
  assertEquals(side.error?.kind, "protocol");
});

Deno.test("the connection must begin with SETTINGS, §3.4", () => {
  const side = newServer();
  assertEquals(side.send(PREFACE, headers(1, get())), ["SETTINGS", "GOAWAY 0 1"]);
});

Deno.test("headers and body of a response share the output, trailers follow", () => {
  const side = openServer();
  side.onStream = (stream) =>
    stream.onHeaders = () => {
      stream.encoder.encode1xx(HeaderMap.of([":status", "103"]));
      stream.encoder.encodeHeaders(HeaderMap.of([":status", "200"], ["connection", "x"]), false);
      stream.encoder.encodeData(new Uint8Array(3), false);
      stream.encoder.encodeTrailers(HeaderMap.of(["x-t", "1"]));
    };
  assertEquals(side.send(headers(1, get())), [
    "HEADERS 1 :status=103",
    "HEADERS 1 :status=200",
    "DATA 1 3",
    "HEADERS 1 END x-t=1",
  ]);
  assertEquals(side.codec.activeStreams, 0);
});

Deno.test("pseudo-headers go first wherever they stand", () => {
  const side = openServer({}, headers(1, get()));
  side.streams[0]!.encoder.encodeHeaders(HeaderMap.of(["x-a", "1"], [":status", "200"]), true);
  assertEquals(side.answers(), ["HEADERS 1 END :status=200 x-a=1"]);
});

Deno.test("a response's headers above 16 KiB go on in CONTINUATION", () => {
  const side = openServer({}, headers(1, get()));
  const big = HeaderMap.of([":status", "200"], ["x-a", "a".repeat(40000)]);
  side.streams[0]!.encoder.encodeHeaders(big, true);
  assertEquals(side.answers().map((text) => text.slice(0, 13)), [
    "HEADERS 1 END",
    "TYPE9 1",
    "TYPE9 1",
  ]);
});

Deno.test("an early response ends the half-sent request with NO_ERROR", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS));
  const { encoder } = side.streams[0]!;
  encoder.encodeHeaders(HeaderMap.of([":status", "413"]), true);
  encoder.reset("local_reset");
  assertEquals(side.answers(), ["HEADERS 1 END :status=413", "RST_STREAM 1 0"]);
  assertEquals(side.send(data(1, "late")), []);
});

const RESETS = [
  { reason: "local_reset", code: 2 },
  { reason: "local_refused_stream", code: 7 },
  { reason: "protocol_error", code: 1 },
  { reason: "connect_error", code: 10 },
] as const;
for (const row of RESETS) {
  Deno.test(`a user's ${row.reason} is code ${row.code}, and tells the user nothing`, () => {
    const side = openServer({}, headers(1, get()));
    side.streams[0]!.encoder.reset(row.reason);
    assertEquals(side.answers(), [`RST_STREAM 1 ${row.code}`]);
    assertEquals(side.streams[0]!.events.length, 1);
    assertEquals(side.stats.counts.tx_reset, 1);
  });
}

Deno.test("drain: notice, then the last id, then no new streams, §6.8", () => {
  const side = openServer({}, headers(1, get()));
  side.codec.shutdownNotice();
  assertEquals(side.answers(), ["GOAWAY 2147483647 0"]);
  side.send(headers(3, get()));
  side.codec.goAway();
  assertEquals(side.answers(), ["GOAWAY 3 0"]);
  assertEquals(side.send(headers(5, get())), []);
  assertEquals(side.streams.length, 2);
  side.streams[1]!.encoder.encodeHeaders(HeaderMap.of([":status", "200"]), true);
  assertEquals(side.answers(), ["HEADERS 3 END :status=200"]);
  assertEquals(side.stats.counts.goaway_sent, 2);
});

Deno.test("a GOAWAY of the client is told, its streams go on", () => {
  const side = openServer({}, headers(1, get()), goAway(0));
  assertEquals(side.goAways, ["no_error"]);
  side.streams[0]!.encoder.encodeHeaders(HeaderMap.of([":status", "200"]), true);
  assertEquals(side.answers(), ["HEADERS 1 END :status=200"]);
});

Deno.test("frames on closed streams: STREAM_CLOSED, or nothing after our own reset, §5.1", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS), headers(3, get()));
  side.streams[0]!.encoder.reset("local_reset");
  side.answers();
  assertEquals(side.send(data(1, "x"), headers(1, [["x-t", "1"]])), []);
  side.streams[1]!.encoder.encodeHeaders(HeaderMap.of([":status", "200"]), true);
  side.answers();
  assertEquals(side.send(data(3, "x")), ["RST_STREAM 3 5"]);
  assertEquals(side.send(headers(3, get())), ["GOAWAY 3 5"]);
});

Deno.test("an old id that is forgotten is dropped once the connection is quiet", () => {
  const side = openServer({}, headers(5, get()));
  side.streams[0]!.encoder.encodeHeaders(HeaderMap.of([":status", "200"]), true);
  side.answers();
  side.transport.now += 50;
  assertEquals(side.send(headers(3, get())), []);
  assertEquals([side.error, side.streams.length], [undefined, 1]);
});

Deno.test("the connection's end resets what is left with its reason", () => {
  const side = openServer({}, headers(1, get()));
  side.codec.onConnectionClosed("connection_termination", "why");
  assertEquals(side.streams[0]!.events[1], "reset connection_termination why");
  side.streams[0]!.encoder.encodeHeaders(HeaderMap.of([":status", "200"]), true);
  assertEquals(side.answers(), []);
});

Deno.test("underscores in names: rejected, dropped or let through", () => {
  const pairs = get(["a_b", "1"], ["x-c", "2"]);
  const reject = openServer({ headersWithUnderscores: "reject" });
  assertEquals(reject.send(headers(1, pairs)), ["RST_STREAM 1 2"]);
  assertEquals(reject.events(), ["0 reset remote_reset http2.unexpected_underscore"]);
  assertEquals(reject.stats.counts.requests_rejected_with_underscores_in_headers, 1);
  const drop = openServer({ headersWithUnderscores: "drop" }, headers(1, pairs));
  assertEquals(drop.events(), [`${GET_EVENT} x-c=2`]);
  assertEquals(drop.stats.counts.dropped_headers_with_underscores, 1);
  assertEquals(openServer({}, headers(1, pairs)).events(), [`${GET_EVENT} a_b=1 x-c=2`]);
});

Deno.test("SETTINGS that are not acknowledged end the connection, T39, §6.5.3", () => {
  const side = newServer();
  side.send(PREFACE, settings(), headers(1, get()));
  const error = { kind: "protocol", details: "settings_timeout" } as const;
  assertEquals(side.codec.onSettingsTimeout(), error);
  assertEquals(side.answers(), ["GOAWAY 1 4"]);
  assertEquals(side.send(headers(3, get())), []);
});

Deno.test("a peer that never sent SETTINGS has not acknowledged ours either, T39", () => {
  const side = newServer();
  side.send(PREFACE);
  assertEquals(side.codec.onSettingsTimeout()?.details, "settings_timeout");
  assertEquals(side.answers().slice(-1), ["GOAWAY 0 4"]);
});

Deno.test("SETTINGS that were acknowledged end nothing, §6.5.3", () => {
  const side = openServer();
  assertEquals([side.codec.onSettingsTimeout(), side.answers()], [undefined, []]);
});
