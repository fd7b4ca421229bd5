/**
 * Fields to header blocks (RFC 7541 §6). Text that goes into the table is Huffman coded, since its
 * cost is paid once; text that is sent once goes as it is, at a third of the cost.
 */

import type { Latin1Bytes } from "../../base/mod.ts";
import { H } from "../../http/mod.ts";
import { EncodeTable, writeInteger } from "./encode_table.ts";
import { ENTRY_OVERHEAD } from "./field.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { MAX_MISSES, type NameSlot, newNameSlot } from "./name_slot.ts";

/** Slots of names without an id: peers choose these, so their number is bounded. */
const MAX_NAMED_SLOTS = 256;
/** Up to here char by char beats the call into the runtime (latin1Write is slower at any length). */
const SHORT_TEXT = 40;
/** A shorter cookie could be guessed by trying it against the table (§7.1). */
const SHORT_COOKIE = 20;
/** The most bytes that a field takes beyond its name's and value's. */
const FIELD_BOUND = 12;
/** Two table size updates. */
const UPDATES_BOUND = 12;

/** The encoder of one connection: `begin` a block, then its fields one by one, written in place. */
export class HpackEncoder {
  readonly #table = new EncodeTable();
  readonly #byId: (NameSlot | undefined)[] = [];
  readonly #byName = new Map<string, NameSlot>();

  /** The peer's SETTINGS_HEADER_TABLE_SIZE in bytes. */
  resize(peerSize: number): void {
    this.#table.resize(peerSize);
  }

  /** Room that a block of `count` fields with `bytes` of names and values needs at most. */
  static bound(count: number, bytes: number): number {
    return bytes + count * FIELD_BOUND + UPDATES_BOUND;
  }

  /** Begins a block; must come before its fields. @returns the place behind what was written */
  begin(out: Latin1Bytes, at: number): number {
    return this.#table.writeUpdates(out, at);
  }

  /**
   * Writes one field at `at` and returns the place behind.
   * @param id well-known id of `name` or 0
   */
  encode(out: Latin1Bytes, at: number, id: number, name: string, value: string): number {
    const slot = id !== 0 ? this.#byId[id] ?? this.#addById(id, name) : this.#named(name);
    const fixed = slot.staticValues;
    for (let i = 0; i < fixed.length; i++) {
      if (fixed[i] === value) {
        out[at++] = 0x80 | slot.staticIndices[i]!;
        return at;
      }
    }
    const table = this.#table;
    if (slot.indexing === "index") {
      if (slot.number !== 0 && slot.value === value && table.holds(slot.number)) {
        slot.misses = 0;
        return writeInteger(out, at, 0x80, 0x7f, table.indexOf(slot.number));
      }
      if (slot.olderNumber !== 0 && slot.olderValue === value && table.holds(slot.olderNumber)) {
        slot.misses = 0;
        return writeInteger(out, at, 0x80, 0x7f, table.indexOf(slot.olderNumber));
      }
      if (slot.misses < MAX_MISSES && this.#isWorthIndexing(name, value)) {
        return this.#writeIndexed(out, at, slot, name, value);
      }
    }
    if (slot.indexing === "literal" && this.#isWorthNaming(slot, name, value)) {
      return this.#writeIndexed(out, at, slot, name, value);
    }
    const isSecret = slot.indexing === "never" ||
      (id === H.cookie && value.length < SHORT_COOKIE);
    const nameIndex = slot.staticName !== 0
      ? slot.staticName
      : slot.number !== 0 && table.holds(slot.number)
      ? table.indexOf(slot.number)
      : 0;
    at = writeInteger(out, at, isSecret ? 0x10 : 0, 0x0f, nameIndex);
    if (nameIndex === 0) at = writeRaw(out, at, name);
    return writeRaw(out, at, value);
  }

  #writeIndexed(
    out: Latin1Bytes,
    at: number,
    slot: NameSlot,
    name: string,
    value: string,
  ): number {
    const table = this.#table;
    const nameIndex = slot.staticName !== 0
      ? slot.staticName
      : slot.number !== 0 && table.holds(slot.number)
      ? table.indexOf(slot.number)
      : 0;
    at = writeInteger(out, at, 0x40, 0x3f, nameIndex);
    if (nameIndex === 0) at = writeCoded(out, at, name);
    at = writeCoded(out, at, value);
    slot.olderValue = slot.value;
    slot.olderNumber = slot.number;
    slot.value = value;
    slot.number = table.add(name.length, value.length);
    slot.misses++;
    return at;
  }

  /** A name that no table holds is entered once with whatever value, to be referred to later. */
  #isWorthNaming(slot: NameSlot, name: string, value: string): boolean {
    return slot.staticName === 0 && (slot.number === 0 || !this.#table.holds(slot.number)) &&
      this.#isWorthIndexing(name, value);
  }

  /** An entry above half the table would push out all that is of use. */
  #isWorthIndexing(name: string, value: string): boolean {
    return name.length + value.length + ENTRY_OVERHEAD <= this.#table.maxSize >>> 1;
  }

  #addById(id: number, name: string): NameSlot {
    while (this.#byId.length <= id) this.#byId.push(undefined);
    return this.#byId[id] = newNameSlot(name);
  }

  #named(name: string): NameSlot {
    let slot = this.#byName.get(name);
    if (slot === undefined) {
      if (this.#byName.size >= MAX_NAMED_SLOTS) this.#byName.clear();
      slot = newNameSlot(name);
      this.#byName.set(name, slot);
    }
    return slot;
  }
}

const ENCODER = new TextEncoder();

/** Writes a string literal as it is (§5.2). */
function writeRaw(out: Latin1Bytes, at: number, text: string): number {
  const length = text.length;
  at = writeInteger(out, at, 0, 0x7f, length);
  if (length > SHORT_TEXT) {
    // As many bytes as chars means ASCII only; else the bytes are written again below.
    const { read, written } = ENCODER.encodeInto(text, out.subarray(at, at + length));
    if (read === length && written === length) return at + length;
  }
  for (let i = 0; i < length; i++) out[at++] = text.charCodeAt(i);
  return at;
}

/** Writes a string literal in Huffman code unless that is longer. */
function writeCoded(out: Latin1Bytes, at: number, text: string): number {
  const length = huffmanLength(text);
  if (length >= text.length) return writeRaw(out, at, text);
  at = writeInteger(out, at, 0x80, 0x7f, length);
  return huffmanEncode(text, out, at);
}
