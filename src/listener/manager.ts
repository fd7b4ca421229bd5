/** All listeners of one thread: binding, accepting, limits, updates, draining. */

import type { Address, Dispatcher } from "../base/mod.ts";
import {
  listen,
  ListenError,
  listenInternal,
  type ListenSocket,
  type SocketConnection,
} from "../net/mod.ts";
import type { CompileContext, Runtime } from "../runtime/mod.ts";
import { ActiveConnection, type ConnectionOwner } from "./active_connection.ts";
import { type CompiledListener, withPort } from "./compile.ts";
import { DrainSequence } from "./drain.ts";
import { LISTENER_STAT } from "./stats.ts";

/** How a listener is bound on this thread. */
export interface BindOptions {
  /** Ports found elsewhere for port 0, by index of the address. */
  readonly ports: readonly number[] | undefined;
  /** False where another thread owns the sockets (Unix sockets, `enable_reuse_port: false`). */
  readonly isOwner: boolean;
}

export interface DrainOptions {
  /** Responses end their connections until, after the drain time, new ones are refused; else at once. */
  readonly graceful: boolean;
  readonly inboundOnly: boolean;
  /** Responses end their connections, new ones are never refused; `graceful` makes no difference. */
  readonly skipExit: boolean;
}

/** Process-wide limit of downstream connections, as Envoy's runtime key. */
const GLOBAL_LIMIT_KEY = "overload.global_downstream_max_connections";
const TRAFFIC_INBOUND = 1;
/** How long a connection that has brought no request yet may hold up the end of the process. */
const UNUSED_GRACE_MS = 500;

/** What the listener asks the server: whether an operator failed its health check. */
interface ServerHealth {
  isFailed(): boolean;
}

/** One listener in service. */
class ActiveListener implements ConnectionOwner {
  readonly dispatcher: Dispatcher;
  readonly connections = new Set<ActiveConnection>();
  compiled: CompiledListener;
  sockets: ListenSocket[] = [];
  /** Ends an internal listener. */
  stopInternal: () => void = () => {};
  readonly #manager: ListenerManager;
  readonly #context: CompileContext;
  #wasDrained = false;
  readonly #drain: DrainSequence;
  readonly #runtime: Runtime;
  readonly #limitKey: string;
  /** Accepted before the thread was ready for them. */
  #early: SocketConnection[] = [];

  constructor(compiled: CompiledListener, manager: ListenerManager, context: CompileContext) {
    this.compiled = compiled;
    this.#manager = manager;
    this.#context = context;
    this.dispatcher = context.dispatcher;
    this.#runtime = context.runtime;
    const { drainTimeMs, drainsAtOnce = false } = context.server;
    this.#drain = new DrainSequence({ drainTimeMs, isImmediate: drainsAtOnce });
    this.#limitKey = `envoy.resource_limits.listener.${compiled.name}.connection_limit`;
  }

  get isDraining(): boolean {
    if (this.#wasDrained) return true;
    const { clock, random } = this.dispatcher;
    if (this.#drain.endsNow(clock.nowMs(), random)) return true;
    if (!this.compiled.drainsOnFailedHealth) return false;
    return this.#context.service<ServerHealth>("server_health").isFailed();
  }

  onAccept(connection: SocketConnection): void {
    if (!this.#manager.isAccepting) {
      connection.readDisable(true);
      this.#early.push(connection);
      return;
    }
    const { compiled } = this;
    compiled.stats.accepted();
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      compiled.stats.inc(refusal);
      connection.close("no_flush");
      return;
    }
    const active = new ActiveConnection(connection, compiled, this);
    this.connections.add(active);
    active.start();
  }

  /** Serves those that came early. */
  startAccepting(): void {
    const early = this.#early;
    this.#early = [];
    for (const connection of early) {
      if (connection.isClosed) continue;
      connection.readDisable(false);
      this.onAccept(connection);
    }
  }

  onConnectionClosed(connection: ActiveConnection): void {
    this.connections.delete(connection);
  }

  stop(): void {
    for (const socket of this.sockets) socket.close();
    this.sockets = [];
    this.stopInternal();
  }

  /** Lets responses end their connections; new ones are refused after the drain time, if at all. */
  beginDrain(neverStops: boolean): void {
    if (this.#drain.hasBegun) return;
    this.#drain.begin(this.dispatcher.clock.nowMs());
    if (neverStops) return;
    this.dispatcher.timers.after(this.#context.server.drainTimeMs, () => this.stop());
  }

  /** @param isEnding the process ends: nobody idle is waited for */
  drainConnections(isEnding: boolean): void {
    this.#wasDrained = true;
    for (const connection of [...this.connections]) connection.startDrain(isEnding);
  }

  /** The stat of the limit that is reached, undefined if none is. */
  #refusal(): number | undefined {
    const runtime = this.#runtime;
    const limit = runtime.number(this.#limitKey, Infinity);
    if (this.connections.size >= limit) return LISTENER_STAT.cxOverflow;
    if (this.compiled.ignoresGlobalLimit) return undefined;
    const global = runtime.number(GLOBAL_LIMIT_KEY, Infinity);
    if (global === Infinity || this.#manager.activeConnections < global) return undefined;
    return LISTENER_STAT.globalCxOverflow;
  }
}

/**
 * Listeners by name: add, replace, drain and stop them, and hold their connections to the limits.
 */
export class ListenerManager {
  readonly #context: CompileContext;
  readonly #listeners = new Map<string, ActiveListener>();
  /** Removed or replaced, with connections that end. */
  #draining: ActiveListener[] = [];
  #isAccepting = false;

  constructor(context: CompileContext) {
    this.#context = context;
  }

  /** Binds a listener. @returns the addresses with their real ports, or why it cannot be */
  add(compiled: CompiledListener, options: BindOptions): string | readonly Address[] {
    const listener = new ActiveListener(compiled, this, this.#context);
    const bound = this.#bind(listener, options);
    if (typeof bound !== "string") this.#listeners.set(compiled.name, listener);
    return bound;
  }

  /** Adds a listener on a socket that is bound already; `give` is told who takes its connections. */
  adopt(
    compiled: CompiledListener,
    give: (accept: (connection: SocketConnection) => void) => ListenSocket,
  ): void {
    const listener = new ActiveListener(compiled, this, this.#context);
    this.#listeners.set(compiled.name, listener);
    this.#context.dispatcher.run(() => {
      listener.sockets.push(give((connection) => listener.onAccept(connection)));
    });
  }

  /**
   * Replaces a listener of the same name. On the same addresses the sockets stay, so that no waiting
   * connection is lost; connections of the old configuration drain.
   */
  update(compiled: CompiledListener, options: BindOptions): string | readonly Address[] {
    const old = this.#listeners.get(compiled.name);
    if (old === undefined) return this.add(compiled, options);
    if (!hasSameAddresses(old.compiled, compiled)) {
      const bound = this.add(compiled, options);
      if (typeof bound !== "string") this.#retire(old);
      return bound;
    }
    const successor = new ActiveListener(compiled, this, this.#context);
    const served = old.sockets.map((socket) => socket.address);
    if (compiled.isInternal) this.#bind(successor, options);
    for (const socket of old.sockets) socket.onAccept = (accepted) => successor.onAccept(accepted);
    successor.sockets = old.sockets;
    old.sockets = [];
    this.#listeners.set(compiled.name, successor);
    this.#retire(old);
    return served;
  }

  /** Stops a listener and drains its connections. */
  remove(name: string): void {
    const listener = this.#listeners.get(name);
    if (listener === undefined) return;
    this.#listeners.delete(name);
    this.#retire(listener);
  }

  get isAccepting(): boolean {
    return this.#isAccepting;
  }

  /** Connections wait until then. */
  startAccepting(): void {
    this.#isAccepting = true;
    this.#context.dispatcher.run(() => {
      for (const listener of this.#listeners.values()) listener.startAccepting();
    });
  }

  /** Connections of all listeners, those that drain included. */
  get activeConnections(): number {
    let count = 0;
    for (const listener of this.#listeners.values()) count += listener.connections.size;
    for (const listener of this.#draining) count += listener.connections.size;
    return count;
  }

  /** Refuses new connections, now or after the drain time. */
  drainListeners(options: DrainOptions): void {
    for (const listener of this.#listeners.values()) {
      const { trafficDirection } = listener.compiled;
      if (options.inboundOnly && trafficDirection !== TRAFFIC_INBOUND) continue;
      if (options.graceful || options.skipExit) listener.beginDrain(options.skipExit);
      else listener.stop();
    }
  }

  /** The thread ends: no new connections, all others end kindly. */
  drainAll(): void {
    const listeners = [...this.#listeners.values(), ...this.#draining];
    for (const listener of listeners) {
      listener.stop();
      listener.drainConnections(true);
    }
    this.#context.dispatcher.timers.after(UNUSED_GRACE_MS, () => {
      for (const listener of listeners) {
        for (const active of [...listener.connections]) active.endUnlessOpen();
      }
    });
  }

  /** Ends all connections at once and closes the sockets. */
  closeAll(): void {
    for (const listener of [...this.#listeners.values(), ...this.#draining]) {
      listener.stop();
      for (const active of [...listener.connections]) active.connection.close("no_flush");
    }
  }

  #retire(listener: ActiveListener): void {
    listener.stop();
    listener.drainConnections(false);
    this.#draining = this.#draining.filter((other) => other.connections.size > 0);
    if (listener.connections.size > 0) this.#draining.push(listener);
    const { drainTimeMs } = this.#context.server;
    this.#context.dispatcher.timers.after(drainTimeMs, () => {
      for (const active of [...listener.connections]) active.connection.close("flush_write");
    });
  }

  #bind(listener: ActiveListener, options: BindOptions): string | readonly Address[] {
    const { compiled } = listener;
    const bound: Address[] = [];
    if (compiled.isInternal) {
      const { dispatcher } = this.#context;
      const accept = (connection: SocketConnection): void => listener.onAccept(connection);
      listener.stopInternal = listenInternal(dispatcher, compiled.name, accept);
    }
    for (const [index, bind] of compiled.addresses.entries()) {
      const address = withPort(bind.address, options.ports?.[index]);
      if (!options.isOwner || !compiled.bindsToPort) {
        bound.push(address);
        continue;
      }
      try {
        const socket = listen(address, {
          dispatcher: this.#context.dispatcher,
          reusePort: compiled.reusePort && address.kind === "ip",
          backlog: compiled.backlog,
          unixMode: bind.unixMode,
          keepaliveTimeS: bind.keepaliveTimeS,
          onAccept: (connection) => listener.onAccept(connection),
          onOverflow: () => compiled.stats.inc(LISTENER_STAT.cxOverflow),
        });
        listener.sockets.push(socket);
        bound.push(socket.address);
      } catch (error) {
        listener.stop();
        if (error instanceof ListenError) return error.message;
        throw error;
      }
    }
    return bound;
  }
}

function hasSameAddresses(a: CompiledListener, b: CompiledListener): boolean {
  const key = (listener: CompiledListener): string => JSON.stringify(listener.addresses);
  return key(a) === key(b) && a.reusePort === b.reusePort && a.bindsToPort === b.bindsToPort;
}
