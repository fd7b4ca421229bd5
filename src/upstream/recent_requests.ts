/** Requests of the last moments, for retry budgets with a `budget_interval`. */

import type { Clock, Timer, TimerWheel } from "../base/mod.ts";

/** Requests of an interval expire in so many steps, each with all of its requests. */
const STEPS = 32;

/**
 * Counts each request for the interval after its start, whether it has ended or not. One a thread;
 * the count itself is kept by `change`, where other threads see it.
 */
export class RecentRequests {
  readonly #stepMs: number;
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #change: (delta: number) => void;
  /** Requests by the step of their start, modulo STEPS + 1. */
  readonly #counts = new Uint32Array(STEPS + 1);
  #held = 0;
  #step = 0;

  constructor(options: {
    /** Milliseconds; above 0. */
    readonly intervalMs: number;
    readonly clock: Clock;
    readonly timers: TimerWheel;
    readonly change: (delta: number) => void;
  }) {
    this.#stepMs = options.intervalMs / STEPS;
    this.#clock = options.clock;
    this.#change = options.change;
    this.#timer = options.timers.create(this);
  }

  add(): void {
    this.#expire();
    this.#counts[this.#step % this.#counts.length]!++;
    this.#held++;
    this.#change(1);
    if (!this.#timer.isArmed) this.#timer.arm(this.#stepMs);
  }

  onTimer(): void {
    this.#expire();
    if (this.#held > 0) this.#timer.arm(this.#stepMs);
  }

  #expire(): void {
    const now = Math.floor(this.#clock.nowMs() / this.#stepMs);
    const { length } = this.#counts;
    let expired = 0;
    for (let step = Math.max(this.#step + 1, now - length + 1); step <= now; step++) {
      expired += this.#counts[step % length]!;
      this.#counts[step % length] = 0;
    }
    this.#step = now;
    if (expired === 0) return;
    this.#held -= expired;
    this.#change(-expired);
  }
}
