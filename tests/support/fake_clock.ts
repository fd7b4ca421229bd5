/** A clock and a sleeper that only move when told. */

import type { Clock, Sleeper } from "../../src/base/mod.ts";

interface Sleep {
  readonly id: number;
  readonly at: number;
  readonly run: () => void;
}

export class FakeClock implements Clock, Sleeper {
  #now = 0;
  #next = 1;
  #sleeps: Sleep[] = [];

  nowMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#now;
  }

  set(run: () => void, ms: number): number {
    const id = this.#next++;
    this.#sleeps.push({ id, at: this.#now + ms, run });
    return id;
  }

  clear(id: unknown): void {
    this.#sleeps = this.#sleeps.filter((sleep) => sleep.id !== id);
  }

  /** Sleeps that are set now. */
  get sleeping(): number {
    return this.#sleeps.length;
  }

  /** Moves time on and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#sleeps.filter((sleep) => sleep.at <= until)
        .sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (due === undefined) break;
      this.clear(due.id);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
  }
}
