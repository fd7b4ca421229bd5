/** DNS messages (RFC 1035 §4): a question out, addresses in. Answers are a stranger's bytes. */

import type { DnsAddress, IpFamily } from "./resolver.ts";

const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_AAAA = 28;
const TYPE_OPT = 41;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** RFC 1035 §2.3.4. */
const MAX_LABEL = 63;
const MAX_NAME = 255;
/** Steps of compression pointers one name may take: a loop ends here. */
const MAX_POINTERS = 32;
const MAX_CNAMES = 16;

export interface DnsMessage {
  readonly id: number;
  /** 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, … */
  readonly code: number;
  readonly isTruncated: boolean;
  readonly addresses: readonly DnsAddress[];
}

/** A query with EDNS(0). @returns undefined if `name` is no domain name */
export function encodeQuery(
  id: number,
  name: string,
  options: { readonly family: IpFamily; readonly payloadBytes: number },
): Uint8Array | undefined {
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  const bytes: number[] = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  for (const label of labels) {
    const text = new TextEncoder().encode(label);
    if (text.length === 0 || text.length > MAX_LABEL) return undefined;
    bytes.push(text.length, ...text);
  }
  if (bytes.length - HEADER_BYTES + 1 > MAX_NAME) return undefined;
  const type = options.family === 4 ? TYPE_A : TYPE_AAAA;
  bytes.push(0, 0, type, 0, CLASS_IN);
  bytes.push(0, 0, TYPE_OPT, options.payloadBytes >> 8, options.payloadBytes & 255, 0, 0, 0, 0);
  bytes.push(0, 0);
  return Uint8Array.from(bytes);
}

interface Record {
  readonly name: string;
  readonly type: number;
  readonly ttlMs: number;
  readonly at: number;
  readonly length: number;
}

/** Reads an answer to the question for `name`; undefined if it is malformed or answers another. */
export function decodeAnswer(
  bytes: Uint8Array,
  name: string,
  family: IpFamily,
): DnsMessage | undefined {
  const reader = new Reader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  const questions = reader.u16();
  const answers = reader.u16();
  reader.at = HEADER_BYTES;
  // A response to a standard query with one question (RFC 1035 §4.1.1).
  if ((flags & 0xf800) !== 0x8000 || questions !== 1) return undefined;
  const asked = reader.name();
  const type = reader.u16();
  reader.u16();
  const wanted = family === 4 ? TYPE_A : TYPE_AAAA;
  if (asked !== canonical(name) || type !== wanted || reader.isBroken) return undefined;
  const records: Record[] = [];
  for (let i = 0; i < answers && !reader.isBroken; i++) {
    const record = reader.record();
    if (record !== undefined) records.push(record);
  }
  const isTruncated = (flags & 0x0200) !== 0;
  if (reader.isBroken && !isTruncated) return undefined;
  return { id, code: flags & 15, isTruncated, addresses: follow(reader, records, asked, wanted) };
}

/** Addresses of `name` behind its aliases; the least TTL on the way counts. */
function follow(
  reader: Reader,
  records: readonly Record[],
  name: string,
  wanted: number,
): DnsAddress[] {
  let owner = name;
  let ttlMs = Infinity;
  for (let i = 0; i < MAX_CNAMES; i++) {
    const alias = records.find((r) => r.type === TYPE_CNAME && r.name === owner);
    if (alias === undefined) break;
    ttlMs = Math.min(ttlMs, alias.ttlMs);
    owner = reader.nameAt(alias.at);
  }
  const size = wanted === TYPE_A ? 4 : 16;
  return records
    .filter((r) => r.type === wanted && r.name === owner && r.length === size)
    .map((r) => ({ host: reader.address(r.at, size), ttlMs: Math.min(ttlMs, r.ttlMs) }));
}

function canonical(name: string): string {
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

class Reader {
  at = 0;
  isBroken = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (bytes.length < HEADER_BYTES) this.isBroken = true;
  }

  u16(): number {
    const value = (this.#byte(this.at) << 8) | this.#byte(this.at + 1);
    this.at += 2;
    return value;
  }

  /** A domain name in lower case; the position moves behind it. */
  name(): string {
    const { text, next } = this.#readName(this.at);
    this.at = next;
    return text;
  }

  nameAt(at: number): string {
    return this.#readName(at).text;
  }

  record(): Record | undefined {
    const name = this.name();
    const type = this.u16();
    const recordClass = this.u16();
    const ttl = this.u16() * 65536 + this.u16();
    const length = this.u16();
    const at = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) this.isBroken = true;
    if (this.isBroken || recordClass !== CLASS_IN) return undefined;
    // A TTL with its highest bit set counts as 0 (RFC 2181 §8).
    return { name, type, ttlMs: ttl >= 2 ** 31 ? 0 : ttl * 1000, at, length };
  }

  address(at: number, size: number): string {
    const part = this.#bytes.subarray(at, at + size);
    if (size === 4) return part.join(".");
    const groups: string[] = [];
    for (let i = 0; i < size; i += 2) groups.push(((part[i]! << 8) | part[i + 1]!).toString(16));
    return compressIpv6(groups);
  }

  #byte(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) this.isBroken = true;
    return byte ?? 0;
  }

  #readName(from: number): { text: string; next: number } {
    let at = from;
    let next = -1;
    let text = "";
    for (let pointers = 0; !this.isBroken;) {
      const length = this.#byte(at);
      if ((length & 0xc0) === 0xc0) {
        if (next < 0) next = at + 2;
        at = ((length & 0x3f) << 8) | this.#byte(at + 1);
        if (++pointers > MAX_POINTERS) this.isBroken = true;
        continue;
      }
      if (length > MAX_LABEL) this.isBroken = true;
      at++;
      if (length === 0) break;
      if (text !== "") text += ".";
      for (let i = 0; i < length; i++) text += String.fromCharCode(this.#byte(at + i));
      if (text.length > MAX_NAME) this.isBroken = true;
      at += length;
    }
    return { text: text.toLowerCase(), next: next < 0 ? at : next };
  }
}

/** RFC 5952: the longest run of zero groups, two or more, becomes `::`. */
function compressIpv6(groups: readonly string[]): string {
  let bestAt = -1;
  let bestLength = 1;
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === "0") length++;
    if (length > bestLength) {
      bestAt = i;
      bestLength = length;
    }
    if (length > 0) i += length;
  }
  if (bestAt < 0) return groups.join(":");
  const head = groups.slice(0, bestAt).join(":");
  return `${head}::${groups.slice(bestAt + bestLength).join(":")}`;
}
