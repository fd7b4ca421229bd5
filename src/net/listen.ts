/**
 * Listening sockets. One is kept open for life: closing one of several with SO_REUSEPORT resets what
 * waits in its queue, so an owner that wants no more connections refuses them after accept.
 */

import { type Address, type Dispatcher, formatAddress } from "../base/mod.ts";
import { errnoName, errnoText, UV_EMFILE, UV_ENFILE } from "./errno.ts";
import type { NativePipe, NativeSocket, NativeTcp, SocketName } from "./native.ts";
import { NativeTransport, newSocket, systemPath } from "./native_transport.ts";
import { usesNativeHandles } from "./self_test.ts";
import { SocketConnection } from "./socket_connection.ts";
import { listenStream } from "./stream_transport.ts";

export interface ListenOptions {
  readonly dispatcher: Dispatcher;
  /** Whether other threads bind the same port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  /** Connections the kernel holds for us, capped by somaxconn. */
  readonly backlog: number;
  /** Mode bits of a Unix socket's file; undefined: what the umask leaves. */
  readonly unixMode?: number | undefined;
  /** Idle seconds before the first probe on accepted connections; undefined: no keepalive. */
  readonly keepaliveTimeS?: number | undefined;
  /**
   * A connection arrived; reading starts when the call returns unless it was disabled. Runs within a
   * turn. `events` must be set.
   */
  onAccept(connection: SocketConnection): void;
  /** The process ran out of file descriptors; accepting goes on after a pause. */
  onOverflow?(): void;
  readonly useNative?: boolean | undefined;
}

/** A bound socket. */
export interface ListenSocket {
  /** With the real port where 0 was asked for. */
  readonly address: Address;
  /** For the end of the process and tests; see the head of this file. */
  close(): void;
}

/** Why a socket could not be bound, in plain words. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** As in `EADDRINUSE`. */
  readonly code: string;

  constructor(address: Address, code: string) {
    super(`cannot bind '${formatAddress(address)}': ${errnoText(code)}`);
    this.code = code;
  }
}

const UV_TCP_IPV6ONLY = 1;
const UV_TCP_REUSEPORT = 4;

/** Binds and listens; accepting begins in a later turn. @throws {ListenError} */
export function listen(address: Address, options: ListenOptions): Promise<ListenSocket> {
  if (options.useNative ?? usesNativeHandles()) {
    return new Promise((resolve) => resolve(listenNative(address, options)));
  }
  return listenStream(address, options);
}

/** As `listen`, at once; native handles only. @throws {ListenError} */
export function listenNative(address: Address, options: ListenOptions): ListenSocket {
  if (address.kind === "internal") throw new ListenError(address, "EAFNOSUPPORT");
  const socket = newSocket(address, true);
  const status = bind(socket, address, options);
  if (status < 0) {
    socket.close();
    throw new ListenError(address, errnoName(status));
  }
  const acceptor = new Acceptor(socket, address, options);
  socket.onconnection = (state, client) => acceptor.onConnection(state, client);
  const listening = socket.listen(options.backlog);
  if (listening < 0) {
    socket.close();
    throw new ListenError(address, errnoName(listening));
  }
  return { address: boundAddress(socket, address), close: () => socket.close() };
}

function bind(
  socket: NativeTcp | NativePipe,
  address: Exclude<Address, { kind: "internal" }>,
  options: ListenOptions,
): number {
  if (address.kind === "pipe") {
    const status = (socket as NativePipe).bind(systemPath(address.path));
    if (status === 0 && options.unixMode !== undefined && !address.path.startsWith("@")) {
      Deno.chmodSync(address.path, options.unixMode);
    }
    return status;
  }
  const tcp = socket as NativeTcp;
  const flags = options.reusePort ? UV_TCP_REUSEPORT : 0;
  if (!address.host.includes(":")) return tcp.bindWithFlags(address.host, address.port, flags);
  return tcp.bind6(address.host, address.port, flags | UV_TCP_IPV6ONLY);
}

function boundAddress(socket: NativeTcp | NativePipe, address: Address): Address {
  if (address.kind !== "ip") return address;
  const name: SocketName = {};
  (socket as NativeTcp).getsockname(name);
  return { kind: "ip", host: address.host, port: name.port ?? address.port };
}

class Acceptor {
  readonly #socket: NativeTcp | NativePipe;
  readonly #address: Address;
  readonly #options: ListenOptions;

  constructor(socket: NativeTcp | NativePipe, address: Address, options: ListenOptions) {
    this.#socket = socket;
    this.#address = address;
    this.#options = options;
  }

  onConnection(state: number, given: NativeSocket | undefined): void {
    const { dispatcher, onOverflow } = this.#options;
    let status = state;
    let client = given;
    if (status === 0 && client === undefined) {
      client = newSocket(this.#address, false);
      status = this.#socket.accept(client);
    }
    if (status < 0 || client === undefined) {
      if (status === UV_EMFILE || status === UV_ENFILE) onOverflow?.call(this.#options);
      return;
    }
    dispatcher.beginTurn();
    try {
      this.#accepted(client);
    } catch (error) {
      dispatcher.report(error);
      client.close();
    } finally {
      dispatcher.endTurn();
    }
  }

  #accepted(client: NativeSocket): void {
    const options = this.#options;
    const connection = new SocketConnection(options.dispatcher, "open");
    const target = this.#address.kind === "pipe" ? this.#address : undefined;
    const transport = new NativeTransport(client, target, connection);
    transport.open();
    if (options.keepaliveTimeS !== undefined) transport.setKeepAlive(options.keepaliveTimeS);
    connection.attach(transport);
    options.onAccept(connection);
    connection.start();
  }
}
