/** What HTTP/2 asks of single field values (RFC 9113 §8.2, §8.3; RFC 3986), as nghttp2 reads it. */

import { H } from "../../http/mod.ts";

/** Why a message is malformed; `undefined` members of a verdict mean it is fine. */
export type Fault = "field" | "messaging" | "too_many" | "underscore";

const METHOD_CHARS = table("!#$%&'*+-.^_`|~", true);
const SCHEME_CHARS = table("+-.", true);
/** Without "@": user information in an authority is deprecated and confuses (RFC 9110 §4.2.4). */
const AUTHORITY_CHARS = table("-._~!$&'()*+,;=:[]%", true);
/** Visible ASCII and bytes above 0x7F. */
const PATH_CHARS = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte > 0x20 && byte !== 0x7f ? 1 : 0,
);

function table(extra: string, hasLettersAndDigits: boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const char = String.fromCharCode(byte);
    return extra.includes(char) || (hasLettersAndDigits && /[A-Za-z0-9]/.test(char)) ? 1 : 0;
  });
}

function holdsOnly(text: string, chars: Uint8Array): boolean {
  let all = 1;
  for (let i = 0; i < text.length; i++) all &= chars[text.charCodeAt(i) & 0xff]!;
  return all === 1 && text !== "";
}

/** Whether a pseudo-header's value may stand in a request. */
export function isRequestPseudoValue(id: number, value: string): boolean {
  switch (id) {
    case H.path:
      return holdsOnly(value, PATH_CHARS);
    case H.method:
    case H.protocol:
      return holdsOnly(value, METHOD_CHARS);
    case H.scheme:
      return holdsOnly(value, SCHEME_CHARS);
    default:
      return isAuthority(value);
  }
}

/** Whether `value` has only what may stand in an authority (RFC 3986 §3.2), and something. */
export function isAuthority(value: string): boolean {
  return holdsOnly(value, AUTHORITY_CHARS);
}

/** Whether a field received may not stand in HTTP/2 (§8.2.2). */
export function isForbidden(id: number, value: string): boolean {
  return isConnectionSpecific(id) || (id === H.te && value.toLowerCase() !== "trailers");
}

/** Whether a field is about one connection, whatever its value (§8.2.2). */
export function isConnectionSpecific(id: number): boolean {
  switch (id) {
    case H.connection:
    case H.keepAlive:
    case H.proxyConnection:
    case H.transferEncoding:
    case H.upgrade:
      return true;
    default:
      return false;
  }
}

/** A content-length as a number, -1 if it is none: digits only, and exact as a number. */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > 15) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
