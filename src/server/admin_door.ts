/**
 * The admin's socket. It is bound with the process; the rooms behind it (a connection manager, the
 * endpoints) load when the first client comes, which spares a process that nobody asks 5 MiB.
 */

import type { Address, Dispatcher } from "../base/mod.ts";
import { ipVersion } from "../matching/mod.ts";
import { listen, type ListenSocket, type SocketConnection } from "../net/mod.ts";
import type { envoy_config_core_v3_Address } from "../proto/mod.ts";

const BACKLOG = 1024;

export interface DoorOptions {
  readonly dispatcher: Dispatcher;
  /** The first client is here. */
  onKnock(): void;
}

/** A bound socket whose clients wait until it is handed over. */
export class AdminDoor {
  readonly #socket: ListenSocket;
  #waiting: SocketConnection[] = [];
  #isHandedOver = false;

  /** @throws {ListenError} */
  constructor(address: Address, options: DoorOptions) {
    this.#socket = listen(address, {
      dispatcher: options.dispatcher,
      reusePort: false,
      backlog: BACKLOG,
      onAccept: (connection) => {
        connection.readDisable(true);
        this.#waiting.push(connection);
        options.onKnock();
      },
    });
  }

  get address(): Address {
    return this.#socket.address;
  }

  /** Gives the socket to its new owner, and those who wait to `accept`. */
  handOver(accept: (connection: SocketConnection) => void): ListenSocket {
    this.#isHandedOver = true;
    this.#socket.onAccept = accept;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) {
      if (connection.isClosed) continue;
      connection.readDisable(false);
      accept(connection);
    }
    return this.#socket;
  }

  /** Closes what nobody took over. */
  close(): void {
    if (this.#isHandedOver) return;
    for (const connection of this.#waiting) connection.close("no_flush");
    this.#socket.close();
  }
}

/**
 * The address to bind at once. Undefined for those that need the listener room's reading: Unix
 * sockets with their modes, and what is no IP address.
 */
export function doorAddress(message: envoy_config_core_v3_Address): Address | undefined {
  const { address } = message;
  if (address.case !== "socketAddress") return undefined;
  const { address: host, portSpecifier, protocol, resolverName, ipv4Compat } = address.value;
  const isPlain = protocol === 0 && resolverName === "" && !ipv4Compat &&
    ipVersion(host) !== 0 && portSpecifier.case === "portValue";
  return isPlain ? { kind: "ip", host, port: portSpecifier.value } : undefined;
}
