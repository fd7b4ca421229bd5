/**
 * The line before a chunk's data: its size and what extensions follow (RFC 9112 §7.1). Extensions
 * are checked and dropped. Everything two parsers have read differently is refused: no digits, 0x,
 * signs, a space and nothing after it, bare LF, an extension without a name.
 */

import { CR, HEX_VALUE, HTAB, LF, SP, TOKEN_LOWER } from "./char_tables.ts";

/** Digits of a size; more are refused, also leading zeros. */
const MAX_DIGITS = 16;
/** Extension bytes of one whole body: they cost work and mean nothing (hyper has such a limit too). */
export const MAX_EXTENSION_BYTES = 4096;

const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

type Position =
  | "size"
  | "before_semicolon"
  | "before_name"
  | "name"
  | "before_equals"
  | "before_value"
  | "value"
  | "quoted"
  | "escaped"
  | "after_value"
  | "lf";

/** A push parser of that line, byte by byte; `state` tells when it is done or refused. */
export class ChunkSizeLine {
  state: "more" | "done" | "bad" = "more";
  /** Of the chunk, in bytes. */
  size = 0;
  #position: Position = "size";
  #digits = 0;
  #extensionBytes = 0;

  /** Begins a body. */
  reset(): void {
    this.#extensionBytes = 0;
    this.next();
  }

  /** Begins the next line of the same body. */
  next(): void {
    this.state = "more";
    this.size = 0;
    this.#position = "size";
    this.#digits = 0;
  }

  /** Takes bytes of [from, to) until the line ends. @returns the first byte not taken */
  feed(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to && this.state === "more") {
      const byte = bytes[at++]!;
      if (this.#position === "size") this.#sizeByte(byte);
      else if (this.#position === "lf") this.state = byte === LF ? "done" : "bad";
      else if (++this.#extensionBytes > MAX_EXTENSION_BYTES) this.state = "bad";
      else this.#extensionByte(byte);
    }
    return at;
  }

  #sizeByte(byte: number): void {
    const digit = HEX_VALUE[byte]!;
    if (digit !== 255) {
      this.size = this.size * 16 + digit;
      if (++this.#digits > MAX_DIGITS || this.size > Number.MAX_SAFE_INTEGER) this.state = "bad";
    } else if (this.#digits === 0) this.state = "bad";
    else if (byte === CR) this.#position = "lf";
    else if (byte === SEMICOLON) this.#position = "before_name";
    else if (byte === SP || byte === HTAB) this.#position = "before_semicolon";
    else this.state = "bad";
  }

  #extensionByte(byte: number): void {
    const next = nextPosition(this.#position, byte);
    if (next === undefined) this.state = "bad";
    else this.#position = next;
  }
}

/** RFC 9112 §7.1.1: chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ). */
function nextPosition(position: Position, byte: number): Position | undefined {
  const isSpace = byte === SP || byte === HTAB;
  switch (position) {
    case "before_semicolon":
      return isSpace ? position : byte === SEMICOLON ? "before_name" : undefined;
    case "before_name":
      return isSpace ? position : TOKEN_LOWER[byte] !== 0 ? "name" : undefined;
    case "name":
      if (TOKEN_LOWER[byte] !== 0) return position;
      return byte === EQUALS ? "before_value" : isSpace ? "before_equals" : afterPart(byte);
    case "before_equals":
      return isSpace
        ? position
        : byte === EQUALS
        ? "before_value"
        : byte === SEMICOLON
        ? "before_name"
        : undefined;
    case "before_value":
      if (isSpace) return position;
      return byte === QUOTE ? "quoted" : TOKEN_LOWER[byte] !== 0 ? "value" : undefined;
    case "value":
      if (TOKEN_LOWER[byte] !== 0) return position;
      return isSpace ? "before_semicolon" : afterPart(byte);
    case "quoted":
      if (byte === QUOTE) return "after_value";
      return byte === BACKSLASH ? "escaped" : isText(byte) ? position : undefined;
    case "escaped":
      return isText(byte) ? "quoted" : undefined;
    case "after_value":
      return isSpace ? "before_semicolon" : afterPart(byte);
    default:
      return undefined;
  }
}

function afterPart(byte: number): Position | undefined {
  return byte === SEMICOLON ? "before_name" : byte === CR ? "lf" : undefined;
}

function isText(byte: number): boolean {
  return byte === HTAB || (byte >= SP && byte !== 127);
}
