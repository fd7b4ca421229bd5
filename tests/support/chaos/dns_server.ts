/** A DNS server of one zone with A records (RFC 1035 §4), for tests that change the answers. */

import { createSocket, type Socket } from "node:dgram";

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TTL_S = 1;
const NOERROR = 0;
const SERVFAIL = 2;

/** Answers every question of type A with the same addresses, in an order that rotates. */
export class DnsServer {
  readonly #socket: Socket = createSocket("udp4");
  #addresses: readonly string[];
  #fails = false;
  #turn = 0;

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /** Binds a free port of 127.0.0.1. */
  start(): Promise<number> {
    this.#socket.on("message", (query: Uint8Array, from: { port: number; address: string }) => {
      const answer = this.#answer(query);
      if (answer !== undefined) this.#socket.send(answer, from.port, from.address);
    });
    return new Promise((resolve) => {
      this.#socket.bind(0, "127.0.0.1", () => resolve(this.#socket.address().port));
    });
  }

  /** From now on the name has these addresses. */
  set(addresses: readonly string[]): void {
    this.#addresses = addresses;
    this.#fails = false;
  }

  /** From now on every answer is SERVFAIL. */
  fail(): void {
    this.#fails = true;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Uint8Array): Uint8Array | undefined {
    let end = HEADER_BYTES;
    while (end < query.length && query[end] !== 0) end += query[end]! + 1;
    end += 5; // The root label, type and class.
    if (query.length < end) return undefined;
    const type = (query[end - 4]! << 8) | query[end - 3]!;
    const isKnown = !this.#fails && type === TYPE_A;
    const addresses = isKnown ? this.#rotated() : [];
    const code = this.#fails ? SERVFAIL : NOERROR;
    const head = [query[0]!, query[1]!, 0x84, code, 0, 1, 0, addresses.length, 0, 0, 0, 0];
    const question = [...query.subarray(HEADER_BYTES, end)];
    // 0xc00c points at the name in the question.
    const records = addresses.flatMap((address) => [
      ...[0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, TTL_S, 0, 4],
      ...address.split(".").map(Number),
    ]);
    return Uint8Array.from([...head, ...question, ...records]);
  }

  #rotated(): string[] {
    const shift = this.#turn++ % Math.max(1, this.#addresses.length);
    return [...this.#addresses.slice(shift), ...this.#addresses.slice(0, shift)];
  }
}
