/**
 * The HTTP connections of one thread to one host, for one priority and protocol. One connection is
 * opened for each request that waits, up to the limits; a request is served by the connection that
 * became free last, so that others may idle out (Envoy's conn_pool_base.cc).
 */

import type { ResponseDecoder } from "../../http/mod.ts";
import type { PendingStream, StreamRequest } from "../api.ts";
import { HOST_STAT } from "../host_memory.ts";
import type { HostPool } from "../host.ts";
import type { LimitedPool } from "./connection_limits.ts";
import { PendingRequests } from "./pending_requests.ts";
import type { PoolContext } from "./pool_context.ts";
import { POOL_STAT } from "./pool_stats.ts";
import { fallsShort, MAX_PRECONNECTS, type PoolLoad } from "../preconnect.ts";
import { type ConnectFailure, PooledConnection, type PoolOwner } from "./pooled_connection.ts";

/**
 * Gives each request a connection, a place in the line or a failure, within the circuit breakers.
 */
export class HttpPool implements PoolOwner, HostPool, LimitedPool {
  readonly #context: PoolContext;
  /** Connections that can take a stream; the last became so last. */
  readonly #ready: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  readonly #pending: PendingRequests;
  /** Streams that connecting connections are trusted to take. */
  #connectingCapacity = 0;
  #isDraining = false;
  #isDeleted = false;
  #isServing = false;
  #willServe = false;
  readonly #serveLater: () => void;
  readonly #preconnects: boolean;

  constructor(context: PoolContext) {
    this.#context = context;
    this.#preconnects = context.preconnectRatio > 1;
    this.#pending = new PendingRequests(() => this.#onCancel());
    context.limits.pools.add(this);
    this.#serveLater = () => {
      this.#willServe = false;
      this.#serve();
    };
  }

  get connections(): number {
    return this.#all.size;
  }

  get pendingRequests(): number {
    return this.#pending.length;
  }

  get isIdle(): boolean {
    return this.#all.size === 0 && this.#pending.length === 0;
  }

  /** Whether nobody would miss it: no request waits or is under way. */
  get isUnused(): boolean {
    if (this.#pending.length > 0) return false;
    for (const connection of this.#all) if (connection.activeStreams > 0) return false;
    return true;
  }

  newStream(decoder: ResponseDecoder, request: StreamRequest): PendingStream | undefined {
    const connection = this.#takeReady();
    if (connection !== undefined) {
      this.#start(connection, decoder, request);
      if (this.#preconnects) this.#preconnect();
      return undefined;
    }
    const { limits, facts, host } = this.#context;
    if (!limits.breaker.tryPending()) {
      facts.stats.inc(POOL_STAT.rqPendingOverflow);
      request.callbacks.onPoolFailure("overflow", "", host);
      return undefined;
    }
    facts.stats.inc(POOL_STAT.rqPendingTotal);
    facts.stats.change(POOL_STAT.rqPendingActive, 1);
    host.stats.change(HOST_STAT.rqPendingActive, 1);
    const pending = this.#pending.add(decoder, request);
    this.#connectAsNeeded();
    if (this.#preconnects) this.#preconnect();
    return pending;
  }

  addLoad(load: PoolLoad): void {
    load.pending += this.#pending.length;
    load.capacity += this.#connectingCapacity;
    for (const connection of this.#all) {
      load.active += connection.activeStreams;
      load.capacity += connection.freeStreams;
    }
  }

  /** Opens a connection if the next request would find none. @returns whether it did */
  preconnect(ratio: number): boolean {
    if (this.#context.host.health !== "healthy" || this.#isDraining) return false;
    return fallsShort(this.#load(), ratio, 1) && this.#connect();
  }

  /** Closes idle connections; others close after their last stream. Waiting requests still get theirs. */
  drain(): void {
    for (const connection of [...this.#all]) connection.drain();
  }

  /** As `drain`, and the pool takes no new requests and reports when it is empty. */
  drainForDeletion(): void {
    this.#isDraining = true;
    this.drain();
    this.#reportIdle();
  }

  /** Lets an unused pool go at once; its idle connections close with the turn. */
  giveUp(): void {
    this.#delete();
    this.drainForDeletion();
  }

  // When connections are short (LimitedPool).

  connectWaiting(): boolean {
    if (this.#pending.length === 0 || this.#all.size > 0) return false;
    return !this.#tryConnect();
  }

  giveConnection(): boolean {
    const connection = this.#ready[0];
    // What waits here is served by it in this turn or the next one.
    if (connection === undefined || this.#pending.length > 0) return false;
    // Streams of HTTP/2 end in peace; its connection might never be idle.
    connection.drain();
    return true;
  }

  // Its connections (PoolOwner).

  onConnected(connection: PooledConnection): void {
    this.#connectingCapacity -= connection.assumedCapacity;
    this.onReady(connection);
    this.#serve();
    if (this.#isDraining && connection.activeStreams === 0) connection.drain();
  }

  onReady(connection: PooledConnection): void {
    const { limits } = this.#context;
    if (limits.owes && limits.settle(connection)) return;
    this.#ready.push(connection);
    if (this.#pending.length > 0 && !this.#willServe) {
      // Not now: the peer's FIN may stand right behind the response that made it free.
      this.#willServe = true;
      this.#context.dispatcher.defer(this.#serveLater);
    }
  }

  onNotReady(connection: PooledConnection): void {
    const ready = this.#ready;
    if (ready[ready.length - 1] === connection) ready.pop();
    else {
      const at = ready.indexOf(connection);
      if (at >= 0) ready.splice(at, 1);
    }
  }

  onClosed(connection: PooledConnection, failure: ConnectFailure | undefined): void {
    this.#all.delete(connection);
    if (failure !== undefined) {
      this.#connectingCapacity -= connection.assumedCapacity;
      this.#failPending(failure);
    }
    this.#connectAsNeeded();
    this.#reportIdle();
  }

  /** The connection for the next stream; those that are about to close are passed over. */
  #takeReady(): PooledConnection | undefined {
    const ready = this.#ready;
    for (let i = ready.length - 1; i >= 0; i--) {
      const connection = ready[i]!;
      if (!connection.connection.isClosing) return connection;
    }
    return undefined;
  }

  #start(connection: PooledConnection, decoder: ResponseDecoder, request: StreamRequest): void {
    const { limits, facts, host } = this.#context;
    if (limits.breaker.tryRequest()) {
      connection.startStream(decoder, request);
      return;
    }
    facts.stats.inc(POOL_STAT.rqActiveOverflow);
    request.callbacks.onPoolFailure("overflow", "", host);
  }

  /** Gives free connections to waiting requests. */
  #serve(): void {
    // A callback may end a stream and so free a connection: the outer loop sees it.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      while (this.#pending.length > 0) {
        const connection = this.#takeReady();
        if (connection === undefined) break;
        const pending = this.#pending.shift()!;
        this.#releasePending();
        this.#start(connection, pending.decoder, pending.request);
      }
    } finally {
      this.#isServing = false;
    }
    this.#connectAsNeeded();
  }

  /** One connection for each stream that waits beyond what is connecting already. */
  #connectAsNeeded(): void {
    while (this.#pending.length > this.#connectingCapacity) {
      if (this.#takeReady() !== undefined) return;
      if (this.#connect()) continue;
      if (this.#all.size === 0) this.#context.limits.wait(this);
      return;
    }
  }

  /** Opens one connection. @returns false if the limits allow no more */
  #connect(): boolean {
    if (this.#tryConnect()) return true;
    this.#context.facts.stats.inc(POOL_STAT.cxOverflow);
    return false;
  }

  #tryConnect(): boolean {
    const { limits, host } = this.#context;
    if (!limits.tryTake(host, this.#all.size === 0)) return false;
    const connection = new PooledConnection(this, this.#context);
    this.#all.add(connection);
    this.#connectingCapacity += connection.assumedCapacity;
    return true;
  }

  /** Connections for requests to come; a host that is not healthy gets none. */
  #preconnect(): void {
    const { host, preconnectRatio } = this.#context;
    if (host.health !== "healthy" || this.#isDraining) return;
    for (let i = 0; i < MAX_PRECONNECTS; i++) {
      if (!fallsShort(this.#load(), preconnectRatio, 0) || !this.#connect()) return;
    }
  }

  #load(): PoolLoad {
    const load = { pending: 0, active: 0, capacity: 0 };
    this.addLoad(load);
    return load;
  }

  #failPending(failure: ConnectFailure): void {
    const { facts, host } = this.#context;
    // What callbacks add meanwhile is not part of it: a retry must not fail at once.
    for (let left = this.#pending.length; left > 0; left--) {
      const pending = this.#pending.shift();
      if (pending === undefined) return;
      this.#releasePending();
      facts.stats.inc(POOL_STAT.rqPendingFailureEject);
      pending.request.callbacks.onPoolFailure(
        failure.reason,
        failure.transportFailureReason,
        host,
      );
    }
  }

  #onCancel(): void {
    this.#releasePending();
    this.#context.facts.stats.inc(POOL_STAT.rqCancelled);
    this.#reportIdle();
  }

  #releasePending(): void {
    const { limits, facts, host } = this.#context;
    limits.breaker.releasePending();
    facts.stats.change(POOL_STAT.rqPendingActive, -1);
    host.stats.change(HOST_STAT.rqPendingActive, -1);
  }

  #reportIdle(): void {
    if (!this.isIdle || this.#isDeleted) return;
    const { onIdle } = this.#context;
    onIdle?.();
    // Pools of one name or downstream connection live only as long as they are used.
    if (!this.#isDraining && onIdle === undefined) return;
    this.#delete();
  }

  #delete(): void {
    this.#isDeleted = true;
    this.#context.limits.leave(this);
    this.#context.onDeleted();
  }
}
