/** Stream info: what a fresh one says, and how its flags are set. */

import { FLAG, FLAG_NAMES, formatFlags, newUpstreamInfo, StreamInfo } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeConnection, fakeStreamInfo } from "../support/fakes/stream_info.ts";

Deno.test("A fresh stream has its start and the connection's peer, and nothing has happened", () => {
  const connection = fakeConnection();
  const info = new StreamInfo(connection, 12.5, 1_700_000_000_001);
  assertEquals([info.startMs, info.startWallMs], [12.5, 1_700_000_000_001]);
  assertEquals(info.remoteAddress, connection.remoteAddress);
  assertEquals([info.responseCode, info.responseCodeDetails, info.attemptCount], [0, "", 0]);
  const times = [
    info.lastDownstreamRxMs,
    info.firstDownstreamTxMs,
    info.lastDownstreamTxMs,
    info.lastAckMs,
    info.endMs,
  ];
  assertEquals(times, [-1, -1, -1, -1, -1]);
  assertEquals([info.route, info.upstream, info.upstreamCluster], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals([info.flags, info.flagOrder, formatFlags(info, 0)], [0, 0, "-"]);
});

Deno.test("A stream's peer may be another than its connection's", () => {
  const info = fakeStreamInfo();
  info.remoteAddress = { kind: "ip", host: "192.0.2.1", port: 0 };
  assertEquals(info.connection.remoteAddress, { kind: "ip", host: "10.0.0.7", port: 4711 });
});

const FLAG_ROWS = [
  { name: "one", set: [FLAG.noRouteFound], want: "NR" },
  { name: "two in order", set: [FLAG.upstreamOverflow, FLAG.noHealthyUpstream], want: "UO,UH" },
  { name: "one twice", set: [FLAG.localReset, FLAG.localReset], want: "LR" },
  {
    name: "one again after another",
    set: [FLAG.streamIdleTimeout, FLAG.durationTimeout, FLAG.streamIdleTimeout],
    want: "SI,DT",
  },
] as const;

for (const { name, set, want } of FLAG_ROWS) {
  Deno.test(`setFlag: ${name}`, () => {
    const info = fakeStreamInfo();
    for (const flag of set) info.setFlag(flag);
    assertEquals(formatFlags(info, 0), want);
    for (const flag of set) assertEquals(info.hasFlag(flag), true);
    assertEquals(info.hasFlag(FLAG.rateLimited), false);
  });
}

Deno.test("Every flag is one bit of its own and has two names", () => {
  const bits = Object.values(FLAG);
  assertEquals(bits.length, FLAG_NAMES.length);
  bits.forEach((flag, bit) => {
    assertEquals(flag, 1 << bit);
    const info = fakeStreamInfo();
    info.setFlag(flag);
    assertEquals([formatFlags(info, 0), formatFlags(info, 1)], [...FLAG_NAMES[bit]!]);
  });
});

Deno.test("Ten flags keep their order", () => {
  const info = fakeStreamInfo();
  const bits = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
  for (const bit of bits) info.setFlag(1 << bit);
  assertEquals(formatFlags(info, 0), bits.map((bit) => FLAG_NAMES[bit]![0]).join(","));
});

Deno.test("A fresh upstream record knows its cluster only", () => {
  const info = newUpstreamInfo("backend");
  assertEquals([info.cluster, info.address, info.hostname], ["backend", undefined, ""]);
  assertEquals([info.connectStartMs, info.firstRxMs, info.wireBytesSent], [-1, -1, 0]);
});

Deno.test("A stream sees what its connection shares, and cannot take its place", () => {
  const info = fakeStreamInfo();
  const object = (text: string) => ({ serialize: () => text, json: () => text });
  info.setStateObject("own", object("stream"));
  info.connectionState = new Map([["shared", object("connection")]]);
  info.setStateObject("shared", object("stream"));
  const texts = ["own", "shared", "none"].map((key) => info.stateObject(key)?.serialize());
  assertEquals(texts, ["stream", "connection", undefined]);
});

Deno.test("Dynamic metadata of one filter grows value by value", () => {
  const info = fakeStreamInfo();
  info.setDynamicMetadata("a", "x", 1);
  info.setDynamicMetadata("a", "y", [2]);
  info.setDynamicMetadata("b", "x", "3");
  info.setDynamicMetadata("a", "x", null);
  assertEquals(info.dynamicMetadata, { a: { x: null, y: [2] }, b: { x: "3" } });
});
