/** Timers of one attempt, each made when it is first needed. */

import type { Timer, TimerTarget, TimerWheel } from "../base/mod.ts";

/** What the timers stand for. */
export type AttemptTimeout = "per_try" | "per_try_idle" | "max_duration" | "log";

const TIMEOUTS: readonly AttemptTimeout[] = ["per_try", "per_try_idle", "max_duration", "log"];

/** Told of a timer that has run out. */
export interface AttemptTimeoutTarget {
  onTimeout(timeout: AttemptTimeout): void;
}

/** Arms and disarms the timeouts of one attempt by name; milliseconds. */
export class AttemptTimers implements TimerTarget {
  readonly #wheel: TimerWheel;
  readonly #target: AttemptTimeoutTarget;
  readonly #timers: (Timer | undefined)[] = [undefined, undefined, undefined, undefined];

  constructor(wheel: TimerWheel, target: AttemptTimeoutTarget) {
    this.#wheel = wheel;
    this.#target = target;
  }

  arm(timeout: AttemptTimeout, ms: number): void {
    const index = TIMEOUTS.indexOf(timeout);
    (this.#timers[index] ??= this.#wheel.create(this, index)).arm(ms);
  }

  isArmed(timeout: AttemptTimeout): boolean {
    return this.#timers[TIMEOUTS.indexOf(timeout)]?.isArmed === true;
  }

  cancel(timeout: AttemptTimeout): void {
    this.#timers[TIMEOUTS.indexOf(timeout)]?.cancel();
  }

  cancelAll(): void {
    for (const timer of this.#timers) timer?.cancel();
  }

  onTimer(tag: number): void {
    this.#target.onTimeout(TIMEOUTS[tag]!);
  }
}
