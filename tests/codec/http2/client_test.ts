import { H, HeaderMap } from "../../../src/http/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import {
  concat,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  get,
  goAway,
  headers,
  newClient,
  openClient,
  openServer,
  post,
  request,
  rst,
  settings,
} from "./dialogue.ts";

const OK = [[":status", "200"]] as const;
const SENT = "HEADERS 1 END :method=GET :scheme=http :path=/ :authority=a.test";

Deno.test("the client begins with preface, SETTINGS and its connection window", () => {
  const side = newClient({ initialConnectionWindowSize: 100000 });
  assertEquals(side.answers(), ["SETTINGS", "WINDOW_UPDATE 0 34465"]);
});

const ROWS = [
  {
    name: "a response",
    frames: [headers(1, OK, END_HEADERS), data(1, "abc", END_STREAM)],
    events: ["headers :status=200", "data abc end"],
  },
  {
    name: "interim responses",
    frames: [headers(1, [[":status", "103"], ["link", "</a>"]], END_HEADERS), headers(1, OK)],
    events: ["1xx :status=103 link=</a>", "headers end :status=200"],
  },
  {
    name: "trailers",
    frames: [headers(1, OK, END_HEADERS), headers(1, [["grpc-status", "0"]])],
    events: ["headers :status=200", "trailers grpc-status=0"],
  },
  {
    name: "a reset",
    frames: [rst(1, 8)],
    events: ["reset remote_reset http2.remote_reset"],
  },
  {
    name: "a refusal, which may be retried",
    frames: [rst(1, 7)],
    events: ["reset remote_refused_stream http2.remote_refuse"],
  },
  {
    name: "CONNECT_ERROR",
    frames: [rst(1, 10)],
    events: ["reset connect_error http2.remote_reset"],
  },
  {
    name: "GOAWAY below the stream, which may be retried (T78)",
    frames: [goAway(0)],
    events: ["reset remote_refused_stream http2.remote_refuse"],
  },
  {
    name: "a 304 with a content-length and no body",
    frames: [headers(1, [[":status", "304"], ["content-length", "8"]])],
    events: ["headers end :status=304 content-length=8"],
  },
] as const;

for (const row of ROWS) {
  Deno.test(`Http2ClientConnection takes ${row.name}, whole and cut at every byte`, () => {
    const bytes = concat(...row.frames);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const side = openClient();
      const stream = request(side, get());
      assertEquals(side.answers(), [SENT]);
      side.send(bytes.subarray(0, cut));
      side.send(bytes.subarray(cut));
      assertEquals([stream.events, side.error], [row.events, undefined], `cut at ${cut}`);
      assertEquals(side.codec.activeStreams, 0);
    }
  });
}

const FAULTS = [
  { name: "no :status", frames: [headers(1, [["x-a", "1"]])] },
  { name: "a status of 101, §8.6", frames: [headers(1, [[":status", "101"]])] },
  { name: "a status of two digits", frames: [headers(1, [[":status", "20"]])] },
  { name: "1xx that ends the stream", frames: [headers(1, [[":status", "100"]])] },
  { name: "a connection header", frames: [headers(1, [...OK, ["connection", "close"]])] },
  { name: "a body before headers", frames: [data(1, "x")] },
  { name: "a content-length and no body", frames: [headers(1, [...OK, ["content-length", "1"]])] },
] as const;
for (const row of FAULTS) {
  Deno.test(`a malformed response ends the connection, or its stream: ${row.name}`, () => {
    const strict = openClient();
    request(strict, get());
    strict.send(...row.frames);
    assertEquals(strict.error?.kind, "protocol");
    assertEquals(strict.codec.isReusable, false);
    const lenient = openClient({ streamErrorOnInvalidMessage: true });
    const stream = request(lenient, get());
    lenient.answers();
    assertEquals(lenient.send(...row.frames), ["RST_STREAM 1 1"]);
    assertEquals(stream.events.at(-1)!.slice(0, 20), "reset protocol_error");
    assertEquals(lenient.error, undefined);
  });
}

Deno.test("a response to HEAD keeps its content-length", () => {
  const side = openClient();
  const stream = request(side, [[":method", "HEAD"], ...get().slice(1)]);
  side.send(headers(1, [...OK, ["content-length", "8"]]));
  assertEquals(stream.events, ["headers end :status=200 content-length=8"]);
});

Deno.test("streams get odd ids in the order of their headers", () => {
  const side = openClient();
  assertEquals(request(side, get()).encoder.streamId, 1);
  assertEquals(request(side, get()).encoder.streamId, 3);
  assertEquals(side.codec.activeStreams, 2);
});

Deno.test("what the headers lack is told and nothing is sent", () => {
  const side = openClient();
  const { encoder } = request(side, []);
  assertEquals(
    encoder.encodeHeaders(HeaderMap.of([":path", "/"]), true),
    "missing required header: :method",
  );
  assertEquals(
    encoder.encodeHeaders(HeaderMap.of([":method", "GET"]), true),
    "missing required header: :path",
  );
  assertEquals(side.answers(), []);
});

Deno.test("a cancel is code 2, before the headers it is nothing", () => {
  const side = openClient();
  const stream = request(side, get());
  side.answers();
  stream.encoder.reset("local_reset");
  assertEquals(side.answers(), ["RST_STREAM 1 2"]);
  const unsent = request(side, []);
  unsent.encoder.reset("local_reset");
  assertEquals(side.answers(), []);
});

Deno.test("a whole response stands though the server wants no more of the request, §8.1", () => {
  const side = openClient();
  const stream = request(side, post(), false);
  side.send(headers(1, OK), rst(1, 0));
  assertEquals(stream.events, ["headers end :status=200"]);
  assertEquals(side.codec.activeStreams, 0);
});

Deno.test("GOAWAY leaves the streams it names and ends reuse", () => {
  const side = openClient();
  const first = request(side, get());
  const second = request(side, get());
  side.send(goAway(1));
  assertEquals([side.goAways, side.codec.isReusable], [["no_error"], false]);
  assertEquals(second.events, ["reset remote_refused_stream http2.remote_refuse"]);
  side.send(headers(1, OK));
  assertEquals(first.events, ["headers end :status=200"]);
});

Deno.test("MAX_CONCURRENT_STREAMS is told as it changes", () => {
  const side = openClient();
  side.send(settings([3, 7]), settings([3, 7]), settings([3, 0]));
  assertEquals(side.maxStreams, [0xffffffff, 7, 0]);
  assertEquals(side.codec.peerMaxConcurrentStreams, 0);
});

Deno.test("a server may not push, nor speak on streams we never opened", () => {
  assertEquals(openClient().send(frame(5, 4, 1, [0, 0, 0, 2])), ["GOAWAY 0 1"]);
  assertEquals(openClient().send(headers(1, OK)), ["GOAWAY 0 1"]);
  assertEquals(openClient().send(headers(2, OK)), ["GOAWAY 0 1"]);
});

const UPGRADE = HeaderMap.of(
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/chat"],
  [":authority", "a.test"],
  ["connection", "Upgrade"],
  ["upgrade", "websocket"],
  ["sec-websocket-version", "13"],
);

Deno.test("an upgrade request goes out as extended CONNECT, 200 comes back as 101, RFC 8441", () => {
  const side = openClient();
  const stream = request(side, UPGRADE.entries(), false);
  assertEquals(side.answers(), [
    "HEADERS 1 :method=CONNECT :scheme=http :path=/chat :authority=a.test :protocol=websocket " +
    "sec-websocket-version=13",
  ]);
  side.send(headers(1, OK, END_HEADERS));
  assertEquals(stream.events, ["headers :status=101 upgrade=websocket connection=upgrade"]);
  assertEquals(UPGRADE.getId(H.method), "GET");
});

Deno.test("a plain CONNECT goes out with method and authority only, §8.5", () => {
  const side = openClient();
  request(side, [[":method", "CONNECT"], [":scheme", "http"], [":path", "/"], [
    ":authority",
    "a:1",
  ]]);
  assertEquals(side.answers(), ["HEADERS 1 END :method=CONNECT :authority=a:1"]);
});

Deno.test("extended CONNECT comes in as an upgrade request, 101 goes out as 200, RFC 8441", () => {
  const side = openServer({ allowConnect: true });
  side.send(headers(1, [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":path", "/chat"],
    [":authority", "a.test"],
  ], END_HEADERS));
  assertEquals(side.events(), [
    "0 headers :method=GET :scheme=http :path=/chat :authority=a.test upgrade=websocket connection=upgrade",
  ]);
  side.streams[0]!.encoder.encodeHeaders(
    HeaderMap.of([":status", "101"], ["connection", "upgrade"], ["upgrade", "websocket"], [
      "content-length",
      "0",
    ]),
    false,
  );
  assertEquals(side.answers(), ["HEADERS 1 :status=200"]);
});
