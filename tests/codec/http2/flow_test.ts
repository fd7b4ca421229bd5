import { createHttp2ServerConnection } from "../../../src/codec/mod.ts";
import { HeaderMap } from "../../../src/http/mod.ts";
import { ReceiveWindow, SendWindow } from "../../../src/codec/http2/flow_window.ts";
import { PendingData } from "../../../src/codec/http2/pending_data.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import {
  concat,
  data,
  END_HEADERS,
  END_STREAM,
  FakeStats,
  FakeTransport,
  frame,
  get,
  headers,
  openServer,
  OPTIONS,
  PADDED,
  post,
  PREFACE,
  Recorder,
  rst,
  type Server,
  settings,
  settingsAck,
  windowUpdate,
} from "./dialogue.ts";

const OK = HeaderMap.of([":status", "200"]);

/** A server whose peer has asked for `count` responses. */
function asked(count: number, ...more: readonly Uint8Array[]): Server {
  const requests = Array.from({ length: count }, (_, i) => headers(i * 2 + 1, get()));
  const side = openServer({ streamBufferLimitBytes: 100000 }, ...more, ...requests);
  for (const stream of side.streams) stream.encoder.encodeHeaders(OK, false);
  side.answers();
  return side;
}

/** Sum of the DATA of each stream. */
function sums(answers: readonly string[]): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const text of answers) {
    const match = /^DATA (\d+)(?: END)? (\d+)$/.exec(text);
    if (match !== null) bytes[match[1]!] = (bytes[match[1]!] ?? 0) + Number(match[2]);
  }
  return bytes;
}

Deno.test("ReceiveWindow gives back when half of it is consumed, §6.9", () => {
  const window = new ReceiveWindow(100);
  assertEquals(window.take(80), true);
  assertEquals(window.take(21), false);
  assertEquals([window.consume(49), window.consume(1), window.available], [0, 50, 70]);
  assertThrows(() => window.take(-1), /RangeError/);
});

Deno.test("SendWindow may be negative and may not overflow, §6.9.1, §6.9.2", () => {
  const window = new SendWindow(10);
  assertEquals([window.add(-20), window.size], [true, -10]);
  assertEquals([window.add(0x7fffffff), window.add(20)], [true, false]);
});

Deno.test("PendingData keeps order and puts small pieces together", () => {
  const pending = new PendingData();
  for (let i = 0; i < 10000; i++) pending.append(Uint8Array.of(i & 255), 0, 1);
  let next = 0;
  while (pending.length > 0) {
    const bytes = pending.peek(777);
    for (const byte of bytes) assertEquals(byte, next++ & 255);
    pending.drop(bytes.length);
  }
  assertEquals(next, 10000);
});

Deno.test("a body stops at the stream's window and goes on with WINDOW_UPDATE", () => {
  const side = asked(1, settings([4, 1000]), windowUpdate(0, 1000000));
  side.streams[0]!.encoder.encodeData(new Uint8Array(2500), true);
  assertEquals(side.answers(), ["DATA 1 1000"]);
  assertEquals(side.streams[0]!.encoder.bufferedBytes, 1500);
  assertEquals(side.send(windowUpdate(1, 1400)), ["DATA 1 1400"]);
  assertEquals(side.send(windowUpdate(1, 1400)), ["DATA 1 END 100"]);
  assertEquals(side.codec.activeStreams, 0);
});

Deno.test("INITIAL_WINDOW_SIZE moves open windows, below zero too, §6.9.2", () => {
  const side = asked(1, settings([4, 1000]));
  side.streams[0]!.encoder.encodeData(new Uint8Array(1500), false);
  assertEquals(side.answers(), ["DATA 1 1000"]);
  assertEquals(side.send(settings([4, 500])), ["SETTINGS ACK"]);
  assertEquals(side.send(windowUpdate(1, 500)), []);
  assertEquals(side.send(settings([4, 600])), ["SETTINGS ACK", "DATA 1 100"]);
});

Deno.test("streams take turns for the connection's window", () => {
  const side = asked(3, settings([4, 1000000]));
  side.streams[0]!.encoder.encodeData(new Uint8Array(65535), false);
  for (const stream of side.streams) stream.encoder.encodeData(new Uint8Array(50000), true);
  side.answers();
  assertEquals(sums(side.send(windowUpdate(0, 16384 * 6))), { 1: 32768, 3: 32768, 5: 32768 });
  assertEquals(sums(side.send(windowUpdate(0, 1000000))), { 1: 17232, 3: 17232, 5: 17232 });
  assertEquals(side.codec.activeStreams, 0);
});

Deno.test("trailers wait behind the body", () => {
  const side = asked(1, settings([4, 10]));
  side.streams[0]!.encoder.encodeData(new Uint8Array(15), false);
  side.streams[0]!.encoder.encodeTrailers(HeaderMap.of(["x-t", "1"]));
  assertEquals(side.answers(), ["DATA 1 10"]);
  assertEquals(side.send(windowUpdate(1, 10)), ["DATA 1 5", "HEADERS 1 END x-t=1"]);
});

Deno.test("T42 a reader that stalls stops the source once, and starts it again below half", () => {
  const side = asked(1);
  const stream = side.streams[0]!;
  for (let i = 0; i < 20; i++) stream.encoder.encodeData(new Uint8Array(10000), false);
  assertEquals(stream.events.slice(1), ["above"]);
  side.send(windowUpdate(1, 60000), windowUpdate(0, 60000));
  assertEquals(stream.events.slice(1), ["above"]);
  side.send(windowUpdate(1, 60000), windowUpdate(0, 60000));
  assertEquals(stream.events.slice(1), ["above", "below"]);
});

Deno.test("T42 a finished response that the peer never lets out is cut", () => {
  const side = asked(1, settings([4, 0]));
  side.streams[0]!.encoder.encodeData(new Uint8Array(10), true);
  side.transport.now += 5000;
  assertEquals(side.codec.resetStalledStreams(6000), 0);
  side.transport.now += 5000;
  assertEquals(side.codec.resetStalledStreams(6000), 1);
  assertEquals(side.answers(), ["RST_STREAM 1 0"]);
  assertEquals([side.codec.activeStreams, side.stats.counts.tx_flush_timeout], [0, 1]);
});

Deno.test("a reset waits for a response that is complete but for the window", () => {
  const side = openServer({}, settings([4, 5]), headers(1, post(), END_HEADERS));
  const { encoder } = side.streams[0]!;
  encoder.encodeHeaders(OK, false);
  encoder.encodeData(new Uint8Array(8), true);
  encoder.reset("local_reset");
  assertEquals(side.answers(), ["HEADERS 1 :status=200", "DATA 1 5"]);
  assertEquals(side.send(windowUpdate(1, 5)), ["DATA 1 END 3", "RST_STREAM 1 0"]);
});

Deno.test("a stream that goes while in line leaves the others their turn", () => {
  const side = asked(3, settings([4, 1000000]));
  side.streams[0]!.encoder.encodeData(new Uint8Array(65535), false);
  for (const stream of side.streams) stream.encoder.encodeData(new Uint8Array(100), true);
  side.answers();
  side.send(rst(3, 8));
  assertEquals(sums(side.send(windowUpdate(0, 1000))), { 1: 100, 5: 100 });
});

Deno.test("the transport's watermarks reach all streams, later ones too", () => {
  const side = asked(1);
  side.codec.onUnderlyingAboveWriteBufferHighWatermark();
  side.send(headers(3, get()));
  side.codec.onUnderlyingBelowWriteBufferLowWatermark();
  assertEquals(side.streams.map((stream) => stream.events.filter((e) => e.length < 6)), [
    ["above", "below"],
    ["above", "below"],
  ]);
});

Deno.test("received bytes are given back as they are consumed, padding at once", () => {
  const side = openServer({ initialStreamWindowSize: 1000 }, headers(1, post(), END_HEADERS));
  assertEquals(side.send(data(1, "x".repeat(400))), []);
  assertEquals(side.send(frame(0, PADDED, 1, new Uint8Array(100).fill(99, 0, 1))), [
    "WINDOW_UPDATE 1 500",
  ]);
});

Deno.test("a paused user withholds WINDOW_UPDATE, and gives it when it resumes", () => {
  const side = openServer({ initialStreamWindowSize: 1000 }, headers(1, post(), END_HEADERS));
  const { encoder } = side.streams[0]!;
  encoder.readDisable(true);
  encoder.readDisable(true);
  assertEquals(side.send(data(1, "x".repeat(1000))), []);
  encoder.readDisable(false);
  assertEquals(side.answers(), []);
  encoder.readDisable(false);
  assertEquals([side.answers(), side.resumables], [[], 1]);
  assertEquals(side.codec.resume(), undefined);
  assertEquals(side.answers(), ["WINDOW_UPDATE 1 1000"]);
});

/** What a paused stream with 1000 bytes withheld does before its windows are given back. */
const RESUMES: readonly {
  readonly name: string;
  readonly act: (stream: Recorder, side: Server) => void;
  readonly want: readonly string[];
}[] = [
  { name: "reads on", act: () => {}, want: ["WINDOW_UPDATE 1 1000"] },
  {
    name: "is paused again by a reader that filled up",
    act: ({ encoder }) => encoder.readDisable(true),
    want: [],
  },
  {
    name: "is paused and goes on once more",
    act: ({ encoder }) => {
      encoder.readDisable(true);
      encoder.readDisable(false);
    },
    want: ["WINDOW_UPDATE 1 1000"],
  },
  {
    name: "is reset by its user",
    act: ({ encoder }, side) => {
      encoder.reset("local_reset");
      side.answers();
    },
    want: [],
  },
  { name: "is reset by the peer", act: (_stream, side) => void side.send(rst(1, 8)), want: [] },
  {
    name: "is of a connection that closed",
    act: (_stream, side) => side.codec.onConnectionClosed("connection_termination", ""),
    want: [],
  },
];

for (const row of RESUMES) {
  Deno.test(`the windows of a stream that ${row.name}`, () => {
    const side = openServer({ initialStreamWindowSize: 1000 }, headers(1, post(), END_HEADERS));
    const stream = side.streams[0]!;
    stream.encoder.readDisable(true);
    side.send(data(1, "x".repeat(1000)));
    stream.encoder.readDisable(false);
    row.act(stream, side);
    side.codec.resume();
    assertEquals(side.answers(), row.want);
    // Nothing is given back twice.
    side.codec.resume();
    assertEquals(side.answers(), []);
  });
}

Deno.test("windows withheld through two pauses come back once", () => {
  const side = openServer({ initialStreamWindowSize: 1000 }, headers(1, post(), END_HEADERS));
  const { encoder } = side.streams[0]!;
  encoder.readDisable(true);
  side.send(data(1, "x".repeat(600)));
  encoder.readDisable(false);
  encoder.readDisable(true);
  side.codec.resume();
  side.send(data(1, "x".repeat(400)));
  encoder.readDisable(false);
  side.codec.resume();
  assertEquals([side.answers(), side.resumables], [["WINDOW_UPDATE 1 1000"], 2]);
});

Deno.test("a user without onResumable gets windows back in a microtask", async () => {
  const transport = new FakeTransport();
  const stream = new Recorder();
  const codec = createHttp2ServerConnection(
    transport,
    { ...OPTIONS, initialStreamWindowSize: 10 },
    {
      newStream: (encoder) => {
        stream.encoder = encoder as Recorder["encoder"];
        return stream;
      },
      onGoAway() {},
    },
    new FakeStats(),
  );
  codec.dispatch(concat(PREFACE, settings(), settingsAck(), headers(1, post(), END_HEADERS)));
  stream.encoder.readDisable(true);
  codec.dispatch(data(1, "0123456789"));
  transport.take();
  stream.encoder.readDisable(false);
  assertEquals(transport.take().length, 0);
  await Promise.resolve();
  assertEquals(transport.take(), windowUpdate(1, 10));
});

Deno.test("a window that is overrun costs the stream, the connection's costs the connection", () => {
  const side = openServer({ initialStreamWindowSize: 10 }, headers(1, post(), END_HEADERS));
  assertEquals(side.send(data(1, "x".repeat(11))), ["RST_STREAM 1 3"]);
  const wide = openServer({ initialStreamWindowSize: 1000000 }, headers(1, post(), END_HEADERS));
  wide.streams[0]!.encoder.readDisable(true);
  const chunk = data(1, "x".repeat(16000));
  assertEquals(wide.send(chunk, chunk, chunk, chunk, chunk), ["GOAWAY 1 3"]);
});

Deno.test("a stream that ends gives the connection's window back, withheld bytes too", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS));
  side.streams[0]!.encoder.readDisable(true);
  const part = data(1, "x".repeat(16000));
  assertEquals(side.send(part, part, part), []);
  assertEquals(side.send(rst(1, 8)), ["WINDOW_UPDATE 0 48000"]);
  const late = openServer({}, headers(1, post(), END_HEADERS));
  late.onStream(late.streams[0]!);
  late.streams[0]!.encoder.reset("local_reset");
  late.answers();
  assertEquals(late.send(part, part, part), ["WINDOW_UPDATE 0 48000"]);
});

Deno.test("a reset from within decodeData drops the rest of the frame and keeps the windows", () => {
  const side = openServer({}, headers(1, post(), END_HEADERS));
  const stream = side.streams[0]!;
  stream.onData = () => stream.encoder.reset("local_reset");
  const body = concat(data(1, "x".repeat(16000), END_STREAM));
  side.send(body.subarray(0, 1000));
  side.send(body.subarray(1000), headers(3, post(), END_HEADERS));
  const part = data(3, "y".repeat(16000));
  assertEquals(side.send(part, part, part).filter((text) => text.startsWith("WINDOW_UPDATE 0")), [
    "WINDOW_UPDATE 0 48000",
  ]);
  assertEquals(side.error, undefined);
});
