/** Body bytes of one stream that wait for the peer's window: copies, small ones put together. */

/** Pieces up to here share an allocation (one byte a write must not cost an object each). */
const SLAB_BYTES = 4096;

interface Piece {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
}

/**
 * A queue of body bytes: appended as copies, taken from the front in pieces of at most one frame.
 */
export class PendingData {
  readonly #pieces: Piece[] = [];
  #length = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    const last = this.#pieces[this.#pieces.length - 1];
    if (last !== undefined && last.end < last.bytes.length) {
      const size = Math.min(end - at, last.bytes.length - last.end);
      last.bytes.set(bytes.subarray(at, at + size), last.end);
      last.end += size;
      at += size;
    }
    if (at < end) {
      const copy = new Uint8Array(Math.max(end - at, SLAB_BYTES));
      copy.set(bytes.subarray(at, end));
      this.#pieces.push({ bytes: copy, start: 0, end: end - at });
    }
    this.#length += end - start;
  }

  /** The first bytes, at most `size`; `drop` them afterwards. Empty if nothing waits. */
  peek(size: number): Uint8Array {
    const first = this.#pieces[0];
    if (first === undefined) return EMPTY;
    return first.bytes.subarray(first.start, Math.min(first.end, first.start + size));
  }

  drop(size: number): void {
    const first = this.#pieces[0]!;
    first.start += size;
    this.#length -= size;
    if (first.start === first.end) this.#pieces.shift();
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#length = 0;
  }
}

const EMPTY = new Uint8Array(0);
