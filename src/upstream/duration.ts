/** Durations of messages in the units the room counts in. */

import type { google_protobuf_Duration } from "../proto/mod.ts";

/** Milliseconds of a duration, with fractions. */
export function durationMs(duration: google_protobuf_Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Milliseconds, or `fallback` where no duration is given. */
export function durationMsOr(
  duration: google_protobuf_Duration | undefined,
  fallback: number,
): number {
  return duration === undefined ? fallback : durationMs(duration);
}
