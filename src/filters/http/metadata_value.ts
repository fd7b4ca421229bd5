/** How a header's text becomes a value of dynamic metadata: base64, numbers, protobuf's Value. */

import { Buffer as NodeBuffer } from "node:buffer";

/** `=` at the end may be missing; what is no base64, or has bits to spare, is none. */
const BASE64 = /^(?:[\w+/]{4})*(?:[\w+/][AQgw](?:==?)?|[\w+/]{2}[AEIMQUYcgkosw048]=?)?$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const HEX = /^[+-]?0x[\da-f]+$/i;
const NOT_FINITE = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i;
/** As deep as protobuf's own parsers go. */
const MAX_DEPTH = 100;

/** Bytes of a base64 text as a binary string; undefined if it is none, or empty. */
export function decodeBase64(text: string): string | undefined {
  if (text === "" || text.includes("_") || !BASE64.test(text)) return undefined;
  return NodeBuffer.from(text, "base64").toString("latin1");
}

/** A number as Envoy reads it (absl::SimpleAtod); undefined if the text is none. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (DECIMAL.test(trimmed)) return Number(trimmed);
  if (HEX.test(trimmed)) {
    const size = Number(trimmed.replace(/^[+-]/, ""));
    return trimmed.startsWith("-") ? -size : size;
  }
  const special = NOT_FINITE.exec(trimmed);
  if (special === null) return undefined;
  if (special[2] === undefined) return NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}

/** A binary string as Unicode; bytes that are no UTF-8 become U+FFFD. */
export function metadataText(binary: string): string {
  return NodeBuffer.from(binary, "latin1").toString("utf8");
}

/**
 * google.protobuf.Value off the wire, as JSON.
 * @returns undefined if the bytes are malformed; a value that says nothing is null
 */
export function parseValue(binary: string): unknown {
  const reader = new Reader(NodeBuffer.from(binary, "latin1"));
  return readValue(reader, 0);
}

/** What is malformed sets `failed`: senders are peers, and must not make us throw. */
class Reader {
  readonly #bytes: NodeBuffer;
  #at = 0;
  failed = false;
  wireType = 0;

  constructor(bytes: NodeBuffer) {
    this.#bytes = bytes;
  }

  /** The next field's number; 0 at the end. */
  next(): number {
    if (this.failed || this.#at >= this.#bytes.length) return 0;
    const tag = this.varint();
    this.wireType = Number(tag & 7n);
    const field = Number(tag >> 3n);
    if (field === 0 || field >= 2 ** 29) this.failed = true;
    return this.failed ? 0 : field;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    this.failed = true;
    return 0n;
  }

  double(): number {
    const at = this.#skipBytes(8);
    return this.failed ? 0 : this.#bytes.readDoubleLE(at);
  }

  /** A field with a length, as bytes. */
  bytes(): NodeBuffer {
    const length = this.varint();
    const at = this.#skipBytes(length > 0x7fff_ffffn ? Infinity : Number(length));
    return this.#bytes.subarray(at, this.#at);
  }

  text(): string {
    const bytes = this.bytes();
    const text = bytes.toString("utf8");
    if (text.includes("\ufffd") && !NodeBuffer.from(text, "utf8").equals(bytes)) this.failed = true;
    return text;
  }

  skip(): void {
    if (this.wireType === 0) this.varint();
    else if (this.wireType === 1) this.#skipBytes(8);
    else if (this.wireType === 2) this.bytes();
    else if (this.wireType === 5) this.#skipBytes(4);
    else this.failed = true;
  }

  #skipBytes(count: number): number {
    const at = this.#at;
    if (this.failed || at + count > this.#bytes.length) this.failed = true;
    else this.#at = at + count;
    return at;
  }
}

/** Wire types of Value's fields 1 to 6. */
const VALUE_TYPES = [-1, 0, 1, 2, 0, 2, 2];

function readValue(reader: Reader, depth: number): unknown {
  let value: unknown = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (VALUE_TYPES[field] !== reader.wireType) {
      reader.skip();
      continue;
    }
    if (field === 1) {
      reader.varint();
      value = null;
    } else if (field === 2) value = reader.double();
    else if (field === 3) value = reader.text();
    else if (field === 4) value = reader.varint() !== 0n;
    else {
      value = field === 5
        ? readNested(reader, depth, readStruct)
        : readNested(reader, depth, readList);
    }
  }
  return reader.failed ? undefined : value;
}

/** Reads a message in a message; undefined and `failed` if it is malformed or too deep. */
function readNested(
  reader: Reader,
  depth: number,
  read: (reader: Reader, depth: number) => unknown,
): unknown {
  const inner = new Reader(reader.bytes());
  const value = reader.failed || depth >= MAX_DEPTH ? undefined : read(inner, depth + 1);
  if (value === undefined) reader.failed = true;
  return value;
}

function readStruct(reader: Reader, depth: number): unknown {
  const fields: [string, unknown][] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1 || reader.wireType !== 2) reader.skip();
    else fields.push(readNested(reader, depth, readEntry) as [string, unknown] ?? ["", null]);
  }
  // Unlike an assignment this keeps a key named __proto__ a key.
  return reader.failed ? undefined : Object.fromEntries(fields);
}

function readEntry(reader: Reader, depth: number): unknown {
  let key = "";
  let value: unknown = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 && reader.wireType === 2) key = reader.text();
    else if (field === 2 && reader.wireType === 2) value = readNested(reader, depth, readValue);
    else reader.skip();
  }
  return reader.failed ? undefined : [key, value];
}

function readList(reader: Reader, depth: number): unknown {
  const items: unknown[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1 && reader.wireType === 2) items.push(readNested(reader, depth, readValue));
    else reader.skip();
  }
  return reader.failed ? undefined : items;
}
