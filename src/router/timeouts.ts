/** Timeouts of one request: of its route, its headers and gRPC, and what the upstream is told of them. */

import { H, type HeaderMap, parseGrpcTimeout } from "../http/mod.ts";
import type { RetryPolicy, RouteAction } from "../route/mod.ts";
import { parseUnsigned, setGrpcTimeout } from "./grpc.ts";

/** In milliseconds; 0 is no timeout. */
export interface RequestTimeouts {
  globalMs: number;
  perTryMs: number;
  perTryIdleMs: number;
}

/** What the timeouts depend on besides route and headers. */
export interface TimeoutOptions {
  readonly isGrpc: boolean;
  readonly hedges: boolean;
  /** Sets x-envoy-expected-rq-timeout-ms. */
  readonly tellsUpstream: boolean;
  /** Takes x-envoy-expected-rq-timeout-ms of the request as its timeout. */
  readonly respectsExpected: boolean;
}

/** Settles the timeouts; removes the headers that asked for them and tells the upstream. */
export function settleTimeouts(
  action: RouteAction,
  retryPolicy: RetryPolicy | undefined,
  { headers, options }: { readonly headers: HeaderMap; readonly options: TimeoutOptions },
): RequestTimeouts {
  const timeouts: RequestTimeouts = {
    globalMs: routeTimeout(action, headers, options.isGrpc),
    perTryMs: retryPolicy?.perTryTimeoutMs ?? 0,
    perTryIdleMs: retryPolicy?.perTryIdleTimeoutMs ?? 0,
  };
  const expected = options.respectsExpected
    ? headers.getId(H.xEnvoyExpectedRqTimeoutMs)
    : undefined;
  if (expected !== undefined) {
    timeouts.globalMs = parseUnsigned(expected) ?? timeouts.globalMs;
  } else {
    const asked = headers.getId(H.xEnvoyUpstreamRqTimeoutMs);
    if (asked !== undefined) {
      timeouts.globalMs = parseUnsigned(asked) ?? timeouts.globalMs;
      headers.removeId(H.xEnvoyUpstreamRqTimeoutMs);
    }
  }
  const perTry = headers.getId(H.xEnvoyUpstreamRqPerTryTimeoutMs);
  if (perTry !== undefined && perTry !== "") {
    timeouts.perTryMs = parseUnsigned(perTry) ?? timeouts.perTryMs;
    headers.removeId(H.xEnvoyUpstreamRqPerTryTimeoutMs);
  }
  // One that is no shorter than the whole has no meaning.
  if (timeouts.globalMs !== 0 && timeouts.perTryMs >= timeouts.globalMs) timeouts.perTryMs = 0;
  tellTimeout(timeouts, 0, { action, headers, options });
  return timeouts;
}

/** The timeout by the route alone. */
function routeTimeout(action: RouteAction, headers: HeaderMap, isGrpc: boolean): number {
  // Routes with max_stream_duration are limited by that; the connection manager sees to it.
  if (action.maxStreamDuration !== undefined) return 0;
  const maxMs = action.maxGrpcTimeoutMs;
  if (!isGrpc || maxMs === undefined) return action.timeoutMs;
  let timeoutMs = parseGrpcTimeout(headers.getId(H.grpcTimeout)) ?? 0;
  const offsetMs = action.grpcTimeoutOffsetMs;
  if (offsetMs !== undefined && offsetMs < timeoutMs) timeoutMs -= offsetMs;
  if (maxMs !== 0 && (timeoutMs === 0 || timeoutMs > maxMs)) timeoutMs = maxMs;
  return timeoutMs;
}

/** Tells the upstream how long it has, of what is left after `elapsedMs`. */
export function tellTimeout(
  timeouts: RequestTimeouts,
  elapsedMs: number,
  request: {
    readonly action: RouteAction;
    readonly headers: HeaderMap;
    readonly options: TimeoutOptions;
  },
): void {
  const { action, headers, options } = request;
  let expectedMs = timeouts.perTryMs;
  if (options.hedges || expectedMs === 0) expectedMs = timeouts.globalMs;
  if (expectedMs <= 0) return;
  if (timeouts.globalMs > 0) {
    // 0 would mean no timeout at all: out of time is told as 1.
    expectedMs = elapsedMs >= timeouts.globalMs
      ? 1
      : Math.min(expectedMs, timeouts.globalMs - elapsedMs);
  }
  if (options.tellsUpstream) headers.setId(H.xEnvoyExpectedRqTimeoutMs, String(expectedMs));
  if (
    options.isGrpc && action.maxStreamDuration === undefined &&
    action.maxGrpcTimeoutMs !== undefined
  ) {
    setGrpcTimeout(headers, expectedMs);
  }
}

/** Whether a try that takes too long is kept while another one is made. */
export function settleHedging(action: RouteAction, headers: HeaderMap): boolean {
  const asked = headers.getId(H.xEnvoyHedgeOnPerTryTimeout);
  if (asked !== undefined) {
    headers.removeId(H.xEnvoyHedgeOnPerTryTimeout);
    if (asked === "true") return true;
    if (asked === "false") return false;
  }
  return action.hedgePolicy?.hedgeOnPerTryTimeout ?? false;
}
