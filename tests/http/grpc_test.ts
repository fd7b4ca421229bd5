/** gRPC's content type, statuses and timeouts, as Envoy reads them. */

import {
  grpcStatusOfHttp,
  HeaderMap,
  isGrpcRequest,
  parseGrpcTimeout,
} from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

const STATUSES = [
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
  [500, 2],
  [418, 2],
] as const;

for (const [http, grpc] of STATUSES) {
  Deno.test(`HTTP ${http} is gRPC status ${grpc}`, () => {
    assertEquals(grpcStatusOfHttp(http), grpc);
  });
}

const TYPES = [
  ["application/grpc", true],
  ["application/grpc+proto", true],
  ["application/grpc;charset=utf-8", false],
  ["application/grpc-web", false],
  ["application/grpcx", false],
  ["text/plain", false],
] as const;

for (const [type, want] of TYPES) {
  Deno.test(`A request of type ${type} is ${want ? "" : "not "}gRPC`, () => {
    assertEquals(isGrpcRequest(HeaderMap.of(["content-type", type])), want);
  });
}

Deno.test("Without headers or content type nothing is gRPC", () => {
  assertEquals([isGrpcRequest(undefined), isGrpcRequest(new HeaderMap())], [false, false]);
});

const TIMEOUTS = [
  ["5S", 5000],
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["10m", 10],
  ["1500u", 2],
  ["1n", 1],
  ["0m", 0],
  ["99999999H", 359_999_996_400_000],
  ["S", undefined],
  ["5", undefined],
  ["5x", undefined],
  ["123456789S", undefined],
  ["-1S", undefined],
  ["", undefined],
  [undefined, undefined],
] as const;

for (const [text, want] of TIMEOUTS) {
  Deno.test(`grpc-timeout ${text} is ${want} ms`, () => {
    assertEquals(parseGrpcTimeout(text), want);
  });
}
