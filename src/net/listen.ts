/**
 * Listening sockets. One is kept open for life: closing one of several with SO_REUSEPORT resets what
 * waits in its queue, so an owner that wants no more connections refuses them after accept.
 */

import { type Address, type Dispatcher, formatAddress } from "../base/mod.ts";
import {
  addRevivable,
  isDescriptorScarce,
  removeRevivable,
  type Revivable,
} from "./descriptors.ts";
import { errnoName, errnoText, UV_EMFILE, UV_ENFILE } from "./errno.ts";
import type { NativePipe, NativeSocket, NativeTcp, SocketName } from "./native.ts";
import { NativeTransport, newSocket, systemPath } from "./native_transport.ts";
import { usesNativeHandles } from "./socket_choice.ts";
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
  /** A connection was refused since the process is short of file descriptors. */
  onOverflow?(): void;
  readonly useNative?: boolean | undefined;
}

/** A bound socket. */
export interface ListenSocket {
  /** With the real port where 0 was asked for. */
  readonly address: Address;
  /** Replaced when another owner takes over the socket. */
  onAccept: (connection: SocketConnection) => void;
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

/** An address that a socket can have. */
export type SocketAddress = Exclude<Address, { kind: "internal" }>;

const UV_TCP_IPV6ONLY = 1;
const UV_TCP_REUSEPORT = 4;

/** Binds and listens; accepting begins in a later turn. @throws {ListenError} */
export function listen(address: Address, options: ListenOptions): ListenSocket {
  if (address.kind === "internal") throw new ListenError(address, "EAFNOSUPPORT");
  if (address.kind === "pipe") removeSocketFile(address.path);
  return options.useNative ?? usesNativeHandles()
    ? new NativeListener(address, options)
    : listenStream(address, options);
}

/** Who ended without a close left its file, which would be in the way for good; Envoy does so, too. */
function removeSocketFile(path: string): void {
  if (path.startsWith("@")) return;
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch {
    // It is not there, or bind tells why it cannot be used.
  }
}

function bind(
  socket: NativeTcp | NativePipe,
  address: SocketAddress,
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

class NativeListener implements ListenSocket, Revivable {
  readonly address: Address;
  onAccept: (connection: SocketConnection) => void;
  readonly #socket: NativeTcp | NativePipe;
  readonly #configured: SocketAddress;
  readonly #options: ListenOptions;

  constructor(address: SocketAddress, options: ListenOptions) {
    this.#configured = address;
    this.#options = options;
    this.onAccept = (connection) => options.onAccept(connection);
    const socket = newSocket(address, true);
    this.#socket = socket;
    this.#check(bind(socket, address, options));
    socket.onconnection = (status, client) => this.#onConnection(status, client);
    this.#check(socket.listen(options.backlog));
    this.address = boundAddress(socket, address);
    addRevivable(this);
  }

  close(): void {
    removeRevivable(this);
    this.#socket.close();
  }

  listenAgain(): void {
    this.#socket.listen(this.#options.backlog);
  }

  #check(status: number): void {
    if (status >= 0) return;
    this.#socket.close();
    throw new ListenError(this.#configured, errnoName(status));
  }

  #onConnection(state: number, given: NativeSocket | undefined): void {
    const { dispatcher, onOverflow } = this.#options;
    let status = state;
    let client = given;
    if (status === 0 && client === undefined) {
      client = newSocket(this.#configured, false);
      status = this.#socket.accept(client);
    }
    if (status < 0 || client === undefined) {
      if (status === UV_EMFILE || status === UV_ENFILE) onOverflow?.call(this.#options);
      return;
    }
    if (isDescriptorScarce()) {
      client.close();
      onOverflow?.call(this.#options);
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
    const target = this.#configured.kind === "pipe" ? this.#configured : undefined;
    const transport = new NativeTransport(client, target, connection);
    transport.open();
    if (options.keepaliveTimeS !== undefined) transport.setKeepAlive(options.keepaliveTimeS);
    connection.attach(transport);
    this.onAccept(connection);
    connection.start();
  }
}

function boundAddress(socket: NativeTcp | NativePipe, address: SocketAddress): Address {
  if (address.kind !== "ip") return address;
  const name: SocketName = {};
  (socket as NativeTcp).getsockname(name);
  return { kind: "ip", host: address.host, port: name.port ?? address.port };
}
