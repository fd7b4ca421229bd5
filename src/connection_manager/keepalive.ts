/** PINGs on an HTTP/2 connection (connection_keepalive): a peer that answers none in time is gone. */

import type { Dispatcher, Timer } from "../base/mod.ts";

/** Milliseconds; an interval of 0 sends none. */
export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Share of the interval added at random, 0–1. */
  readonly jitter: number;
}

export interface KeepaliveActions {
  ping(opaque: number): void;
  /** No answer came. */
  expire(): void;
}

const SEND = 0;
const EXPIRE = 1;

/** Sends the PINGs of one connection and tells when an answer is overdue. */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  readonly #dispatcher: Dispatcher;
  readonly #actions: KeepaliveActions;
  readonly #sendTimer: Timer;
  readonly #expiryTimer: Timer;
  #sentAtMs = 0;
  #opaque = 0;

  constructor(options: KeepaliveOptions, dispatcher: Dispatcher, actions: KeepaliveActions) {
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#actions = actions;
    this.#sendTimer = dispatcher.timers.create(this, SEND);
    this.#expiryTimer = dispatcher.timers.create(this, EXPIRE);
    this.#schedule();
  }

  /** Bytes came in: they count as the answer. */
  onActivity(nowMs: number): void {
    if (this.#expiryTimer.isArmed && nowMs >= this.#sentAtMs) this.#expiryTimer.cancel();
  }

  onTimer(tag: number): void {
    if (tag === EXPIRE) return this.#actions.expire();
    this.#sentAtMs = this.#dispatcher.clock.nowMs();
    this.#actions.ping(this.#opaque++);
    this.#expiryTimer.arm(this.#options.timeoutMs);
    this.#schedule();
  }

  stop(): void {
    this.#sendTimer.cancel();
    this.#expiryTimer.cancel();
  }

  #schedule(): void {
    const { intervalMs, jitter } = this.#options;
    if (intervalMs === 0) return;
    const extra = intervalMs * jitter * this.#dispatcher.random.below(1 << 20) / (1 << 20);
    this.#sendTimer.arm(intervalMs + extra);
  }
}
