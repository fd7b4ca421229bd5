/** Durations and percentages of messages in the units of this room. */

import type { envoy_type_v3_Percent, google_protobuf_Duration } from "../proto/mod.ts";

/** Milliseconds with fractions, or `fallback` where no duration is given. */
export function durationMs(
  duration: google_protobuf_Duration | undefined,
  fallback: number,
): number {
  if (duration === undefined) return fallback;
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** 0–1; 0 if absent. */
export function percentShare(percent: envoy_type_v3_Percent | undefined): number {
  return (percent?.value ?? 0) / 100;
}
