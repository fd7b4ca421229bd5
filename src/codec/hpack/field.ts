/**
 * One header field as HPACK hands it over, with what its bytes already told: a field that sits in
 * a table is checked once, not each time it is referred to.
 */

import { headerId } from "../../http/mod.ts";

/** Findings about a field's bytes, or-ed together; 0 is a clean field. */
export const MARK = {
  /** Empty, upper case or no token (RFC 9113 §8.2.1). */
  badName: 1,
  /** NUL, CR, LF, another control or DEL, or space at either end (RFC 9113 §8.2.1). */
  badValue: 2,
  /** The name holds "_", which CGI-like servers read as "-". */
  underscore: 4,
} as const;

/** A field of the static or the dynamic table. */
export interface HeaderField {
  readonly id: number;
  readonly name: string;
  readonly value: string;
  readonly marks: number;
}

/** Overhead of an entry in bytes (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD = 32;

/** Marks by byte of a name: tokens in lower case are clean. */
const NAME_MARKS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x5f) return MARK.underscore;
  const isLetter = byte >= 0x61 && byte <= 0x7a;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  return isLetter || isDigit || "!#$%&'*+-.^`|~".includes(String.fromCharCode(byte))
    ? 0
    : MARK.badName;
});

/** Marks by byte of a value: HTAB, SP, visible ASCII and bytes above 0x7F are clean. */
const VALUE_MARKS = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f) ? 0 : MARK.badValue,
);

/** Checks a name's bytes; one leading colon is the mark of a pseudo-header. */
export function nameMarks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (at < end && bytes[at] === 0x3a) at++;
  if (at >= end) return MARK.badName;
  let marks = 0;
  while (at < end) marks |= NAME_MARKS[bytes[at++]!]!;
  return marks;
}

/** Checks a value's bytes. */
export function valueMarks(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  let marks = 0;
  for (let at = start; at < end; at++) marks |= VALUE_MARKS[bytes[at]!]!;
  if (isBlank(bytes[start]!) || isBlank(bytes[end - 1]!)) marks |= MARK.badValue;
  return marks;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** A clean field; for tables of constants. */
export function cleanField(name: string, value: string): HeaderField {
  return { id: headerId(name), name, value, marks: 0 };
}
