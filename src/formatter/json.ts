/** JSON as Envoy prints it: properties in byte order, no spaces, bytes passed on where they are UTF-8. */

import { binaryText, unicodeText } from "../matching/mod.ts";

/** A Unicode text that stays in its quotes also where it is printed as text. */
export class QuotedText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value as text; undefined if it is not there. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object") return binaryText(stringify(value));
  return String(value);
}

/** A value as JSON in a binary string; undefined if it is not there. */
export function jsonOf(value: unknown): string | undefined {
  if (typeof value === "string") return quote(value);
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object") return binaryText(stringify(value));
  return String(value);
}

/** A binary string as a JSON string. Bytes that are no UTF-8 are escaped one by one. */
export function quote(text: string): string {
  if (unicodeText(text) !== undefined) return JSON.stringify(text);
  let result = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isPlain = code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c;
    result += isPlain ? text[i] : `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return result + '"';
}

/** JSON of a Unicode value with its keys sorted. */
export function stringify(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (value instanceof QuotedText) return JSON.stringify(value.text);
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([a], [b]) => compareBytes(a, b));
    return `{${fields.map(([key, v]) => `${JSON.stringify(key)}:${stringify(v)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** Order of UTF-8 bytes. */
export function compareBytes(a: string, b: string): number {
  const left = binaryText(a);
  const right = binaryText(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
