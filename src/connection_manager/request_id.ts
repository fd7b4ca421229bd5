/**
 * x-request-id: made for requests that lack it, kept or replaced at the edge, and read for trace
 * sampling: the version nibble of the UUID tells why a request is traced (Envoy's UUID extension).
 *
 *   4 not traced   9 sampled   a forced by x-envoy-force-trace   b asked for by the client
 */

import type { Random } from "../base/mod.ts";
import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type { RouteTracing } from "../route/mod.ts";
import type { Runtime, RuntimeFraction } from "../runtime/mod.ts";

export interface RequestIdOptions {
  readonly generates: boolean;
  readonly preservesExternal: boolean;
  readonly alwaysInResponse: boolean;
  /** The nibble is rewritten to tell the trace reason. */
  readonly packsTraceReason: boolean;
  /** Sampling is decided by the id; else every request counts as sampled. */
  readonly usesIdForSampling: boolean;
}

/** Shares of requests that are traced. */
export interface SamplingOptions {
  readonly client: RuntimeFraction;
  readonly random: RuntimeFraction;
  readonly overall: RuntimeFraction;
}

export type TraceReason = StreamInfo["traceReason"];

const NIBBLE_AT = 14;
const UUID_LENGTH = 36;
const NIBBLES: Readonly<Record<TraceReason, string>> = {
  not_traced: "4",
  sampled: "9",
  forced: "a",
  client: "b",
};

/** Makes sure that the request has an id, or that an external one is not trusted. */
export function settleRequestId(
  headers: HeaderMap,
  options: RequestIdOptions,
  isEdge: boolean,
  random: Random,
): void {
  if (!options.generates) return;
  if (!headers.hasId(H.xRequestId)) {
    headers.setId(H.xRequestId, random.uuid());
    return;
  }
  if (!isEdge) return;
  if (!options.preservesExternal) headers.setId(H.xRequestId, random.uuid());
  else if (options.packsTraceReason) setTraceReason(headers, "not_traced");
}

/** Decides whether the request is traced and writes that into its id. */
export function settleTracing(
  headers: HeaderMap,
  options: RequestIdOptions,
  sampling: SamplingOptions,
  route: RouteTracing | undefined,
  runtime: Runtime,
): TraceReason {
  if (!options.usesIdForSampling) return "sampled";
  const number = requestIdNumber(headers.getId(H.xRequestId));
  if (number < 0) return "not_traced";
  let reason = traceReasonOf(headers.getId(H.xRequestId)!);
  if (reason === "not_traced") {
    reason = freshReason(headers, sampling, route, runtime, number);
    if (reason !== "not_traced" && options.packsTraceReason) setTraceReason(headers, reason);
  }
  const overall = route?.overallSampling ?? sampling.overall;
  if (reason !== "not_traced" && !runtime.fractionEnabled(overall, number)) {
    reason = "not_traced";
    if (options.packsTraceReason) setTraceReason(headers, reason);
  }
  return reason;
}

function freshReason(
  headers: HeaderMap,
  sampling: SamplingOptions,
  route: RouteTracing | undefined,
  runtime: Runtime,
  number: number,
): TraceReason {
  const client = route?.clientSampling ?? sampling.client;
  if (headers.hasId(H.xClientTraceId) && runtime.fractionEnabled(client, number)) return "client";
  if (headers.hasId(H.xEnvoyForceTrace)) return "forced";
  const random = route?.randomSampling ?? sampling.random;
  return runtime.fractionEnabled(random, number) ? "sampled" : "not_traced";
}

/** The first eight digits of an id as a number, -1 if it has none. */
function requestIdNumber(id: string | undefined): number {
  if (id === undefined || id.length < 8) return -1;
  let number = 0;
  for (let i = 0; i < 8; i++) {
    const code = id.charCodeAt(i);
    const lower = code | 32;
    const digit = code >= 0x30 && code <= 0x39
      ? code - 0x30
      : lower >= 0x61 && lower <= 0x66
      ? lower - 0x57
      : -1;
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

/** Why the sender of this id traces the request. */
export function traceReasonOf(id: string): TraceReason {
  if (id.length !== UUID_LENGTH) return "not_traced";
  switch (id[NIBBLE_AT]) {
    case "9":
      return "sampled";
    case "a":
      return "forced";
    case "b":
      return "client";
    default:
      return "not_traced";
  }
}

function setTraceReason(headers: HeaderMap, reason: TraceReason): void {
  const id = headers.getId(H.xRequestId);
  if (id === undefined || id.length !== UUID_LENGTH) return;
  headers.setId(
    H.xRequestId,
    id.slice(0, NIBBLE_AT) + NIBBLES[reason] + id.slice(NIBBLE_AT + 1),
  );
}
