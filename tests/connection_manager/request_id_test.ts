/** The trace reason in the request id, host changes, durations: small rules by table. */

import { SeededRandom } from "../../src/base/mod.ts";
import { stripPort, stripTrailingDot } from "../../src/connection_manager/host_normalize.ts";
import {
  settleRequestId,
  settleTracing,
  type TraceReason,
  traceReasonOf,
} from "../../src/connection_manager/request_id.ts";
import { H, HeaderMap } from "../../src/http/mod.ts";
import { Runtime, type RuntimeFraction } from "../../src/runtime/mod.ts";
import { assertEquals } from "../support/assert.ts";

const share = (percent: number): RuntimeFraction => ({
  numerator: percent * 100,
  denominator: 10_000,
  runtimeKey: "",
});
const options = {
  generates: true,
  preservesExternal: false,
  alwaysInResponse: false,
  packsTraceReason: true,
  usesIdForSampling: true,
};
const ID = "11111111-2222-4333-8444-555555555555";
const withNibble = (nibble: string): string => `11111111-2222-${nibble}333-8444-555555555555`;

interface Row {
  readonly name: string;
  readonly id: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly random: number;
  readonly overall?: number;
  readonly reason: TraceReason;
  readonly want: string;
}

const ROWS: readonly Row[] = [
  { name: "sampled at random", id: ID, random: 100, reason: "sampled", want: withNibble("9") },
  { name: "not sampled", id: ID, random: 0, reason: "not_traced", want: ID },
  {
    name: "forced by a header",
    id: ID,
    headers: [["x-envoy-force-trace", "true"]],
    random: 0,
    reason: "forced",
    want: withNibble("a"),
  },
  {
    name: "asked for by the client",
    id: ID,
    headers: [["x-client-trace-id", "t"]],
    random: 0,
    reason: "client",
    want: withNibble("b"),
  },
  {
    name: "the sender's reason stands",
    id: withNibble("b"),
    random: 0,
    reason: "client",
    want: withNibble("b"),
  },
  {
    name: "overall sampling ends it",
    id: ID,
    random: 100,
    overall: 0,
    reason: "not_traced",
    want: ID,
  },
  {
    name: "an id that is no UUID is not traced",
    id: "mine",
    random: 100,
    reason: "not_traced",
    want: "mine",
  },
];

for (const { name, id, headers = [], random, overall = 100, reason, want } of ROWS) {
  Deno.test(`Trace reason: ${name}`, () => {
    const map = HeaderMap.of(["x-request-id", id], ...headers);
    const sampling = { client: share(100), random: share(random), overall: share(overall) };
    assertEquals(settleTracing(map, options, sampling, undefined, new Runtime()), reason);
    assertEquals(map.getId(H.xRequestId), want);
  });
}

Deno.test("A preserved external id loses its trace reason", () => {
  const map = HeaderMap.of(["x-request-id", withNibble("9")]);
  settleRequestId(map, { ...options, preservesExternal: true }, true, new SeededRandom(1));
  assertEquals(map.getId(H.xRequestId), ID);
  assertEquals(traceReasonOf(ID), "not_traced");
});

const PORTS = [
  ["a.test:80", undefined, "a.test"],
  ["a.test:80", 80, "a.test"],
  ["a.test:81", 80, "a.test:81"],
  ["a.test", undefined, "a.test"],
  ["a.test:", undefined, "a.test:"],
  ["a.test:http", undefined, "a.test:http"],
  ["[::1]:80", undefined, "[::1]"],
  ["[::1]", undefined, "[::1]"],
] as const;

for (const [host, port, want] of PORTS) {
  Deno.test(`Port of ${host} stripped${port === undefined ? "" : ` if ${port}`}`, () => {
    assertEquals(stripPort(host, port), want);
  });
}

const DOTS = [["a.test.", "a.test"], ["a.test.:80", "a.test:80"], ["a.test", "a.test"], [
  "localhost",
  "localhost",
]] as const;

for (const [host, want] of DOTS) {
  Deno.test(`Trailing dot of ${host}`, () => assertEquals(stripTrailingDot(host), want));
}
