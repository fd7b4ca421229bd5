/**
 * Signs of life of one peer (connection_keepalive): asked for at intervals, or ahead of new work on
 * a connection that was quiet; a peer that gives none in time is gone. Whatever comes in counts as
 * the answer, as in Envoy, so that a slow link full of data is not taken for a dead one.
 */

import type { Dispatcher } from "./dispatcher.ts";
import { type DurationMessage, durationMsOr } from "./duration.ts";
import type { Timer } from "./timer_wheel.ts";

/** Milliseconds; an interval of 0 asks for nothing. */
export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Share of the interval added at random, 0–1. */
  readonly jitter: number;
  /** Quiet time after which new work asks first; 0: never. */
  readonly idleIntervalMs: number;
}

/** envoy.config.core.v3.KeepaliveSettings, as far as it is read. */
export interface KeepaliveMessage {
  readonly interval?: DurationMessage | undefined;
  readonly timeout?: DurationMessage | undefined;
  readonly intervalJitter?: { readonly value: number } | undefined;
  readonly connectionIdleInterval?: DurationMessage | undefined;
}

/** Envoy's default: 15 %. */
const DEFAULT_JITTER = 0.15;

/** What the settings ask for; undefined: nothing. */
export function keepaliveOptions(
  message: KeepaliveMessage | undefined,
): KeepaliveOptions | undefined {
  if (message === undefined) return undefined;
  const intervalMs = durationMsOr(message.interval, 0);
  const idleIntervalMs = durationMsOr(message.connectionIdleInterval, 0);
  if (intervalMs === 0 && idleIntervalMs === 0) return undefined;
  return {
    intervalMs,
    timeoutMs: durationMsOr(message.timeout, 0),
    jitter: message.intervalJitter === undefined
      ? DEFAULT_JITTER
      : message.intervalJitter.value / 100,
    idleIntervalMs,
  };
}

/** How a peer is asked, and what follows its silence. */
export interface KeepaliveActions {
  /** @param opaque 32 bits, another value each time */
  ping(opaque: number): void;
  /** No answer came. */
  expire(): void;
}

const SEND = 0;
const EXPIRE = 1;

/** Asks one peer and tells when an answer is overdue; at most one question is open. */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  readonly #dispatcher: Dispatcher;
  readonly #actions: KeepaliveActions;
  readonly #sendTimer: Timer;
  readonly #expiryTimer: Timer;
  #heardAtMs: number;
  #opaque = 0;

  constructor(options: KeepaliveOptions, dispatcher: Dispatcher, actions: KeepaliveActions) {
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#actions = actions;
    this.#sendTimer = dispatcher.timers.create(this, SEND);
    this.#expiryTimer = dispatcher.timers.create(this, EXPIRE);
    this.#heardAtMs = dispatcher.clock.nowMs();
    this.#schedule();
  }

  /** Bytes came in. */
  onActivity(): void {
    this.#heardAtMs = this.#dispatcher.clock.nowMs();
    if (!this.#expiryTimer.isArmed) return;
    this.#expiryTimer.cancel();
    this.#schedule();
  }

  /** Work is about to be given to the peer. */
  beforeWork(): void {
    const { idleIntervalMs } = this.#options;
    const quietMs = this.#dispatcher.clock.nowMs() - this.#heardAtMs;
    if (idleIntervalMs > 0 && quietMs > idleIntervalMs) this.#ask();
  }

  onTimer(tag: number): void {
    if (tag === EXPIRE) this.#actions.expire();
    else this.#ask();
  }

  /** The connection is gone. */
  stop(): void {
    this.#sendTimer.cancel();
    this.#expiryTimer.cancel();
  }

  #ask(): void {
    if (this.#expiryTimer.isArmed) return;
    this.#expiryTimer.arm(this.#options.timeoutMs);
    this.#actions.ping(this.#opaque++);
  }

  #schedule(): void {
    const { intervalMs, jitter } = this.#options;
    if (intervalMs === 0) return;
    const extra = intervalMs * jitter * this.#dispatcher.random.below(1 << 20) / (1 << 20);
    this.#sendTimer.arm(intervalMs + extra);
  }
}
