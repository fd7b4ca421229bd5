/**
 * Internal connections: from a cluster's endpoint `envoy://name/` to the internal listener of that name
 * on the same thread, without a socket. Bytes are copied once and arrive in a later turn.
 */

import type { Address, Dispatcher } from "../base/mod.ts";
import { SocketConnection } from "./socket_connection.ts";
import type { TlsFacts, Transport, TransportEvents, WriteResult } from "./transport.ts";

/** What Envoy calls the client's end. */
const CLIENT_ADDRESS: Address = {
  kind: "internal",
  name: "internal_client_address",
  endpointId: "",
};
/** Bytes one end takes before the other must wait. */
const QUEUE_BYTES = 1024 * 1024;

type InternalAddress = Extract<Address, { kind: "internal" }>;
type Accept = (connection: SocketConnection) => void;

/** Listeners of each thread by name; threads are told apart by their dispatchers. */
const listeners = new WeakMap<Dispatcher, Map<string, Accept>>();

/** Takes connections to `envoy://name/`. @returns what ends it */
export function listenInternal(dispatcher: Dispatcher, name: string, accept: Accept): () => void {
  let ofThread = listeners.get(dispatcher);
  if (ofThread === undefined) listeners.set(dispatcher, ofThread = new Map());
  const map = ofThread;
  map.set(name, accept);
  return () => {
    if (map.get(name) === accept) map.delete(name);
  };
}

/** Connects within the thread; the answer comes in a later turn. */
export function connectInternal(
  connection: SocketConnection,
  address: InternalAddress,
  dispatcher: Dispatcher,
): void {
  const accept = listeners.get(dispatcher)?.get(address.name);
  if (accept === undefined) {
    const target = `envoy://${address.name}/${address.endpointId}`;
    connection.failConnect("immediate", `Invalid argument|remote_address:${target}`);
    return;
  }
  const accepted = new SocketConnection(dispatcher, "open");
  const client = new InternalTransport(connection, CLIENT_ADDRESS, address);
  const server = new InternalTransport(accepted, address, CLIENT_ADDRESS);
  client.peer = server;
  server.peer = client;
  connection.attach(client);
  accepted.attach(server);
  dispatcher.defer(() => {
    accept(accepted);
    accepted.start();
    connection.onConnected();
  });
}

class InternalTransport implements Transport {
  readonly events: TransportEvents;
  peer: InternalTransport | undefined = undefined;
  readonly #local: Address;
  readonly #remote: Address;
  /** What the peer wrote and we have not read. */
  #queue: Uint8Array[] = [];
  #queued = 0;
  #isReading = false;
  #isClosed = false;
  /** The peer ends after what is queued. */
  #isEnding: "no" | "fin" | "reset" = "no";
  /** The peer's write waits for room here. */
  #owesWritten = false;
  #isDeliveryAsked = false;

  constructor(events: TransportEvents, local: Address, remote: Address) {
    this.events = events;
    this.#local = local;
    this.#remote = remote;
  }

  readStart(): void {
    this.#isReading = true;
    this.#askDelivery();
  }

  readStop(): void {
    this.#isReading = false;
  }

  write(bytes: Uint8Array): WriteResult {
    const { peer } = this;
    if (peer === undefined || peer.#isClosed) {
      queueMicrotask(() => {
        if (!this.#isClosed) this.events.onError("EPIPE", "Broken pipe");
      });
      return "failed";
    }
    peer.#queue.push(bytes.slice());
    peer.#queued += bytes.length;
    peer.#askDelivery();
    if (peer.#queued <= QUEUE_BYTES) return "done";
    peer.#owesWritten = true;
    return "pending";
  }

  shutdown(): void {
    this.#endPeer("fin");
    queueMicrotask(() => {
      if (!this.#isClosed) this.events.onShutdown();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#endPeer("fin");
  }

  reset(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#endPeer("reset");
  }

  localAddress(): Address {
    return this.#local;
  }

  remoteAddress(): Address {
    return this.#remote;
  }

  startTls(): string {
    return "TLS has no meaning within one process";
  }

  tlsFacts(): TlsFacts | undefined {
    return undefined;
  }

  #endPeer(how: "fin" | "reset"): void {
    const { peer } = this;
    if (peer === undefined || peer.#isEnding === "reset") return;
    peer.#isEnding = how;
    peer.#askDelivery();
  }

  #askDelivery(): void {
    if (this.#isDeliveryAsked || this.#isClosed) return;
    this.#isDeliveryAsked = true;
    queueMicrotask(() => {
      this.#isDeliveryAsked = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#isEnding === "reset" && !this.#isClosed) {
      this.events.onError("ECONNRESET", "Connection reset by peer");
      return;
    }
    while (this.#isReading && !this.#isClosed) {
      const bytes = this.#queue.shift();
      if (bytes === undefined) break;
      this.#queued -= bytes.length;
      this.events.onBytes(bytes);
    }
    if (this.#owesWritten && this.#queued <= QUEUE_BYTES / 2) {
      this.#owesWritten = false;
      const { peer } = this;
      if (peer !== undefined && !peer.#isClosed) peer.events.onWritten();
    }
    const isAtEnd = this.#isEnding === "fin" && this.#queue.length === 0;
    if (isAtEnd && this.#isReading && !this.#isClosed) {
      this.#isEnding = "no";
      this.events.onEof();
    }
  }
}
