/** Durations of messages in milliseconds. */

/** google.protobuf.Duration, as far as it is read here: this room knows no messages. */
export interface DurationMessage {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** Milliseconds of a duration, with fractions. */
export function durationMs(duration: DurationMessage): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** Milliseconds with fractions, or `fallback` where no duration is given. */
export function durationMsOr<Fallback>(
  duration: DurationMessage | undefined,
  fallback: Fallback,
): number | Fallback {
  return duration === undefined ? fallback : durationMs(duration);
}
