/**
 * A bounded reader of DER (X.690), as much of it as X.509 needs. Certificates come from peers: no
 * length is believed before it is checked, and what does not parse is undefined, never an exception.
 */

/** One element: its tag byte and where it and its contents lie in `bytes`. */
export interface DerElement {
  readonly bytes: Uint8Array;
  readonly tag: number;
  /** First byte of the header. */
  readonly start: number;
  /** First byte of the contents. */
  readonly from: number;
  /** Past the last byte of the contents. */
  readonly to: number;
}

export const DER_INTEGER = 0x02;
export const DER_OCTET_STRING = 0x04;
export const DER_OID = 0x06;
export const DER_SEQUENCE = 0x30;
export const DER_SET = 0x31;
export const DER_UTC_TIME = 0x17;
export const DER_GENERALIZED_TIME = 0x18;

/** Reads the element at `at`; undefined if it does not fit before `end`. */
export function readDer(bytes: Uint8Array, at: number, end: number): DerElement | undefined {
  if (at + 2 > end) return undefined;
  const tag = bytes[at]!;
  // No certificate has tags of more than one byte.
  if ((tag & 0x1f) === 0x1f) return undefined;
  let length = bytes[at + 1]!;
  let from = at + 2;
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 3 || from + count > end) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[from++]!;
  }
  const to = from + length;
  return to > end ? undefined : { bytes, tag, start: at, from, to };
}

/** The elements inside one; those before a broken one. */
export function derChildren(element: DerElement): DerElement[] {
  const children: DerElement[] = [];
  let at = element.from;
  while (at < element.to) {
    const child = readDer(element.bytes, at, element.to);
    if (child === undefined) break;
    children.push(child);
    at = child.to;
  }
  return children;
}

/** The contents; no copy. */
export function derContents(element: DerElement): Uint8Array {
  return element.bytes.subarray(element.from, element.to);
}

/** The element with its header; no copy. */
export function derWhole(element: DerElement): Uint8Array {
  return element.bytes.subarray(element.start, element.to);
}

/** Dotted text of an object identifier. */
export function derOid(element: DerElement): string {
  const { bytes, from, to } = element;
  if (from >= to) return "";
  const arcs: number[] = [];
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const first = value < 40 ? 0 : value < 80 ? 1 : 2;
      arcs.push(first, value - first * 40);
    } else {
      arcs.push(value);
    }
    value = 0;
  }
  return arcs.join(".");
}

/** A UTCTime or GeneralizedTime as Unix milliseconds; NaN if it is neither (RFC 5280 §4.1.2.5). */
export function derTime(element: DerElement): number {
  const text = asciiText(derContents(element));
  const match = element.tag === DER_UTC_TIME
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return NaN;
  let year = Number(match[1]);
  if (element.tag === DER_UTC_TIME) year += year < 50 ? 2000 : 1900;
  const [month, day, hour, minute, second] = match.slice(2).map(Number);
  return Date.UTC(year, month! - 1, day, hour, minute, second);
}

/** Lower-case hex of bytes. */
export function hexText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]!]!;
  return text;
}

/** One char code a byte. */
export function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, value) => value.toString(16).padStart(2, "0"),
);
