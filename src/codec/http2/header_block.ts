/**
 * Gathers a header block that spans HEADERS and CONTINUATION (RFC 9113 §4.3, §6.10). Bounded in
 * bytes and in frames, as the end of a block may never come (CVE-2024-27919, -30255).
 */

import { allocateLatin1, type Latin1Bytes } from "../../base/mod.ts";

/** Frames that any block may take, besides one for each KiB of the limit. */
const SPARE_FRAMES = 16;
/** HPACK may need more bytes than the fields have; a block above this is refused unread. */
const SPARE_BYTES = 16384;

/** The bytes of one block as its frames arrive, with what is too much of them refused. */
export class HeaderBlock {
  readonly #maxBytes: number;
  readonly #maxFrames: number;
  #bytes: Latin1Bytes | undefined;
  #length = 0;
  #frames = 0;

  /** @param maxHeadersBytes limit on the decoded fields in bytes */
  constructor(maxHeadersBytes: number) {
    // Twice the limit: a block just above it is decoded and costs its stream only.
    this.#maxBytes = maxHeadersBytes * 2 + SPARE_BYTES;
    this.#maxFrames = SPARE_FRAMES + (maxHeadersBytes >>> 10);
  }

  get bytes(): Latin1Bytes {
    return this.#bytes ??= allocateLatin1(0);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a fragment. @returns false if the block became too long */
  append(bytes: Latin1Bytes, start: number, end: number): boolean {
    const length = this.#length + end - start;
    if (length > this.#maxBytes || ++this.#frames > this.#maxFrames) return false;
    if (this.#bytes === undefined || this.#bytes.length < length) {
      const grown = allocateLatin1(Math.max(1024, length * 2));
      if (this.#bytes !== undefined) grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
    return true;
  }

  /** Forgets the block and its memory. */
  clear(): void {
    this.#bytes = undefined;
    this.#length = this.#frames = 0;
  }
}
