/**
 * Headers and trailers of one message: ordered, names in lower case, repeated names kept apart,
 * pseudo-headers among them (":method", ":path", …, first in order). Values hold one char code a
 * byte (0x00–0xFF, "binary strings"), so that bytes above 0x7F pass unchanged.
 */

import { HEADER_NAMES, headerId } from "./header_names.ts";

/** An ordered multimap of fields; well-known names are found by id with one bit test. */
export class HeaderMap {
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #ids: number[] = [];
  /** Presence bits of the ids 0–31, 32–63, 64–95 and 96–127. A set bit may be stale after removal. */
  #has0 = 0;
  #has1 = 0;
  #has2 = 0;
  #has3 = 0;
  #bytes = 0;
  /**
   * Names as they came by their lower-case form, where a codec keeps their letter case
   * (preserve_case); goes with the map from one codec to the other.
   */
  originalNames: Map<string, string> | undefined = undefined;

  /** Builds from pairs; names must be lower case. */
  static of(...pairs: readonly (readonly [string, string])[]): HeaderMap {
    const map = new HeaderMap();
    for (const [name, value] of pairs) map.add(name, value);
    return map;
  }

  /** Number of entries; repeated names count each. */
  get length(): number {
    return this.#names.length;
  }

  /** Sum of the lengths of names and values in bytes, as header limits count them. */
  get byteSize(): number {
    return this.#bytes;
  }

  nameAt(index: number): string {
    return this.#names[index]!;
  }

  valueAt(index: number): string {
    return this.#values[index]!;
  }

  /** The well-known id of an entry, 0 if it has none. */
  idAt(index: number): number {
    return this.#ids[index]!;
  }

  /** Appends an entry; `name` must be lower case. */
  add(name: string, value: string): void {
    this.append(headerId(name), name, value);
  }

  /** Appends an entry with a well-known name. */
  addId(id: number, value: string): void {
    this.append(id, HEADER_NAMES[id]!, value);
  }

  /** Appends an entry whose id is known already (0: no well-known name): the codecs' way in. */
  append(id: number, name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
    this.#ids.push(id);
    this.#bytes += name.length + value.length;
    if (id !== 0) this.#mark(id);
  }

  /** The first value of a lower-case name. */
  get(name: string): string | undefined {
    const id = headerId(name);
    if (id !== 0) return this.getId(id);
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (names[i] === name) return this.#values[i];
    return undefined;
  }

  /** The first value of a well-known header. */
  getId(id: number): string | undefined {
    if (!this.#marked(id)) return undefined;
    const ids = this.#ids;
    for (let i = 0; i < ids.length; i++) if (ids[i] === id) return this.#values[i];
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  hasId(id: number): boolean {
    return this.getId(id) !== undefined;
  }

  /** All values of a lower-case name, in order. */
  all(name: string): string[] {
    const found: string[] = [];
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (names[i] === name) found.push(this.#values[i]!);
    return found;
  }

  /** All values of a name joined with "," as Envoy's header matchers read them; undefined if none. */
  joined(name: string): string | undefined {
    const id = headerId(name);
    if (id !== 0 && !this.#marked(id)) return undefined;
    const names = this.#names;
    let text: string | undefined;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === name) {
        text = text === undefined ? this.#values[i]! : text + "," + this.#values[i]!;
      }
    }
    return text;
  }

  /** Replaces the first entry of the name in its place and removes the others; appends if absent. */
  set(name: string, value: string): void {
    this.#set(headerId(name), name, value);
  }

  /** As `set`, with a well-known name. */
  setId(id: number, value: string): void {
    this.#set(id, HEADER_NAMES[id]!, value);
  }

  /** Replaces the value of an entry. */
  setValueAt(index: number, value: string): void {
    this.#bytes += value.length - this.#values[index]!.length;
    this.#values[index] = value;
  }

  /** Removes all entries of a lower-case name and returns how many there were. */
  remove(name: string): number {
    const id = headerId(name);
    if (id !== 0) return this.removeId(id);
    return this.removeWhere((_id, entry) => entry === name);
  }

  removeId(id: number): number {
    if (!this.#marked(id)) return 0;
    const ids = this.#ids;
    let to = 0;
    const length = ids.length;
    for (let from = 0; from < length; from++) {
      if (ids[from] === id) {
        this.#bytes -= this.#names[from]!.length + this.#values[from]!.length;
        continue;
      }
      this.#move(from, to++);
    }
    this.#truncate(to);
    this.#unmark(id);
    return length - to;
  }

  /** Removes the entries that `drop` says and returns how many there were. */
  removeWhere(drop: (id: number, name: string, value: string) => boolean): number {
    let to = 0;
    const length = this.#ids.length;
    for (let from = 0; from < length; from++) {
      if (drop(this.#ids[from]!, this.#names[from]!, this.#values[from]!)) {
        this.#bytes -= this.#names[from]!.length + this.#values[from]!.length;
        continue;
      }
      this.#move(from, to++);
    }
    this.#truncate(to);
    return length - to;
  }

  clear(): void {
    this.#truncate(0);
    this.#has0 =
      this.#has1 =
      this.#has2 =
      this.#has3 =
      this.#bytes =
        0;
  }

  copy(): HeaderMap {
    const map = new HeaderMap();
    for (let i = 0; i < this.#names.length; i++) {
      map.append(this.#ids[i]!, this.#names[i]!, this.#values[i]!);
    }
    map.originalNames = this.originalNames;
    return map;
  }

  /** Name and value pairs, for tests and dumps. */
  entries(): [string, string][] {
    return this.#names.map((name, i) => [name, this.#values[i]!]);
  }

  #set(id: number, name: string, value: string): void {
    if (id === 0 || this.#marked(id)) {
      const names = this.#names;
      for (let i = 0; i < names.length; i++) {
        if (names[i] !== name) continue;
        this.setValueAt(i, value);
        this.#removeFrom(i + 1, name);
        return;
      }
    }
    this.append(id, name, value);
  }

  #removeFrom(start: number, name: string): void {
    let to = start;
    for (let from = start; from < this.#names.length; from++) {
      if (this.#names[from] === name) {
        this.#bytes -= name.length + this.#values[from]!.length;
        continue;
      }
      this.#move(from, to++);
    }
    this.#truncate(to);
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.#names[to] = this.#names[from]!;
    this.#values[to] = this.#values[from]!;
    this.#ids[to] = this.#ids[from]!;
  }

  #truncate(length: number): void {
    if (this.#names.length === length) return;
    this.#names.length = this.#values.length = this.#ids.length = length;
  }

  #mark(id: number): void {
    if (id < 32) this.#has0 |= 1 << id;
    else if (id < 64) this.#has1 |= 1 << (id - 32);
    else if (id < 96) this.#has2 |= 1 << (id - 64);
    else this.#has3 |= 1 << (id - 96);
  }

  #unmark(id: number): void {
    if (id < 32) this.#has0 &= ~(1 << id);
    else if (id < 64) this.#has1 &= ~(1 << (id - 32));
    else if (id < 96) this.#has2 &= ~(1 << (id - 64));
    else this.#has3 &= ~(1 << (id - 96));
  }

  #marked(id: number): boolean {
    const word = id < 32 ? this.#has0 : id < 64 ? this.#has1 : id < 96 ? this.#has2 : this.#has3;
    return (word & (1 << (id & 31))) !== 0;
  }
}
