/** Bytes of pipelined requests that wait for their turn; while there are any, reading is paused. */

import { joinBytes } from "../../base/mod.ts";
import type { CodecTransport } from "../options.ts";

/** One read is 96 KiB; a few more may arrive before a pause takes effect. */
export const MAX_KEPT_BYTES = 262144;

const NONE = new Uint8Array(0);

/** The kept bytes in order of arrival, at most 256 KiB; pauses and resumes its transport. */
export class KeptBytes {
  readonly #transport: CodecTransport;
  #bytes: Uint8Array = NONE;
  #isPaused = false;

  constructor(transport: CodecTransport) {
    this.#transport = transport;
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  /** Keeps a copy of `bytes` from `from` on. @returns false if that were too many */
  add(bytes: Uint8Array, from: number): boolean {
    const size = this.#bytes.length + bytes.length - from;
    if (size > MAX_KEPT_BYTES) return false;
    this.#bytes = joinBytes(this.#bytes, bytes.subarray(from));
    if (!this.#isPaused && size > 0) {
      this.#isPaused = true;
      this.#transport.readDisable(true);
    }
    return true;
  }

  /** Hands the bytes over; reading stays paused until `release`. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#bytes = NONE;
    return bytes;
  }

  /** Drops what is kept and lets reading go on. */
  release(): void {
    this.#bytes = NONE;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#transport.readDisable(false);
  }
}
