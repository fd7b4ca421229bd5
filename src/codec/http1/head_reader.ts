/**
 * Gathers one message head or trailer section over as many reads as it takes. A head that lies in
 * one read is scanned where it is; else its bytes so far are copied, never more than the limit, and
 * a read without a line end costs only its copy (slow headers, 1 byte a read: still linear time).
 */

import { allocateLatin1, type Latin1Bytes, latin1Text } from "../../base/mod.ts";
import { LF } from "./char_tables.ts";
import { HeadScanner, type ScanMode, type ScanResult } from "./head_scanner.ts";

export type HeadResult = ScanResult | "too_large";

const MAX_FREE = 16;
const FIRST_CARRY_BYTES = 512;
const free: HeadScanner[] = [];

/** A head as text and spans, from however many reads; `maxBytes` bounds what it holds. */
export class HeadReader {
  readonly #maxBytes: number;
  #scanner: HeadScanner | undefined = undefined;
  /** The head so far, if it did not end in the read it began in. */
  #carry: Latin1Bytes | undefined = undefined;
  #carried = 0;
  result: HeadResult = "more";
  /** The whole head as text, one char code a byte, once `result` is `done`. */
  text = "";

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of an unfinished head that are held. */
  get heldBytes(): number {
    return this.#carried;
  }

  /** The lines found; valid from `begin` to `finish`. */
  get scanner(): HeadScanner {
    return this.#scanner!;
  }

  begin(mode: ScanMode): void {
    this.#scanner ??= free.pop() ?? new HeadScanner();
    this.#scanner.begin(mode);
    this.#carry = undefined;
    this.#carried = 0;
    this.result = "more";
  }

  /** Gives back what `begin` took; the text stays. */
  finish(): void {
    if (this.#scanner !== undefined && free.length < MAX_FREE) free.push(this.#scanner);
    this.#scanner = undefined;
    this.#carry = undefined;
    this.#carried = 0;
    this.text = "";
  }

  /** Takes bytes from `from` on; `result` says how it went. @returns the first byte not taken */
  read(bytes: Uint8Array, from: number): number {
    if (this.#carried > 0) return this.#readOn(bytes, from);
    const scanner = this.scanner;
    const length = bytes.length - from;
    this.result = scanner.scan(bytes, from, Math.min(bytes.length, from + this.#maxBytes + 1));
    if (this.result === "done") {
      if (scanner.length > this.#maxBytes) this.result = "too_large";
      else this.text = latin1Text(bytes, from, from + scanner.length);
      return from + scanner.length;
    }
    if (this.result === "more") {
      if (length > this.#maxBytes) this.result = "too_large";
      else this.#append(bytes, from, bytes.length);
    }
    return bytes.length;
  }

  #readOn(bytes: Uint8Array, from: number): number {
    const scanner = this.scanner;
    const before = this.#carried;
    const to = Math.min(bytes.length, from + this.#maxBytes + 1 - before);
    this.#append(bytes, from, to);
    const lineEnd = bytes.indexOf(LF, from);
    if (lineEnd >= 0 && lineEnd < to) {
      this.result = scanner.scan(this.#carry!, 0, this.#carried);
      if (this.result === "done") {
        if (scanner.length > this.#maxBytes) this.result = "too_large";
        else this.text = this.#carry!.latin1Slice(0, scanner.length);
        return from + scanner.length - before;
      }
    }
    if (this.result === "more" && this.#carried > this.#maxBytes) this.result = "too_large";
    return to;
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.#carried + to - from;
    if (this.#carry === undefined || this.#carry.length < needed) {
      const size = Math.max(FIRST_CARRY_BYTES, needed * 2);
      const wider = allocateLatin1(Math.min(size, Math.max(needed, this.#maxBytes + 1)));
      if (this.#carry !== undefined) wider.set(this.#carry.subarray(0, this.#carried), 0);
      this.#carry = wider;
    }
    const isWhole = from === 0 && to === bytes.length;
    this.#carry.set(isWhole ? bytes : bytes.subarray(from, to), this.#carried);
    this.#carried = needed;
  }
}
