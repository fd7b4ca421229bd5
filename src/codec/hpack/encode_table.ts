/**
 * The encoder's side of the dynamic table (RFC 7541 §2.3.2): only sizes, since an entry is known
 * by its number in the order of insertion and found through its name (see `NameSlot`).
 */

import { ENTRY_OVERHEAD } from "./field.ts";

/** Entries that 4096 bytes can hold. */
const RING = 128;
/** Larger tables of the peer are not used: 4096 bytes hold what repeats on a connection. */
const MAX_TABLE_SIZE = 4096;

/**
 * What of our fields the peer still has in its table, by number of insertion; at most 4096 bytes.
 */
export class EncodeTable {
  readonly #sizes = new Int32Array(RING);
  /** Number of the newest entry; the first is 1. */
  #newest = 0;
  #count = 0;
  #size = 0;
  #maxSize = MAX_TABLE_SIZE;
  /** The least bound since the last block, and whether any has to be announced (§4.2). */
  #leastSize = MAX_TABLE_SIZE;
  #mustAnnounce = false;

  get maxSize(): number {
    return this.#maxSize;
  }

  /** Whether entry `number` is in the table still. */
  holds(number: number): boolean {
    return number > this.#newest - this.#count;
  }

  /** Index on the wire of a held entry. */
  indexOf(number: number): number {
    return 62 + this.#newest - number;
  }

  /** Adds an entry and returns its number. `nameLength + valueLength + 32` must fit in the table. */
  add(nameLength: number, valueLength: number): number {
    const size = nameLength + valueLength + ENTRY_OVERHEAD;
    this.#evict(this.#maxSize - size);
    this.#newest++;
    this.#sizes[this.#newest & (RING - 1)] = size;
    this.#count++;
    this.#size += size;
    return this.#newest;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE changed: announced in the next block. */
  resize(peerSize: number): void {
    const size = Math.min(peerSize, MAX_TABLE_SIZE);
    if (size === this.#maxSize && !this.#mustAnnounce) return;
    this.#leastSize = this.#mustAnnounce ? Math.min(this.#leastSize, size) : size;
    this.#mustAnnounce = true;
    this.#maxSize = size;
    this.#evict(size);
  }

  /** Writes the size updates that are due and returns the place behind. */
  writeUpdates(out: Uint8Array, at: number): number {
    if (!this.#mustAnnounce) return at;
    this.#mustAnnounce = false;
    if (this.#leastSize < this.#maxSize) at = writeInteger(out, at, 0x20, 0x1f, this.#leastSize);
    return writeInteger(out, at, 0x20, 0x1f, this.#maxSize);
  }

  #evict(room: number): void {
    while (this.#size > room && this.#count > 0) {
      this.#size -= this.#sizes[(this.#newest - this.#count + 1) & (RING - 1)]!;
      this.#count--;
    }
  }
}

/** Writes an integer below `pattern`, whose prefix `mask` is all ones (§5.1). */
export function writeInteger(
  out: Uint8Array,
  at: number,
  pattern: number,
  mask: number,
  value: number,
): number {
  if (value < mask) {
    out[at++] = pattern | value;
    return at;
  }
  out[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}
