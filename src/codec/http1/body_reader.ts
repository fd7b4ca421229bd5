/**
 * Cuts a body out of the bytes of a connection (RFC 9112 §6.3, §7.1): by length, by chunks, or to
 * the end of the connection. It copies nothing; `event` and the data's two ends are its answer.
 */

import { CR, LF } from "./char_tables.ts";
import { ChunkSizeLine } from "./chunk_size_line.ts";

export type BodyEvent =
  /** All bytes were framing; more are needed. */
  | "more"
  /** [dataStart, dataEnd) is body. */
  | "data"
  /** So is this, and the body ends with it. */
  | "last_data"
  /** The last chunk was read; the trailer section begins. */
  | "trailers"
  | "bad";

/** `length` 0 is not read: such a message ends with its head. */
export type BodyFraming = "length" | "chunked" | "until_close";

/** Finds body data and its end in what was read; call `read` until it asks for more. */
export class BodyReader {
  #framing: BodyFraming = "until_close";
  /** Bytes of the body or of the present chunk still to come. */
  #left = 0;
  #line: ChunkSizeLine | undefined = undefined;
  #position: "size" | "data" | "cr" | "lf" = "size";
  event: BodyEvent = "more";
  dataStart = 0;
  dataEnd = 0;

  /** Begins a body; `length` counts for that framing only. */
  begin(framing: BodyFraming, length: number): void {
    this.#framing = framing;
    this.#left = length;
    if (framing !== "chunked") return;
    this.#line ??= new ChunkSizeLine();
    this.#line.reset();
    this.#position = "size";
  }

  get isUntilClose(): boolean {
    return this.#framing === "until_close";
  }

  /** Takes bytes from `at` on until there is something to say. @returns the first byte not taken */
  read(bytes: Uint8Array, at: number): number {
    if (this.#framing === "chunked") return this.#readChunked(bytes, at);
    this.dataStart = at;
    if (this.#framing === "until_close") {
      this.event = "data";
      return this.dataEnd = bytes.length;
    }
    this.dataEnd = Math.min(bytes.length, at + this.#left);
    this.#left -= this.dataEnd - at;
    this.event = this.#left === 0 ? "last_data" : "data";
    return this.dataEnd;
  }

  #readChunked(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#position === "data") return this.#chunkData(bytes, at);
      if (this.#position === "size") {
        at = this.#sizeLine(bytes, at);
        if (this.event !== "more") return at;
        continue;
      }
      // Data longer than its size must not be taken for the next chunk (RFC 9112 §7.1).
      if (bytes[at++] !== (this.#position === "cr" ? CR : LF)) {
        this.event = "bad";
        return at;
      }
      this.#position = this.#position === "cr" ? "lf" : "size";
    }
    this.event = "more";
    return at;
  }

  #sizeLine(bytes: Uint8Array, from: number): number {
    const line = this.#line!;
    const at = line.feed(bytes, from, bytes.length);
    this.event = "more";
    if (line.state === "bad") this.event = "bad";
    else if (line.state === "done") {
      this.#left = line.size;
      this.#position = "data";
      if (line.size === 0) this.event = "trailers";
      line.next();
    }
    return at;
  }

  #chunkData(bytes: Uint8Array, at: number): number {
    this.dataStart = at;
    const end = this.dataEnd = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.event = "data";
    if (this.#left > 0) return end;
    this.#position = "cr";
    if (!isLastChunk(bytes, end)) return end;
    // The usual end lies in the same read: one event instead of two.
    this.event = "last_data";
    return end + LAST_CHUNK_BYTES;
  }
}

const LAST_CHUNK_BYTES = 7;

/** Whether CRLF and a last chunk without extensions and trailers stand at `at`. */
function isLastChunk(bytes: Uint8Array, at: number): boolean {
  return bytes.length - at >= LAST_CHUNK_BYTES && bytes[at] === CR && bytes[at + 1] === LF &&
    bytes[at + 2] === 48 && bytes[at + 3] === CR && bytes[at + 4] === LF &&
    bytes[at + 5] === CR && bytes[at + 6] === LF;
}
