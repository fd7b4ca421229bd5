/**
 * Reads protobuf's wire format (protobuf.dev/programming-guides/encoding). Only for the committed
 * descriptor set: what is malformed there is our bug, so it throws.
 */

/** Wire types; groups (3 and 4) are not in use. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const TEXT = new TextDecoder();

/** A cursor over the fields of one message. */
export class WireReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #end: number;
  #at: number;
  /** Of the field that `next` has found. */
  wireType = VARINT;

  constructor(bytes: Uint8Array<ArrayBuffer>, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The next field's number, or 0 at the end; its value must be read or skipped. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.uint32();
    this.wireType = tag & 7;
    return tag >>> 3;
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("A varint is longer than ten bytes");
  }

  /** A varint, unsigned. */
  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError("A varint is longer than ten bytes");
  }

  /** The bytes of a fixed-width value. */
  fixed(length: 4 | 8): DataView {
    const at = this.#take(length);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  /** The bytes of a length-delimited value. */
  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.uint32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    const length = this.uint32();
    const at = this.#take(length);
    let text = "";
    for (let i = at; i < this.#at; i++) {
      const byte = this.#bytes[i]!;
      // Names are ASCII, and short: the decoder's call would cost more than they do.
      if (byte >= 0x80) return TEXT.decode(this.#bytes.subarray(at, this.#at));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A cursor of its own over a message; this one goes on behind it. */
  message(): WireReader {
    const length = this.uint32();
    const at = this.#take(length);
    return new WireReader(this.#bytes, at, at + length);
  }

  /** The same cursor again, from where this one stands. */
  fork(): WireReader {
    return new WireReader(this.#bytes, this.#at, this.#end);
  }

  skip(): void {
    switch (this.wireType) {
      case VARINT:
        while (this.#byte() >= 0x80);
        return;
      case FIXED64:
        this.#take(8);
        return;
      case BYTES:
        this.#take(this.uint32());
        return;
      case FIXED32:
        this.#take(4);
        return;
      default:
        throw new RangeError(`No field has wire type ${this.wireType}`);
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new RangeError("A value is cut off");
    return this.#bytes[this.#at++]!;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new RangeError("A value is cut off");
    this.#at = at + length;
    return at;
  }
}
