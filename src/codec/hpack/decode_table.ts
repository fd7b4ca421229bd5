/** The decoder's dynamic table (RFC 7541 §2.3.2): a ring of fields, newest first by index. */

import { ENTRY_OVERHEAD, type HeaderField } from "./field.ts";

/** The fields that the peer has put into its table, evicted by size (RFC 7541 §4.4). */
export class DecodeTable {
  #ring: (HeaderField | undefined)[] = new Array<HeaderField | undefined>(16).fill(undefined);
  /** Place of the newest entry. */
  #newest = 0;
  #count = 0;
  /** Bytes as §4.1 counts them. */
  #size = 0;
  #maxSize: number;

  /** @param maxSize bytes */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#size;
  }

  /** The entry that came `age` entries before the newest one; undefined beyond the oldest. */
  at(age: number): HeaderField | undefined {
    if (age >= this.#count) return undefined;
    return this.#ring[(this.#newest - age) & (this.#ring.length - 1)];
  }

  /** Adds a field and evicts for it; one larger than the table only empties it (§4.4). */
  add(field: HeaderField): void {
    const size = field.name.length + field.value.length + ENTRY_OVERHEAD;
    this.#evict(this.#maxSize - size);
    if (size > this.#maxSize) return;
    if (this.#count === this.#ring.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#ring.length - 1);
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#size += size;
  }

  /** Takes a new bound in bytes (§4.3). */
  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#evict(maxSize);
  }

  #evict(room: number): void {
    while (this.#size > room && this.#count > 0) {
      const place = (this.#newest - this.#count + 1) & (this.#ring.length - 1);
      const field = this.#ring[place]!;
      this.#size -= field.name.length + field.value.length + ENTRY_OVERHEAD;
      this.#ring[place] = undefined;
      this.#count--;
    }
  }

  #grow(): void {
    const ring = new Array<HeaderField | undefined>(this.#ring.length * 2).fill(undefined);
    for (let age = 0; age < this.#count; age++) ring[this.#count - 1 - age] = this.at(age);
    this.#ring = ring;
    this.#newest = this.#count - 1;
  }
}
