/**
 * Header blocks to fields (RFC 7541 §3, §6). Never throws: what a peer does wrong is a value, and
 * after it the connection is lost, since the tables no longer agree.
 */

import { allocateLatin1, type Latin1Bytes } from "../../base/mod.ts";
import { headerId } from "../../http/mod.ts";
import { FIELD_NAMES } from "../field_names.ts";
import { DecodeTable } from "./decode_table.ts";
import { cleanField, type HeaderField, MARK, nameMarks, valueMarks } from "./field.ts";
import { huffmanDecode, huffmanDecodedBound } from "./huffman.ts";
import { STATIC_COUNT, STATIC_FIELDS } from "./static_table.ts";

/** Takes the fields of a block in order. */
export interface FieldSink {
  onField(id: number, name: string, value: string, marks: number): void;
}

/** What is wrong with a block; each is a COMPRESSION_ERROR. */
export type HpackError =
  | "truncated"
  | "bad_index"
  | "bad_huffman"
  | "integer_overflow"
  | "bad_size_update"
  | "missing_size_update";

const STATIC: readonly HeaderField[] = STATIC_FIELDS.map(([name, value]) =>
  cleanField(name, value)
);

/** Table size before any SETTINGS, in bytes (RFC 9113 §6.5.2). */
const DEFAULT_TABLE_SIZE = 4096;
/** Integers larger than this are an attack (§5.1): no length or index comes near. */
const MAX_INTEGER = 1 << 27;
/** Up to here char by char beats the call into the runtime. */
const SHORT_TEXT = 7;

/** Decoded Huffman text of one string; grows to the largest block a connection may send. */
let scratch: Latin1Bytes = allocateLatin1(1024);

/**
 * The decoder of one connection: whole blocks in, fields to a sink; an error is the value it
 * returns.
 */
export class HpackDecoder {
  readonly #table: DecodeTable;
  /** The bound we announced in SETTINGS_HEADER_TABLE_SIZE, in bytes. */
  readonly #announcedSize: number;
  /** What a size update may ask for: the default holds until our SETTINGS are acknowledged. */
  #sizeLimit: number;
  /** Set while the peer owes the size update that a bound below the default calls for (§4.2). */
  #owesUpdate = false;
  #bytes: Latin1Bytes = scratch;
  #at = 0;
  #end = 0;
  #error: HpackError | undefined;
  /** The string that `#readString` found: its bytes, from `#textStart` to `#textEnd`. */
  #text: Latin1Bytes = scratch;
  #textStart = 0;
  #textEnd = 0;

  /** @param maxTableSize bytes, as announced to the peer */
  constructor(maxTableSize: number) {
    this.#announcedSize = maxTableSize;
    this.#sizeLimit = Math.max(maxTableSize, DEFAULT_TABLE_SIZE);
    this.#table = new DecodeTable(DEFAULT_TABLE_SIZE);
  }

  /** The peer has acknowledged our SETTINGS: a smaller table must now be announced by it. */
  onSettingsAcknowledged(): void {
    this.#sizeLimit = this.#announcedSize;
    this.#owesUpdate = this.#announcedSize < DEFAULT_TABLE_SIZE;
  }

  /** Entries of the dynamic table; for tests and dumps. */
  get tableCount(): number {
    return this.#table.count;
  }

  /** Size of the dynamic table in bytes as RFC 7541 §4.1 counts. */
  get tableSize(): number {
    return this.#table.size;
  }

  /** Decodes a whole block. @returns what is wrong with it, if anything */
  decode(
    bytes: Latin1Bytes,
    start: number,
    end: number,
    sink: FieldSink,
  ): HpackError | undefined {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#error = undefined;
    let isFirst = true;
    while (this.#at < this.#end) {
      const byte = bytes[this.#at]!;
      if ((byte & 0xe0) === 0x20) {
        if (!isFirst) return "bad_size_update"; // only at the beginning, §4.2
        this.#readSizeUpdate();
      } else {
        if (this.#owesUpdate) return "missing_size_update";
        isFirst = false;
        if (byte >= 0x80) this.#readIndexed(sink);
        else this.#readLiteral(byte, sink);
      }
      if (this.#error !== undefined) return this.#error;
    }
    return undefined;
  }

  #readIndexed(sink: FieldSink): void {
    const field = this.#field(this.#readInteger(0x7f));
    if (field !== undefined) sink.onField(field.id, field.name, field.value, field.marks);
  }

  #readLiteral(byte: number, sink: FieldSink): void {
    const isIndexing = byte >= 0x40;
    const index = this.#readInteger(isIndexing ? 0x3f : 0x0f);
    let id: number;
    let name: string;
    let marks: number;
    if (index !== 0) {
      const field = this.#field(index);
      if (field === undefined) return;
      id = field.id;
      name = field.name;
      marks = field.marks & ~MARK.badValue;
    } else {
      if (!this.#readString()) return;
      marks = nameMarks(this.#text, this.#textStart, this.#textEnd);
      if ((marks & MARK.badName) === 0) {
        const known = FIELD_NAMES.read(this.#text, this.#textStart, this.#textEnd);
        id = known.id;
        name = known.name;
      } else {
        name = readText(this.#text, this.#textStart, this.#textEnd);
        id = headerId(name);
      }
    }
    if (!this.#readString()) return;
    marks |= valueMarks(this.#text, this.#textStart, this.#textEnd);
    const value = readText(this.#text, this.#textStart, this.#textEnd);
    if (isIndexing) this.#table.add({ id, name, value, marks });
    sink.onField(id, name, value, marks);
  }

  #readSizeUpdate(): void {
    const size = this.#readInteger(0x1f);
    if (this.#error !== undefined) return;
    if (size > this.#sizeLimit) {
      this.#error = "bad_size_update";
      return;
    }
    this.#owesUpdate = false;
    this.#table.resize(size);
  }

  #field(index: number): HeaderField | undefined {
    if (this.#error !== undefined) return undefined;
    const field = index === 0
      ? undefined
      : index <= STATIC_COUNT
      ? STATIC[index]
      : this.#table.at(index - STATIC_COUNT - 1);
    if (field === undefined) this.#error = "bad_index";
    return field;
  }

  /** Reads an integer whose first byte is at hand; `mask` is the prefix, all ones (§5.1). */
  #readInteger(mask: number): number {
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) {
        this.#error = "truncated";
        return 0;
      }
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (value <= MAX_INTEGER) return value;
        break;
      }
    }
    this.#error = "integer_overflow";
    return 0;
  }

  /** Finds a string literal's text (§5.2). @returns false after an error */
  #readString(): boolean {
    if (this.#error !== undefined) return false;
    if (this.#at >= this.#end) {
      this.#error = "truncated";
      return false;
    }
    const isHuffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#readInteger(0x7f);
    if (this.#error !== undefined) return false;
    const start = this.#at;
    if (length > this.#end - start) {
      this.#error = "truncated";
      return false;
    }
    this.#at = start + length;
    if (!isHuffman) {
      this.#text = this.#bytes;
      this.#textStart = start;
      this.#textEnd = this.#at;
      return true;
    }
    const bound = huffmanDecodedBound(length);
    if (scratch.length < bound) scratch = allocateLatin1(bound * 2);
    const decoded = huffmanDecode(this.#bytes, start, this.#at, scratch);
    if (decoded < 0) {
      this.#error = "bad_huffman";
      return false;
    }
    this.#text = scratch;
    this.#textStart = 0;
    this.#textEnd = decoded;
    return true;
  }
}

/** Bytes to a string of one char code a byte. */
function readText(bytes: Latin1Bytes, start: number, end: number): string {
  if (end - start > SHORT_TEXT) return bytes.latin1Slice(start, end);
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
