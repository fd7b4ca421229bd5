import { ResetBudget } from "../../../src/codec/http2/flood_limits.ts";
import { HeaderMap } from "../../../src/http/mod.ts";
import { assertEquals, assertOk } from "../../support/assert.ts";
import {
  block,
  concat,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  get,
  headers,
  newServer,
  openServer,
  PADDED,
  type Pairs,
  ping,
  post,
  PREFACE,
  rst,
  type Server,
  settings,
  settingsAck,
  windowUpdate,
} from "./dialogue.ts";

const OK = HeaderMap.of([":status", "200"]);

/** Sends until the connection ends; returns how many times, and fails above `max`. */
function sendsUntilError(side: Server, next: (i: number) => Uint8Array, max: number): number {
  for (let i = 0; i < max; i++) {
    side.send(next(i));
    if (side.error !== undefined) return i + 1;
  }
  return max + 1;
}

Deno.test("T31 rapid reset ends the connection by half of 500 streams", () => {
  const side = openServer();
  const sends = sendsUntilError(
    side,
    (i) => concat(headers(i * 2 + 1, get()), rst(i * 2 + 1, 8)),
    500,
  );
  assertEquals(sends, 250);
  assertEquals(side.error, { kind: "flood", details: "too_many_premature_resets" });
  assertEquals(side.codec.activeStreams, 0);
});

Deno.test("T31 resets of old or answered streams are free", () => {
  const side = openServer();
  side.onStream = (stream) => stream.onHeaders = () => stream.encoder.encodeHeaders(OK, false);
  const answered = (i: number) => concat(headers(i * 2 + 1, get()), rst(i * 2 + 1, 8));
  assertEquals(sendsUntilError(side, answered, 600), 601);
  const slow = openServer();
  for (let i = 0; i < 600; i++) {
    slow.send(headers(i * 2 + 1, get()));
    slow.transport.now += 1001;
    slow.send(rst(i * 2 + 1, 8));
  }
  assertEquals(slow.error, undefined);
});

Deno.test("T31 ResetBudget looks at the share once enough streams have closed", () => {
  const budget = new ResetBudget(10, 1000);
  for (let i = 0; i < 10; i++) assertEquals(budget.onStreamClosed(false, 0), false);
  for (let i = 0; i < 9; i++) assertEquals(budget.onStreamClosed(true, 0), false);
  assertEquals(budget.onStreamClosed(true, 0), true);
});

const MADE_RESETS: readonly { name: string; frames: (id: number) => Uint8Array[] }[] = [
  { name: "a window overflow", frames: (id) => [windowUpdate(id, 0x7fffffff)] },
  { name: "DATA after END_STREAM", frames: (id) => [data(id, "x")] },
  { name: "HEADERS after END_STREAM", frames: (id) => [headers(id, [["x-t", "1"]])] },
];
for (const row of MADE_RESETS) {
  Deno.test(`T32 MadeYouReset by ${row.name} counts as rapid reset`, () => {
    const side = openServer();
    const sends = sendsUntilError(
      side,
      (i) => concat(headers(i * 2 + 1, get()), ...row.frames(i * 2 + 1)),
      500,
    );
    assertEquals([sends, side.error?.details], [250, "too_many_premature_resets"]);
  });
}

Deno.test("T33 CONTINUATION without end stops at a bound of bytes", () => {
  const side = openServer();
  side.send(frame(1, END_STREAM, 1, block(get())));
  const part = continuation(1, new Uint8Array(16000), 0);
  assertOk(sendsUntilError(side, () => part, 100) <= 9);
  assertEquals(side.stats.counts.header_overflow, 1);
});

Deno.test("T33 CONTINUATION without end stops at a bound of frames", () => {
  const side = openServer();
  side.send(frame(1, END_STREAM, 1, block(get())));
  assertOk(sendsUntilError(side, () => continuation(1, Uint8Array.of(0), 0), 1000) <= 80);
});

Deno.test("T33 the second empty CONTINUATION ends the connection", () => {
  const side = openServer();
  const empty = continuation(1, new Uint8Array(0), 0);
  assertEquals(side.send(frame(1, END_STREAM, 1, block(get())), empty), []);
  assertEquals(side.send(empty), ["GOAWAY 1 11"]);
  assertEquals(side.stats.counts.inbound_empty_frames_flood, 1);
  side.codec.onConnectionClosed("connection_termination", "");
  assertEquals(side.events(), [
    "0 reset connection_termination http2.inbound_empty_frames_flood",
  ]);
});

const TOO_MANY: readonly { name: string; pairs: Pairs }[] = [
  { name: "101 fields", pairs: get(...Array.from({ length: 97 }, () => ["x", "1"] as const)) },
  { name: "61 kB", pairs: get(["x-a", "a".repeat(31000)], ["x-b", "b".repeat(31000)]) },
  {
    name: "T34 crumbs of cookies",
    pairs: get(...Array.from({ length: 97 }, () => ["cookie", "a"] as const)),
  },
  { name: "T35 dropped hosts", pairs: get(["host", "a".repeat(62000)]) },
];
for (const row of TOO_MANY) {
  Deno.test(`a header limit resets the stream with code 2: ${row.name}`, () => {
    const side = openServer();
    const bytes = block(row.pairs);
    const parts = [frame(1, END_STREAM, 1, bytes.subarray(0, 16000))];
    let at = 16000;
    for (; at < bytes.length; at += 16000) {
      parts.push(continuation(1, bytes.subarray(at, at + 16000), 0));
    }
    assertEquals(side.send(...parts, continuation(1, block([["x", "y"]]))), ["RST_STREAM 1 2"]);
    assertEquals(side.events(), ["0 reset remote_reset http2.too_many_headers"]);
    assertEquals([side.stats.counts.header_overflow, side.error], [1, undefined]);
  });
}

Deno.test("T34 a bomb of references to one table entry costs its stream only", () => {
  const side = openServer();
  const entry = [0x40, 3, 120, 45, 97, 0x7f, 0xa1, 0x1e, ...new Array<number>(4000).fill(97)];
  const bomb = new Uint8Array(8000).fill(0xbe);
  side.send(frame(1, END_STREAM, 1, block(get())), continuation(1, Uint8Array.from(entry), 0));
  assertEquals(side.send(continuation(1, bomb)), ["RST_STREAM 1 2"]);
});

Deno.test("T37 a peer that pings and never reads is cut at the limit of control frames", () => {
  const side = openServer({ maxOutboundControlFrames: 50 });
  const pings = concat(...Array.from({ length: 100 }, ping));
  side.error = side.codec.dispatch(pings);
  assertEquals(side.error, {
    kind: "flood",
    details: "Too many control frames in the outbound queue.",
  });
  assertOk(side.transport.output.length < 60 * 17);
  assertEquals(side.stats.counts.outbound_control_flood, 1);
});

Deno.test("T37 a peer that reads may ping as often as it likes", () => {
  const side = openServer({ maxOutboundControlFrames: 10 });
  assertEquals(sendsUntilError(side, ping, 1000), 1001);
});

Deno.test("T37 a peer that keeps up with a queue never empty is not taken for a flood", () => {
  const side = openServer({ maxOutboundFrames: 2000, maxOutboundControlFrames: 2000 });
  for (let i = 0; i < 20000; i++) {
    side.error = side.codec.dispatch(ping());
    assertEquals(side.error, undefined);
    const waiting = side.transport.output.peek()!;
    if (side.transport.output.length > 9000) {
      side.transport.output.consume(Math.min(4500, waiting.length));
    }
  }
});

Deno.test("T38 SETTINGS with too many entries", () => {
  const entries = Array.from({ length: 65 }, () => [1, 4096] as const);
  assertEquals(openServer().send(settings(...entries)), ["GOAWAY 0 11"]);
});

const EMPTY: readonly { name: string; frames: Uint8Array[] }[] = [
  { name: "DATA", frames: [data(1, ""), data(1, "")] },
  { name: "DATA of padding", frames: [frame(0, PADDED, 1, [2, 0, 0]), frame(0, PADDED, 1, [0])] },
];
for (const row of EMPTY) {
  Deno.test(`T40 the second empty frame in a row ends the connection: ${row.name}`, () => {
    const side = openServer({}, headers(1, post(), END_HEADERS));
    assertEquals(side.send(row.frames[0]!), []);
    assertEquals(side.send(row.frames[1]!), ["GOAWAY 1 11"]);
    assertEquals(side.error?.details, "Too many consecutive frames with an empty payload");
  });
}

Deno.test("T40 PRIORITY: a hundred for each stream and one more", () => {
  const side = openServer({}, headers(1, get()));
  const sends = sendsUntilError(side, () => frame(2, 0, 3, [0, 0, 0, 0, 1]), 1000);
  assertEquals([sends, side.error?.details], [201, "Too many PRIORITY frames"]);
  assertEquals(side.stats.counts.inbound_priority_frames_flood, 1);
});

Deno.test("T41 one-byte DATA passes and leaves nothing behind", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS));
  const one = concat(...Array.from({ length: 1000 }, () => data(1, "x")));
  for (let i = 0; i < 100; i++) side.send(one);
  assertEquals(side.error, undefined);
});

Deno.test("T43 WINDOW_UPDATE: five, and two for each stream and ten for each DATA frame", () => {
  const side = openServer({}, headers(1, get()));
  const sends = sendsUntilError(side, () => windowUpdate(0, 1), 1000);
  assertEquals([sends, side.error?.details], [8, "Too many WINDOW_UPDATE frames"]);
});

Deno.test("T44 a stream above the limit is refused until our SETTINGS are acknowledged", () => {
  const side = newServer({ maxConcurrentStreams: 1 });
  side.send(PREFACE, settings(), headers(1, get()));
  assertEquals(side.send(headers(3, get())), ["RST_STREAM 3 7"]);
  assertEquals(side.send(settingsAck(), headers(5, get())), ["GOAWAY 5 1"]);
  assertEquals(side.stats.counts.stream_refused_errors, 2);
});

Deno.test("T46 frames after our reset are dropped in silence", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS));
  side.streams[0]!.encoder.reset("local_reset");
  side.answers();
  const late = concat(data(1, "x"), headers(1, [["x-t", "1"]]), rst(1, 8), windowUpdate(1, 1));
  assertEquals(side.send(late), []);
  assertEquals(side.error, undefined);
});
