/** Frames a body on its way out (RFC 9112 §6, §7.1) and holds it to the length its head promised. */

import type { OutputBuffer } from "../../base/mod.ts";
import type { HeaderMap } from "../../http/mod.ts";

/** `none`: whatever is written is dropped, as in answers to HEAD. */
export type OutgoingFraming = "none" | "length" | "chunked" | "raw";

/** Chunks up to this size are written in one reservation. */
const SMALL_CHUNK = 4096;
/** Hex digits of a size, its CRLF, the CRLF behind the data, and the last chunk. */
const CHUNK_OVERHEAD = 14 + 2 + 2 + 5;
const HEX = "0123456789abcdef";
const CR = 13;
const LF = 10;
const ZERO = 48;

/** Writes body and trailers of one message at a time, in the framing that its head announced. */
export class BodyWriter {
  #framing: OutgoingFraming = "none";
  #left = 0;
  /** The head promised more bytes than were written, or more were written and cut off. */
  isBroken = false;

  /** `length` counts for that framing only. */
  begin(framing: OutgoingFraming, length: number): void {
    this.#framing = framing;
    this.#left = length;
    this.isBroken = false;
  }

  get framing(): OutgoingFraming {
    return this.#framing;
  }

  /** Writes a piece of body. @returns how many bytes went out, framing included */
  write(output: OutputBuffer, bytes: Uint8Array, end: boolean): number {
    switch (this.#framing) {
      case "none":
        return 0;
      case "raw":
        output.writeBytes(bytes);
        return bytes.length;
      case "length":
        return this.#writeLength(output, bytes, end);
      case "chunked":
        return writeChunk(output, bytes, end);
    }
  }

  /** Ends a chunked body with trailers. @returns how many bytes went out */
  writeTrailers(output: OutputBuffer, trailers: HeaderMap, isEnabled: boolean): number {
    if (this.#framing !== "chunked") return this.write(output, EMPTY, true);
    let text = "0\r\n";
    for (let i = 0; isEnabled && i < trailers.length; i++) {
      text += trailers.nameAt(i) + ": " + trailers.valueAt(i) + "\r\n";
    }
    text += "\r\n";
    output.writeLatin1(text);
    return text.length;
  }

  /** Bytes past the promised length would be read as the next message: they are cut off. */
  #writeLength(output: OutputBuffer, bytes: Uint8Array, end: boolean): number {
    const fits = bytes.length <= this.#left;
    const size = fits ? bytes.length : this.#left;
    this.#left -= size;
    if (!fits || (end && this.#left > 0)) this.isBroken = true;
    if (size > 0) output.writeBytes(fits ? bytes : bytes.subarray(0, size));
    return size;
  }
}

export const EMPTY: Uint8Array = new Uint8Array(0);

function writeChunk(output: OutputBuffer, bytes: Uint8Array, end: boolean): number {
  const size = bytes.length;
  if (size === 0 && !end) return 0;
  const chunk = output.reserve(size <= SMALL_CHUNK ? size + CHUNK_OVERHEAD : CHUNK_OVERHEAD);
  const start = output.offset;
  let at = start;
  if (size > 0) {
    at = writeSize(chunk, at, size);
    if (size <= SMALL_CHUNK) {
      chunk.set(bytes, at);
      at += size;
    } else {
      output.commit(at - start);
      output.writeBytes(bytes);
      return at - start + size + writeChunkEnd(output, end);
    }
    chunk[at++] = CR;
    chunk[at++] = LF;
  }
  if (end) at = writeLastChunk(chunk, at);
  output.commit(at - start);
  return at - start;
}

function writeChunkEnd(output: OutputBuffer, end: boolean): number {
  const chunk = output.reserve(CHUNK_OVERHEAD);
  const start = output.offset;
  let at = start;
  chunk[at++] = CR;
  chunk[at++] = LF;
  if (end) at = writeLastChunk(chunk, at);
  output.commit(at - start);
  return at - start;
}

/** The size in hex and its CRLF. */
function writeSize(chunk: Uint8Array, from: number, size: number): number {
  let digits = 1;
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 16)) digits++;
  let rest = size;
  for (let i = digits - 1; i >= 0; i--) {
    chunk[from + i] = HEX.charCodeAt(rest % 16);
    rest = Math.floor(rest / 16);
  }
  chunk[from + digits] = CR;
  chunk[from + digits + 1] = LF;
  return from + digits + 2;
}

function writeLastChunk(chunk: Uint8Array, from: number): number {
  let at = from;
  chunk[at++] = ZERO;
  chunk[at++] = CR;
  chunk[at++] = LF;
  chunk[at++] = CR;
  chunk[at++] = LF;
  return at;
}
