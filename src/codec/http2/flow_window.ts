/** Flow control of one direction of a stream or a connection (RFC 9113 §5.2, §6.9). Bytes. */

import { MAX_WINDOW } from "./frame.ts";

/** How much we may send. A smaller INITIAL_WINDOW_SIZE may make it negative (§6.9.2). */
export class SendWindow {
  #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  take(bytes: number): void {
    this.#size -= bytes;
  }

  /** @returns false if the window would pass 2^31-1: FLOW_CONTROL_ERROR in that scope (§6.9.1) */
  add(bytes: number): boolean {
    if (this.#size + bytes > MAX_WINDOW) return false;
    this.#size += bytes;
    return true;
  }
}

/** How much the peer may send, and what of it waits to be given back. */
export class ReceiveWindow {
  /** What we grant when all is consumed. */
  readonly #limit: number;
  /** What the peer may send now. */
  #available: number;
  /** Consumed bytes that no WINDOW_UPDATE has given back. */
  #consumed = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#available = limit;
  }

  get available(): number {
    return this.#available;
  }

  /**
   * Takes a DATA frame out of the window (RFC 9113 §6.9).
   * @param bytes Payload length in bytes; padding counts too (§6.1).
   * @returns false if the peer overran it; the caller answers FLOW_CONTROL_ERROR in that scope.
   * @throws {RangeError} if `bytes` is negative: our bug, never the peer's.
   */
  take(bytes: number): boolean {
    if (bytes < 0) throw new RangeError(`A frame cannot have ${bytes} bytes`);
    if (bytes > this.#available) return false;
    this.#available -= bytes;
    return true;
  }

  /**
   * Notes that `bytes` were passed on.
   * @returns the increment to send now, 0 while less than half the window waits: one
   *   WINDOW_UPDATE a frame would cost more than the data
   */
  consume(bytes: number): number {
    this.#consumed += bytes;
    const increment = this.#consumed;
    if (increment === 0 || increment < this.#limit >>> 1) return 0;
    this.#consumed = 0;
    this.#available += increment;
    return increment;
  }
}
