/**
 * Cuts the byte stream into frames (RFC 9113 §4.1). DATA is handed on in pieces as it arrives;
 * other frames as a whole: straight from the input when it holds all of one, else gathered in a
 * buffer of at most 16 KiB.
 */

import { allocateLatin1, asLatin1, type Latin1Bytes } from "../../base/mod.ts";
import { FRAME, FRAME_FLAG, FRAME_HEAD_BYTES, PREFACE } from "./frame.ts";

/** Takes what the reader finds. The frame's head stands in the reader's fields meanwhile. */
export interface FrameHandler {
  /** A head was read. @returns false to stop reading for good */
  onFrameHead(): boolean;
  /** All of a payload, but for DATA. */
  onPayload(bytes: Latin1Bytes, start: number, end: number): void;
  /** Some of a DATA frame's content, padding left out; called once at least. */
  onDataPiece(bytes: Latin1Bytes, start: number, end: number, isLast: boolean): void;
  /** Padding that leaves no content is a lie about the length (§6.1). */
  onBadPadding(): void;
  onBadPreface(): void;
}

type State = "preface" | "head" | "payload" | "pad_length" | "data" | "padding" | "stopped";

/**
 * Push parser of frames: `feed` takes whatever was read and calls its handler, which may stop it.
 */
export class FrameReader {
  /** Head of the current frame. */
  length = 0;
  type = 0;
  flags = 0;
  streamId = 0;

  readonly #handler: FrameHandler;
  #state: State;
  /** Bytes of the preface that matched, or of what is gathered in `#head` or `#payload`. */
  #gathered = 0;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #payload: Latin1Bytes | undefined;
  /** Bytes of a DATA frame's content and padding that are to come. */
  #dataLeft = 0;
  #paddingLeft = 0;
  /** The input's memory with text methods, kept for as long as the same read buffer comes. */
  #view: Latin1Bytes | undefined;

  constructor(handler: FrameHandler, expectsPreface: boolean) {
    this.#handler = handler;
    this.#state = expectsPreface ? "preface" : "head";
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#state = "stopped";
    this.#payload = undefined;
  }

  feed(input: Uint8Array): void {
    const bytes = this.#viewOf(input);
    let at = input.byteOffset;
    const end = at + input.length;
    while (at < end || (this.#state === "payload" && this.length === 0)) {
      switch (this.#state) {
        case "head":
          at = this.#readHead(bytes, at, end);
          break;
        case "payload":
          at = this.#readPayload(bytes, at, end);
          break;
        case "data":
          at = this.#readData(bytes, at, end);
          break;
        case "pad_length":
          this.#startData(bytes[at++]!, this.length - 1);
          break;
        case "padding":
          at = this.#skipPadding(at, end);
          break;
        case "preface":
          at = this.#readPreface(bytes, at, end);
          break;
        case "stopped":
          return;
      }
    }
  }

  /** All of the input's memory: read buffers are few, so one view serves for long. */
  #viewOf(input: Uint8Array): Latin1Bytes {
    const view = this.#view;
    if (view !== undefined && view.buffer === input.buffer) return view;
    return this.#view = asLatin1(new Uint8Array(input.buffer));
  }

  #readPreface(bytes: Uint8Array, at: number, end: number): number {
    while (at < end && this.#gathered < PREFACE.length) {
      if (bytes[at++] !== PREFACE.charCodeAt(this.#gathered++)) {
        this.stop();
        this.#handler.onBadPreface();
        return end;
      }
    }
    if (this.#gathered === PREFACE.length) {
      this.#gathered = 0;
      this.#state = "head";
    }
    return at;
  }

  #readHead(bytes: Uint8Array, at: number, end: number): number {
    if (this.#gathered === 0 && end - at >= FRAME_HEAD_BYTES) {
      this.#parseHead(bytes, at);
      return at + FRAME_HEAD_BYTES;
    }
    while (at < end && this.#gathered < FRAME_HEAD_BYTES) {
      this.#head[this.#gathered++] = bytes[at++]!;
    }
    if (this.#gathered === FRAME_HEAD_BYTES) {
      this.#gathered = 0;
      this.#parseHead(this.#head, 0);
    }
    return at;
  }

  #parseHead(bytes: Uint8Array, at: number): void {
    this.length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.type = bytes[at + 3]!;
    this.flags = bytes[at + 4]!;
    this.streamId = ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) |
      (bytes[at + 7]! << 8) | bytes[at + 8]!;
    if (!this.#handler.onFrameHead()) {
      this.stop();
      return;
    }
    if (this.type !== FRAME.data) this.#state = "payload";
    else if ((this.flags & FRAME_FLAG.padded) === 0) this.#startData(0, this.length);
    else if (this.length > 0) this.#state = "pad_length";
    else this.#handler.onBadPadding();
  }

  #readPayload(bytes: Latin1Bytes, at: number, end: number): number {
    const length = this.length;
    if (this.#gathered === 0 && end - at >= length) {
      this.#state = "head";
      this.#handler.onPayload(bytes, at, at + length);
      return at + length;
    }
    const payload = this.#payload ??= allocateLatin1(length);
    const taken = Math.min(end - at, length - this.#gathered);
    payload.set(bytes.subarray(at, at + taken), this.#gathered);
    this.#gathered += taken;
    if (this.#gathered === length) {
      this.#gathered = 0;
      this.#payload = undefined;
      this.#state = "head";
      this.#handler.onPayload(payload, 0, length);
    }
    return at + taken;
  }

  #startData(padding: number, rest: number): void {
    if (padding > rest) {
      this.#handler.onBadPadding();
      return;
    }
    this.#paddingLeft = padding;
    this.#dataLeft = rest - padding;
    this.#state = "data";
    if (this.#dataLeft === 0) {
      this.#state = padding > 0 ? "padding" : "head";
      this.#handler.onDataPiece(EMPTY, 0, 0, true);
    }
  }

  #readData(bytes: Latin1Bytes, at: number, end: number): number {
    const taken = Math.min(end - at, this.#dataLeft);
    this.#dataLeft -= taken;
    const isLast = this.#dataLeft === 0;
    if (isLast) this.#state = this.#paddingLeft > 0 ? "padding" : "head";
    this.#handler.onDataPiece(bytes, at, at + taken, isLast);
    return at + taken;
  }

  #skipPadding(at: number, end: number): number {
    const taken = Math.min(end - at, this.#paddingLeft);
    this.#paddingLeft -= taken;
    if (this.#paddingLeft === 0) this.#state = "head";
    return at + taken;
  }
}

const EMPTY: Latin1Bytes = allocateLatin1(0);
