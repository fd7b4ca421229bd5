/** 256-entry tables of the characters HTTP/1 allows where (RFC 9110 §5, RFC 9112 §3); one look-up a byte. */

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;

function fill(table: Uint8Array, characters: string): Uint8Array {
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1;
  return table;
}

const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The lower-case byte of each `tchar` (RFC 9110 §5.6.2), 0 for all others. */
export const TOKEN_LOWER: Uint8Array = fill(
  new Uint8Array(256),
  DIGITS + LETTERS + "!#$%&'*+-.^_`|~",
).map((allowed, byte) => {
  if (allowed === 0) return 0;
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
});

/** 1 for what a field value may hold: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). */
export const FIELD_VALUE: Uint8Array = new Uint8Array(256).map((_, byte) =>
  byte === HTAB || (byte >= SP && byte !== 127) ? 1 : 0
);

/** 1 for what a request target may hold: visible ASCII. */
export const TARGET: Uint8Array = new Uint8Array(256).map((_, byte) =>
  byte > SP && byte < 127 ? 1 : 0
);

/**
 * 1 for what a Host or an authority may hold (RFC 3986 §3.2.2 and the port's colon). No "@": user
 * information is refused (RFC 9110 §4.2.4). No ",": a list of hosts has two readings.
 */
export const AUTHORITY: Uint8Array = fill(
  new Uint8Array(256),
  DIGITS + LETTERS + "-._~%!$&'()*+;=:[]",
);

/** The value of a hexadecimal digit, 255 for all others. */
export const HEX_VALUE: Uint8Array = new Uint8Array(256).map((_, byte) => {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : 255;
});

/** Whether every char code of `text` is marked in `table`. */
export function holdsOnly(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255 || table[code] === 0) return false;
  }
  return true;
}
