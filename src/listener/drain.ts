/**
 * When responses of a draining listener say that the connection ends: at once, or of more and more
 * of them as the drain time goes by, so that not all clients come back at the same moment (Envoy's
 * `--drain-strategy`).
 */

import type { Random } from "../base/mod.ts";

/** One in so many is the resolution of chance. */
const RESOLUTION = 1 << 20;

/** How long a drain takes and how it goes. */
export interface DrainTimes {
  /** Milliseconds until every response says so. */
  readonly drainTimeMs: number;
  /** `--drain-strategy immediate`: every response says so from the start. */
  readonly isImmediate: boolean;
}

/** The drain of one listener or of all; times in milliseconds of the turn clock. */
export class DrainSequence {
  readonly #times: DrainTimes;
  #beganAtMs: number | undefined = undefined;

  constructor(times: DrainTimes) {
    this.#times = times;
  }

  get hasBegun(): boolean {
    return this.#beganAtMs !== undefined;
  }

  /** A second call changes nothing. */
  begin(nowMs: number): void {
    this.#beganAtMs ??= nowMs;
  }

  /** Asked once a response: whether this one ends its connection. */
  endsNow(nowMs: number, random: Random): boolean {
    if (this.#beganAtMs === undefined) return false;
    const { drainTimeMs, isImmediate } = this.#times;
    const passedMs = nowMs - this.#beganAtMs;
    if (isImmediate || passedMs >= drainTimeMs) return true;
    return random.below(RESOLUTION) < passedMs / drainTimeMs * RESOLUTION;
  }
}
