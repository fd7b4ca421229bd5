/** Body bytes that the chain keeps for a stopped filter, with a watermark. */

import { copyBytes } from "../base/mod.ts";

/** A queue of chunks that is read as one piece. */
export class BodyBuffer {
  #chunks: Uint8Array[] = [];
  #length = 0;
  #isAboveLimit = false;

  get length(): number {
    return this.#length;
  }

  /** Whether the limit was crossed and `take` has not emptied the buffer since. */
  get isAboveLimit(): boolean {
    return this.#isAboveLimit;
  }

  /**
   * Appends bytes; a codec's bytes live only during the call, so they are copied unless `owned`.
   * @param limitBytes 0: none
   * @returns whether this crossed the limit
   */
  push(bytes: Uint8Array, owned: boolean, limitBytes: number): boolean {
    if (bytes.length === 0) return false;
    this.#chunks.push(owned ? bytes : copyBytes(bytes));
    this.#length += bytes.length;
    if (limitBytes === 0 || this.#length <= limitBytes || this.#isAboveLimit) return false;
    this.#isAboveLimit = true;
    return true;
  }

  /** All bytes as one piece, which stays in the buffer. */
  peek(): Uint8Array {
    if (this.#chunks.length > 1) this.#chunks = [joinChunks(this.#chunks, this.#length)];
    return this.#chunks[0] ?? EMPTY;
  }

  /** All bytes as one piece; the buffer is empty afterwards. */
  take(): Uint8Array {
    const bytes = this.peek();
    this.#chunks = [];
    this.#length = 0;
    this.#isAboveLimit = false;
    return bytes;
  }
}

const EMPTY = new Uint8Array(0);

function joinChunks(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    joined.set(chunks[i]!, at);
    at += chunks[i]!.length;
  }
  return joined;
}
