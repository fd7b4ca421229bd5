/**
 * Clients of a TCP echo: each connects, sends a pattern, reads it back and begins anew. A
 * connection may end early where the upstream does; what came until then must be what was sent.
 */

import { connect } from "node:net";

const PAYLOAD_BYTES = 64 * 1024;
/** Between two connections of one client. */
const PAUSE_MS = 20;

/** How connections went so far. */
export interface TcpCounts {
  started: number;
  /** All bytes came back. */
  intact: number;
  /** Ended by the proxy before that. */
  ended: number;
  /** Other bytes than were sent. */
  corrupt: number;
}

/** A number of clients at once, until stopped. */
export class TcpLoad {
  readonly counts: TcpCounts = { started: 0, intact: 0, ended: 0, corrupt: 0 };
  readonly #port: number;
  readonly #clients: Promise<void>[] = [];
  #isStopped = false;

  constructor(port: number) {
    this.#port = port;
  }

  start(clients: number): void {
    for (let i = 0; i < clients; i++) this.#clients.push(this.#repeat(i));
  }

  /** No more connections; settles when the last has ended, by the proxy's idle timeout at the latest. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  async #repeat(seed: number): Promise<void> {
    const payload = new Uint8Array(PAYLOAD_BYTES).map((_, i) => (i * 31 + seed * 7) & 255);
    while (!this.#isStopped) {
      this.counts.started++;
      this.counts[await echoOnce(this.#port, payload)]++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function echoOnce(port: number, payload: Uint8Array): Promise<"intact" | "ended" | "corrupt"> {
  return new Promise((resolve) => {
    let received = 0;
    let outcome: "intact" | "ended" | "corrupt" = "ended";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(payload));
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      for (const byte of bytes) {
        if (byte !== payload[received++]) outcome = "corrupt";
      }
      if (received < payload.length) return;
      if (outcome === "ended") outcome = "intact";
      socket.destroy();
    });
    socket.on("close", () => resolve(outcome));
  });
}
