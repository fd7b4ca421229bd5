/**
 * One a thread: time, timers, randomness and the turn. A turn is the work done for one chunk read
 * or one batch of timers; at its end every touched connection flushes once (DESIGN §10.7).
 */

import { type Clock, SYSTEM_CLOCK, TurnClock } from "./clock.ts";
import { type Random, SystemRandom } from "./random.ts";
import { type Sleeper, TimerWheel } from "./timer_wheel.ts";

/** Something that gathers writes during a turn. */
export interface Flushable {
  flush(): void;
}

/** Options of a dispatcher; tests hand in fakes. */
export interface DispatcherOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly sleeper?: Sleeper;
  /** Told of what a callback threw: our bug, never allowed past its turn. */
  readonly onError?: (error: unknown) => void;
}

/** Runs turns, flushes what they touched and does deferred work after them. */
export class Dispatcher {
  readonly clock: TurnClock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly #onError: (error: unknown) => void;
  /** Turns so far. */
  turns = 0;
  #depth = 0;
  /** The first `#touchedCount` places; the list is kept, since a new one would be made each turn. */
  readonly #touched: (Flushable | undefined)[] = [];
  #touchedCount = 0;
  #deferred: (() => void)[] = [];

  constructor(options: DispatcherOptions = {}) {
    this.clock = new TurnClock(options.clock ?? SYSTEM_CLOCK);
    this.random = options.random ?? new SystemRandom();
    this.timers = new TimerWheel(this.clock, options.sleeper);
    this.timers.onBatch = (run) => this.run(run);
    this.#onError = options.onError ?? ((error) => {
      throw error;
    });
  }

  get isInTurn(): boolean {
    return this.#depth > 0;
  }

  /** Opens a turn; every `beginTurn` needs its `endTurn`, also after a throw. Turns nest. */
  beginTurn(): void {
    if (this.#depth++ > 0) return;
    this.turns++;
    this.clock.stamp();
  }

  endTurn(): void {
    if (this.#depth > 1) {
      this.#depth--;
      return;
    }
    // What a flush or a deferred call does belongs to this turn still.
    while (this.#touchedCount > 0 || this.#deferred.length > 0) {
      const touched = this.#touched;
      // A flush may touch more; they come in this round.
      for (let i = 0; i < this.#touchedCount; i++) {
        const target = touched[i]!;
        touched[i] = undefined;
        this.#flush(target);
      }
      this.#touchedCount = 0;
      const deferred = this.#deferred;
      if (deferred.length > 0) {
        this.#deferred = [];
        for (let i = 0; i < deferred.length; i++) this.#call(deferred[i]!);
      }
    }
    this.#depth = 0;
    this.clock.release();
  }

  /** Runs `work` as one turn; an exception goes to the error handler, not to the caller. */
  run(work: () => void): void {
    this.beginTurn();
    try {
      work();
    } catch (error) {
      this.#onError(error);
    } finally {
      this.endTurn();
    }
  }

  /** Asks for one `flush()` at the end of the turn; the caller sees to it that it asks once. */
  flushAtEnd(target: Flushable): void {
    this.#touched[this.#touchedCount++] = target;
    if (this.#depth === 0) queueMicrotask(() => this.run(() => {}));
  }

  /** Runs `work` after the flushes of this turn: deferred deletion, as Envoy calls it. */
  defer(work: () => void): void {
    this.#deferred.push(work);
    if (this.#depth === 0) queueMicrotask(() => this.run(() => {}));
  }

  /** Hands an error of our own to the handler, as a throw within a turn would. */
  report(error: unknown): void {
    this.#onError(error);
  }

  #flush(target: Flushable): void {
    try {
      target.flush();
    } catch (error) {
      this.#onError(error);
    }
  }

  #call(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }
}
