/**
 * Field names as they come off the wire, found by a hash of their bytes: one interned lower-case
 * string and well-known id a name, without making a string for each header of each message. Both
 * codecs share the table of their thread.
 */

import { HEADER_NAMES, headerId } from "../http/mod.ts";
import { asLatin1 } from "../base/mod.ts";

/** One header name. */
export interface FieldName {
  /** Well-known id, 0 if it has none. */
  readonly id: number;
  /** In lower case. */
  readonly name: string;
  readonly hash: number;
  readonly hasUnderscore: boolean;
}

/** Common names that denvoy itself never reads; they have no id. */
const COMMON_NAMES: readonly string[] = [
  "accept-charset",
  "accept-language",
  "accept-ranges",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
  "access-control-request-headers",
  "access-control-request-method",
  "alt-svc",
  "content-disposition",
  "content-language",
  "content-location",
  "content-range",
  "content-security-policy",
  "dnt",
  "expires",
  "forwarded",
  "from",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-modified",
  "link",
  "max-forwards",
  "pragma",
  "priority",
  "proxy-authenticate",
  "range",
  "refresh",
  "sec-ch-ua",
  "sec-ch-ua-mobile",
  "sec-ch-ua-platform",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "sec-fetch-user",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "strict-transport-security",
  "timing-allow-origin",
  "upgrade-insecure-requests",
  "www-authenticate",
  "x-content-type-options",
  "x-frame-options",
  "x-powered-by",
  "x-real-ip",
  "x-requested-with",
  "x-xss-protection",
];

/** Power of two, several times the names held, so that probes stay short. */
const SLOTS = 4096;
const MAX_PROBES = 8;
/** Names a peer makes up fill the table once and are then made afresh each time: memory is bounded. */
const MAX_LEARNED = 1024;
const MAX_LEARNED_BYTES = 64;

/** Bytes with A–Z folded to a–z; all others stay, so that no other byte can pass for a letter. */
const LOWER = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

/** The hash after one more lower-case byte; the scanner computes it while it checks the name. */
export function nextHash(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}

function newName(name: string, hash: number): FieldName {
  return { id: headerId(name), name, hash, hasUnderscore: name.includes("_") };
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}

function hashOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = nextHash(hash, name.charCodeAt(i));
  return hash;
}

function place(slots: (FieldName | undefined)[], field: FieldName): boolean {
  let slot = slotOf(field.hash);
  for (let probe = 0; probe < MAX_PROBES; probe++) {
    if (slots[slot] === undefined) {
      slots[slot] = field;
      return true;
    }
    slot = (slot + 1) & (SLOTS - 1);
  }
  return false;
}

function wellKnown(): (FieldName | undefined)[] {
  const slots: (FieldName | undefined)[] = new Array(SLOTS).fill(undefined);
  for (const name of [...HEADER_NAMES, ...COMMON_NAMES]) {
    if (name !== "") place(slots, newName(name, hashOf(name)));
  }
  return slots;
}

/** The names of one thread. */
export class FieldNameTable {
  readonly #slots = wellKnown();
  #learned = 0;

  /** As `find`, for whoever has not come by the hash on the way. */
  read(bytes: Uint8Array, start: number, end: number): FieldName {
    let hash = 0;
    for (let i = start; i < end; i++) hash = nextHash(hash, LOWER[bytes[i]!]!);
    return this.find(bytes, start, end, hash);
  }

  /**
   * The name at [start, end) of `bytes`: token characters in any case with this hash of their lower
   * case, for HTTP/2 after the colon of a pseudo-header.
   */
  find(bytes: Uint8Array, start: number, end: number, hash: number): FieldName {
    const slots = this.#slots;
    let slot = slotOf(hash);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const field = slots[slot];
      if (field === undefined) break;
      if (field.hash === hash && isSame(field.name, bytes, start, end)) return field;
      slot = (slot + 1) & (SLOTS - 1);
    }
    return this.#learn(bytes, start, end, hash);
  }

  #learn(bytes: Uint8Array, start: number, end: number, hash: number): FieldName {
    const name = asLatin1(bytes).latin1Slice(start, end).toLowerCase();
    const field = newName(name, hash);
    if (this.#learned < MAX_LEARNED && end - start <= MAX_LEARNED_BYTES) {
      if (place(this.#slots, field)) this.#learned++;
    }
    return field;
  }
}

function isSame(name: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) !== LOWER[bytes[start + i]!]) return false;
  }
  return true;
}

/** The table of this thread: a cache of constants, bounded. */
export const FIELD_NAMES: FieldNameTable = new FieldNameTable();
