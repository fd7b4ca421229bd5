/**
 * Finds the lines of a message head and checks every byte of it in one pass (RFC 9112 §2, §5): no
 * string is made and nothing is copied. Positions are relative to the head's first byte, so that a
 * head which continues in the next read can go on in another buffer from the line it stopped at.
 */

import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN_LOWER } from "./char_tables.ts";
import { FIELD_NAMES, type FieldName, nextHash } from "../field_names.ts";

/** `more`: the bytes end before the head does. */
export type ScanResult = "done" | "more" | "bad" | "too_many";

/** What is scanned. */
export interface ScanMode {
  /** A head begins with a request or status line, a trailer section does not. */
  readonly hasStartLine: boolean;
  /**
   * Responses only: a line may end by a bare LF (RFC 9112 §2.2) and an obs-fold joins two lines
   * (§5.2). From a client both are smuggling tools and refused.
   */
  readonly lenient: boolean;
  readonly maxFields: number;
}

/** Numbers kept for each field: where its name begins, and the trimmed value's two ends. */
const STRIDE = 3;
/** Spans of a folded continuation have this in place of the name's begin. */
const FOLD = -1;
const NEED_MORE = -1;
const BAD_LINE = -2;

/** Spans of lines, names and values of one head; `scan` goes on from where the last read ended. */
export class HeadScanner {
  #mode: ScanMode = { hasStartLine: true, lenient: false, maxFields: 0 };
  #spans = new Int32Array(32 * STRIDE);
  readonly #names: (FieldName | undefined)[] = [];
  #inStartLine = false;
  /** Where the first line that is not scanned yet begins. */
  #lineStart = 0;
  /** Lines of fields found, continuations included. */
  count = 0;
  /** Length of the start line without its end. */
  startLineLength = 0;
  /** Length of the whole head with the blank line, once done. */
  length = 0;

  begin(mode: ScanMode): void {
    this.#mode = mode;
    this.#inStartLine = mode.hasStartLine;
    this.#lineStart = 0;
    this.count = 0;
    this.startLineLength = 0;
    this.length = 0;
  }

  /** The name of a field; undefined where the line continues the field before. */
  nameAt(index: number): FieldName | undefined {
    return this.#spans[index * STRIDE] === FOLD ? undefined : this.#names[index];
  }

  nameStart(index: number): number {
    return this.#spans[index * STRIDE]!;
  }

  valueStart(index: number): number {
    return this.#spans[index * STRIDE + 1]!;
  }

  valueEnd(index: number): number {
    return this.#spans[index * STRIDE + 2]!;
  }

  /** Goes on in `bytes`, in which the head began at `base`, up to `end`. */
  scan(bytes: Uint8Array, base: number, end: number): ScanResult {
    let at = base + this.#lineStart;
    if (this.#inStartLine) {
      const lineEnd = skipValue(bytes, at, end);
      const next = this.#nextLine(bytes, lineEnd, end);
      if (next < 0) return next === NEED_MORE ? "more" : "bad";
      this.startLineLength = lineEnd - at;
      this.#inStartLine = false;
      at = next;
      this.#lineStart = at - base;
    }
    while (at < end) {
      const first = bytes[at]!;
      if (first === CR || first === LF) return this.#blankLine(bytes, base, at, end);
      if (this.count >= this.#mode.maxFields) return "too_many";
      const next = first === SP || first === HTAB
        ? this.#continuation(bytes, base, at, end)
        : this.#field(bytes, base, at, end);
      if (next < 0) return next === NEED_MORE ? "more" : "bad";
      at = next;
      this.#lineStart = at - base;
    }
    return "more";
  }

  #blankLine(bytes: Uint8Array, base: number, at: number, end: number): ScanResult {
    const next = this.#nextLine(bytes, at, end);
    if (next < 0) return next === NEED_MORE ? "more" : "bad";
    this.length = next - base;
    return "done";
  }

  /** One `name: value` line. @returns where the next line begins, or why not */
  #field(bytes: Uint8Array, base: number, start: number, end: number): number {
    let at = start;
    let hash = 0;
    let lower = 0;
    while (at < end && (lower = TOKEN_LOWER[bytes[at]!]!) !== 0) {
      hash = nextHash(hash, lower);
      at++;
    }
    if (at === end) return NEED_MORE;
    // A space before the colon, or no name: two parsers would see two different names (RFC 9112 §5.1).
    if (bytes[at] !== COLON || at === start) return BAD_LINE;
    const valueStart = skipSpace(bytes, at + 1, end);
    const valueEnd = skipValue(bytes, valueStart, end);
    const next = this.#nextLine(bytes, valueEnd, end);
    if (next < 0) return next;
    this.#names[this.count] = FIELD_NAMES.find(bytes, start, at, hash);
    this.#record(start - base, valueStart - base, trimEnd(bytes, valueStart, valueEnd) - base);
    return next;
  }

  #continuation(bytes: Uint8Array, base: number, start: number, end: number): number {
    if (!this.#mode.lenient || this.count === 0) return BAD_LINE;
    const valueStart = skipSpace(bytes, start, end);
    const valueEnd = skipValue(bytes, valueStart, end);
    const next = this.#nextLine(bytes, valueEnd, end);
    if (next < 0) return next;
    this.#names[this.count] = undefined;
    this.#record(FOLD, valueStart - base, trimEnd(bytes, valueStart, valueEnd) - base);
    return next;
  }

  #record(nameStart: number, valueStart: number, valueEnd: number): void {
    const at = this.count * STRIDE;
    if (at === this.#spans.length) {
      const wider = new Int32Array(at * 2);
      wider.set(this.#spans);
      this.#spans = wider;
    }
    this.#spans[at] = nameStart;
    this.#spans[at + 1] = valueStart;
    this.#spans[at + 2] = valueEnd;
    this.count++;
  }

  /** Steps over a line end at `at`. */
  #nextLine(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return NEED_MORE;
    const byte = bytes[at];
    if (byte === CR) {
      if (at + 1 >= end) return NEED_MORE;
      return bytes[at + 1] === LF ? at + 2 : BAD_LINE;
    }
    return byte === LF && this.#mode.lenient ? at + 1 : BAD_LINE;
  }
}

function skipSpace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

function skipValue(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && FIELD_VALUE[bytes[at]!] !== 0) at++;
  return at;
}

function trimEnd(bytes: Uint8Array, start: number, from: number): number {
  let end = from;
  while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
  return end;
}
