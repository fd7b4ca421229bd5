/**
 * Header names from wire bytes without a new string each time: well-known and common names are
 * found by a hash over their bytes in any case. Holds constants only, so hostile names cannot
 * fill it.
 */

import { HEADER_NAMES } from "../http/mod.ts";

/** A known name: its lower-case string, and its id of header_names.ts or 0. */
export interface InternedName {
  readonly name: string;
  readonly id: number;
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

const SLOTS = 1024;

/** Bytes with A–Z folded to a–z; all others stay, so that no other byte can pass for a letter. */
const LOWER = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte,
);

let table: (InternedName | undefined)[] | undefined;

function buildTable(): (InternedName | undefined)[] {
  const slots: (InternedName | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  const insert = (name: string, id: number): void => {
    let hash = name.length;
    for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    while (slots[slot] !== undefined) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = { name, id };
  };
  for (let id = 1; id < HEADER_NAMES.length; id++) insert(HEADER_NAMES[id]!, id);
  for (const name of COMMON_NAMES) insert(name, 0);
  return slots;
}

/** The known name that `bytes` from `start` to `end` spell in any case, undefined if none. */
export function internName(
  bytes: Uint8Array,
  start: number,
  end: number,
): InternedName | undefined {
  const slots = table ??= buildTable();
  const length = end - start;
  let hash = length;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + LOWER[bytes[i]!]!) | 0;
  let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  for (;;) {
    const entry = slots[slot];
    if (entry === undefined) return undefined;
    const name = entry.name;
    if (name.length === length) {
      let i = 0;
      while (i < length && LOWER[bytes[start + i]!]! === name.charCodeAt(i)) i++;
      if (i === length) return entry;
    }
    slot = (slot + 1) & (SLOTS - 1);
  }
}
