/** Retry conditions by their names in policies and headers, as bits; and what they say of an outcome. */

import { H, type HeaderMap } from "../http/mod.ts";
import { grpcStatus, parseUnsigned } from "./grpc.ts";
import type { AttemptResetReason } from "./reset_reason.ts";

/** Bit of each condition. */
export const RETRY_ON = {
  any5xx: 1 << 0,
  gatewayError: 1 << 1,
  connectFailure: 1 << 2,
  retriable4xx: 1 << 3,
  refusedStream: 1 << 4,
  grpcCancelled: 1 << 5,
  grpcDeadlineExceeded: 1 << 6,
  grpcResourceExhausted: 1 << 7,
  grpcUnavailable: 1 << 8,
  grpcInternal: 1 << 9,
  retriableStatusCodes: 1 << 10,
  reset: 1 << 11,
  retriableHeaders: 1 << 12,
  envoyRateLimited: 1 << 13,
  http3PostConnectFailure: 1 << 14,
  resetBeforeRequest: 1 << 15,
} as const;

const NAMES: ReadonlyMap<string, number> = new Map([
  ["5xx", RETRY_ON.any5xx],
  ["gateway-error", RETRY_ON.gatewayError],
  ["connect-failure", RETRY_ON.connectFailure],
  ["envoy-ratelimited", RETRY_ON.envoyRateLimited],
  ["retriable-4xx", RETRY_ON.retriable4xx],
  ["refused-stream", RETRY_ON.refusedStream],
  ["retriable-status-codes", RETRY_ON.retriableStatusCodes],
  ["retriable-headers", RETRY_ON.retriableHeaders],
  ["reset", RETRY_ON.reset],
  ["reset-before-request", RETRY_ON.resetBeforeRequest],
  ["http3-post-connect-failure", RETRY_ON.http3PostConnectFailure],
]);

const GRPC_NAMES: ReadonlyMap<string, number> = new Map([
  ["cancelled", RETRY_ON.grpcCancelled],
  ["deadline-exceeded", RETRY_ON.grpcDeadlineExceeded],
  ["resource-exhausted", RETRY_ON.grpcResourceExhausted],
  ["unavailable", RETRY_ON.grpcUnavailable],
  ["internal", RETRY_ON.grpcInternal],
]);

/** Conditions by gRPC status. */
const GRPC_BITS: Readonly<Record<number, number>> = {
  1: RETRY_ON.grpcCancelled,
  4: RETRY_ON.grpcDeadlineExceeded,
  8: RETRY_ON.grpcResourceExhausted,
  13: RETRY_ON.grpcInternal,
  14: RETRY_ON.grpcUnavailable,
};

const ANY_GRPC = Object.values(GRPC_BITS).reduce((all, bit) => all | bit, 0);

/** Parsed conditions; `allKnown` is false where a name means nothing. */
export interface ParsedConditions {
  readonly bits: number;
  readonly allKnown: boolean;
}

function parse(text: string, names: ReadonlyMap<string, number>): ParsedConditions {
  let bits = 0;
  let allKnown = true;
  for (const token of text.split(",")) {
    const name = token.trim();
    if (name === "") continue;
    const bit = names.get(name);
    if (bit === undefined) allKnown = false;
    else bits |= bit;
  }
  return { bits, allKnown };
}

/** Reads `x-envoy-retry-on`. */
export function parseRetryOn(text: string): ParsedConditions {
  return parse(text, NAMES);
}

/** Reads `x-envoy-retry-grpc-on`. */
export function parseRetryGrpcOn(text: string): ParsedConditions {
  return parse(text, GRPC_NAMES);
}

/** Reads `retry_on` of a policy, which may hold names of both kinds. */
export function parsePolicyRetryOn(text: string): number {
  return parseRetryOn(text).bits | parseRetryGrpcOn(text).bits;
}

/** Numbers of a comma-separated list; what is none is left out. */
export function parseStatusList(text: string): number[] {
  const statuses: number[] = [];
  for (const token of text.split(",")) {
    const status = parseUnsigned(token.trim());
    if (status !== undefined) statuses.push(status);
  }
  return statuses;
}

/** Conditions of one request, its policy's and its headers' joined. */
export interface RetryConditions {
  readonly bits: number;
  isRetriableStatus(status: number): boolean;
  isRetriableResponse(headers: HeaderMap): boolean;
}

/** Whether a response calls for another try. */
export function retriesResponse(
  conditions: RetryConditions,
  headers: HeaderMap,
  status: number,
): boolean {
  const { bits } = conditions;
  // A rate limit is no failure of the host: other reasons must not hammer on it.
  if (headers.hasId(H.xEnvoyRatelimited)) return (bits & RETRY_ON.envoyRateLimited) !== 0;
  if ((bits & RETRY_ON.any5xx) !== 0 && status >= 500 && status < 600) return true;
  if ((bits & RETRY_ON.gatewayError) !== 0 && status >= 502 && status <= 504) return true;
  if ((bits & RETRY_ON.retriable4xx) !== 0 && status === 409) return true;
  if ((bits & RETRY_ON.retriableStatusCodes) !== 0 && conditions.isRetriableStatus(status)) {
    return true;
  }
  if ((bits & RETRY_ON.retriableHeaders) !== 0 && conditions.isRetriableResponse(headers)) {
    return true;
  }
  if ((bits & ANY_GRPC) !== 0) {
    const grpc = grpcStatus(headers);
    if (grpc !== undefined && (bits & (GRPC_BITS[grpc] ?? 0)) !== 0) return true;
  }
  return false;
}

/**
 * Whether an attempt that ended without a response calls for another try.
 * @param wasSent whether any of the request had been written to the upstream
 */
export function retriesReset(bits: number, reason: AttemptResetReason, wasSent: boolean): boolean {
  if (reason === "overflow" || reason === "connect_error") return false;
  if ((bits & RETRY_ON.reset) !== 0) return true;
  if ((bits & RETRY_ON.resetBeforeRequest) !== 0 && !wasSent) return true;
  // A reset becomes a 503.
  if ((bits & (RETRY_ON.any5xx | RETRY_ON.gatewayError)) !== 0) return true;
  if ((bits & RETRY_ON.refusedStream) !== 0 && reason === "remote_refused_stream") return true;
  return (bits & RETRY_ON.connectFailure) !== 0 &&
    (reason === "local_connection_failure" || reason === "remote_connection_failure" ||
      reason === "connection_timeout");
}
