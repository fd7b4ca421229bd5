/** How long a stream may live: the route's bounds before the manager's (Envoy's refreshDurationTimeout). */

import { H, type HeaderMap, parseGrpcTimeout } from "../http/mod.ts";
import type { RouteAction } from "../route/mod.ts";

/** Milliseconds since the stream began; Infinity: no bound. */
export function streamDurationMs(
  action: RouteAction,
  headers: HeaderMap,
  managerMs: number,
): number {
  const bounds = action.maxStreamDuration;
  const grpcMs = parseGrpcTimeout(headers.getId(H.grpcTimeout));
  const grpcMaxMs = bounds?.grpcTimeoutHeaderMaxMs;
  if (grpcMs === undefined || grpcMaxMs === undefined) {
    const ms = bounds?.maxStreamDurationMs ?? managerMs;
    return ms === 0 ? Infinity : ms;
  }
  let ms = grpcMaxMs !== 0 && grpcMs > grpcMaxMs ? grpcMaxMs : grpcMs;
  const offsetMs = bounds?.grpcTimeoutHeaderOffsetMs;
  if (ms !== 0 && offsetMs !== undefined) ms = offsetMs < ms ? ms - offsetMs : 0;
  return ms;
}
