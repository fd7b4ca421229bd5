/**
 * How many connections one cluster and priority may have, over all hosts and threads, and what
 * becomes of a pool that may not open its first one. Envoy lets each such pool of each worker have
 * one all the same; here one connection in all may be above the limit, so a pool without any waits
 * and asks for one:
 *
 *     waiting pool --own thread has an idle one--> it closes, the pool connects
 *          \--onWanted--> main --> other threads: giveConnection --> one closes --> the pool connects
 */

import type { Dispatcher, Timer } from "../../base/mod.ts";
import type { SharedBreaker } from "../circuit_breaker.ts";
import type { UpstreamHost } from "../host.ts";

/** How long a waiting pool waits before it tries, and asks, again. */
const RETRY_MS = 20;
/** How long a thread that had nothing to give remembers that it was asked. */
const OWED_MS = 2 * RETRY_MS;
/** How long who gave a connection leaves it to those who wait. */
const YIELD_MS = 1.5 * RETRY_MS;

/** A pool, as the limits see it. */
export interface LimitedPool {
  /** Opens the first connection if the limits allow it now. @returns whether it still waits */
  connectWaiting(): boolean;
  /** Lets one connection go that is idle, or that can end in peace. @returns whether there was one */
  giveConnection(): boolean;
}

/** What `giveConnection` looks at of a connection that has become free. */
export interface GivenConnection {
  readonly connectCompleteMs: number;
  drain(): void;
}

/** The limits of one cluster and priority on one thread. */
export class ConnectionLimits {
  readonly breaker: SharedBreaker;
  /** Another thread waits for a connection: the next one that becomes free is let go. */
  owes = false;
  readonly #perHost: number | undefined;
  readonly #countsHosts: boolean;
  readonly #dispatcher: Dispatcher;
  readonly #onWanted: (() => void) | undefined;
  /** Pools that may have something to give; like the rest made at first use, since there are many clusters. */
  #pools: Set<LimitedPool> | undefined;
  #waiting: Set<LimitedPool> | undefined;
  #timer: Timer | undefined;
  #owedUntilMs = 0;
  /** Until then nothing is opened here: who was given a connection must find it. */
  #yieldsUntilMs = 0;

  constructor(options: {
    readonly breaker: SharedBreaker;
    readonly dispatcher: Dispatcher;
    /** Connections that one host may have; undefined: no limit of its own. */
    readonly perHost: number | undefined;
    /** Whether any priority of the cluster limits the connections of a host. */
    readonly countsHosts: boolean;
    /** Asks the other threads; undefined where there are none. */
    readonly onWanted: (() => void) | undefined;
  }) {
    this.breaker = options.breaker;
    this.#perHost = options.perHost;
    this.#countsHosts = options.countsHosts;
    this.#dispatcher = options.dispatcher;
    this.#onWanted = options.onWanted;
  }

  /** Takes a connection to a host; `isFirst`: the pool has none, and one may be over the limit. */
  tryTake(host: UpstreamHost, isFirst: boolean): boolean {
    if (this.#yieldsUntilMs > 0 && this.#yields()) return false;
    if (!this.breaker.tryConnection(isFirst)) return false;
    if (!this.#countsHosts) return true;
    const max = this.#perHost === undefined ? Infinity : this.#perHost + (isFirst ? 1 : 0);
    if (host.tryConnection(max)) return true;
    this.breaker.releaseConnection();
    return false;
  }

  release(host: UpstreamHost): void {
    this.breaker.releaseConnection();
    if (this.#countsHosts) host.releaseConnection();
    // At once: else the pool that lost it would take it back.
    if (this.#waiting !== undefined) this.#retryWaiting();
  }

  /** A pool that counts its connections here. */
  join(pool: LimitedPool): void {
    (this.#pools ??= new Set()).add(pool);
  }

  /** The pool has requests and no connection, and may not open one. */
  wait(pool: LimitedPool): void {
    (this.#waiting ??= new Set()).add(pool);
    this.#ask();
  }

  /** The pool needs none any more. */
  leave(pool: LimitedPool): void {
    this.#pools?.delete(pool);
    this.#waiting?.delete(pool);
  }

  /** Another thread waits: closes a connection here, at once or when one becomes free. */
  giveConnection(): void {
    const nowMs = this.#dispatcher.clock.nowMs();
    if (this.#give()) {
      this.#yieldsUntilMs = nowMs + YIELD_MS;
      return;
    }
    this.owes = true;
    this.#owedUntilMs = nowMs + OWED_MS;
  }

  /** A connection has become free while one is owed. @returns whether it is let go */
  settle(connection: GivenConnection): boolean {
    const nowMs = this.#dispatcher.clock.nowMs();
    // Who has just got it uses it for a while, else connections only go round.
    if (nowMs - connection.connectCompleteMs < RETRY_MS) return false;
    this.owes = false;
    if (nowMs > this.#owedUntilMs) return false;
    this.#yieldsUntilMs = nowMs + YIELD_MS;
    connection.drain();
    return true;
  }

  onTimer(): void {
    this.#retryWaiting();
    if (this.#waiting !== undefined) this.#ask();
  }

  #ask(): void {
    const timer = this.#timer ??= this.#dispatcher.timers.create(this);
    if (timer.isArmed) return;
    timer.arm(RETRY_MS);
    if (!this.#give()) this.#onWanted?.();
  }

  #give(): boolean {
    for (const pool of this.#pools ?? []) if (pool.giveConnection()) return true;
    return false;
  }

  #yields(): boolean {
    if (this.#dispatcher.clock.nowMs() < this.#yieldsUntilMs) return true;
    this.#yieldsUntilMs = 0;
    return false;
  }

  #retryWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (const pool of [...waiting]) if (!pool.connectWaiting()) waiting.delete(pool);
    if (waiting.size === 0) this.#waiting = undefined;
  }
}
