/** IP addresses and ranges as numbers. IPv4 and IPv6 are kept apart, as in Envoy. */

import { type BaseCompileContext, ipText } from "../base/mod.ts";
import type { envoy_config_core_v3_CidrRange, xds_core_v3_CidrRange } from "../proto/mod.ts";

type CidrMessage = envoy_config_core_v3_CidrRange | xds_core_v3_CidrRange;

/** An IP as a number: 32 bits for IPv4, 128 for IPv6 (which alone needs a bigint). */
export type IpNumber = number | bigint;

const HEX_GROUP = /^[0-9a-f]{1,4}$/i;

/** Parses an address without brackets; undefined if it is none. A zone is left out. */
export function parseIp(host: string): IpNumber | undefined {
  const v4 = parseIpv4(host);
  if (v4 !== undefined) return v4;
  if (!host.includes(":")) return undefined;
  const zone = host.indexOf("%");
  return parseIpv6(zone < 0 ? host : host.slice(0, zone));
}

/** 4 or 6 for an address without brackets, 0 for anything else. */
export function ipVersion(host: string): 0 | 4 | 6 {
  const address = parseIp(host);
  return address === undefined ? 0 : typeof address === "number" ? 4 : 6;
}

/** RFC 4291 §2.2: groups of hexadecimal digits, one "::" for zeros, IPv4 in place of the last two. */
function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = readGroups(halves[0]!, halves.length === 1);
  const rest = halves.length === 1 ? [] : readGroups(halves[1]!, true);
  if (groups === undefined || rest === undefined) return undefined;
  const zeros = 8 - groups.length - rest.length;
  if (halves.length === 1 ? zeros !== 0 : zeros < 1) return undefined;
  for (let i = 0; i < zeros; i++) groups.push(0);
  let number = 0n;
  for (const group of groups.concat(rest)) number = number << 16n | BigInt(group);
  return number;
}

function readGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const v4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    }
  }
  return groups;
}

/** Dotted decimal with four parts, as inet_pton takes it. */
function parseIpv4(host: string): number | undefined {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code === 0x2e) {
      if (octet < 0 || ++dots > 3) return undefined;
      address = address * 256 + octet;
      octet = -1;
      continue;
    }
    if (code < 0x30 || code > 0x39 || octet === 0) return undefined;
    octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
    if (octet > 255) return undefined;
  }
  return octet < 0 || dots !== 3 ? undefined : address * 256 + octet;
}

/** Values of one prefix length by masked address. */
interface PrefixTable<Value> {
  readonly length: number;
  readonly values: Map<IpNumber, Value>;
}

/** Values by range; the longest prefix that contains an address wins. */
export class CidrMap<Value> {
  /** Longest prefix first. */
  readonly #v4: PrefixTable<Value>[] = [];
  readonly #v6: PrefixTable<Value>[] = [];

  get isEmpty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** Adds a range; a range that is there already keeps its first value. */
  add(address: IpNumber, prefixLength: number, value: Value): void {
    const tables = typeof address === "number" ? this.#v4 : this.#v6;
    let table = tables.find((candidate) => candidate.length === prefixLength);
    if (table === undefined) {
      table = { length: prefixLength, values: new Map() };
      tables.push(table);
      tables.sort((a, b) => b.length - a.length);
    }
    const key = mask(address, prefixLength);
    if (!table.values.has(key)) table.values.set(key, value);
  }

  /** The value of the longest range that contains the address. */
  get(host: string): Value | undefined {
    const address = parseIp(host);
    return address === undefined ? undefined : this.getNumber(address);
  }

  getNumber(address: IpNumber): Value | undefined {
    const tables = typeof address === "number" ? this.#v4 : this.#v6;
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i]!;
      const value = table.values.get(mask(address, table.length));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** All values whose ranges contain the address, longest prefix first. */
  all(host: string): Value[] {
    const address = parseIp(host);
    if (address === undefined) return [];
    const tables = typeof address === "number" ? this.#v4 : this.#v6;
    const found: Value[] = [];
    for (const table of tables) {
      const value = table.values.get(mask(address, table.length));
      if (value !== undefined) found.push(value);
    }
    return found;
  }
}

function mask(address: IpNumber, length: number): IpNumber {
  if (typeof address === "number") {
    return length === 0 ? 0 : (address & (-1 << (32 - length))) >>> 0;
  }
  const shift = BigInt(128 - length);
  return address >> shift << shift;
}

/** The range of `length` bits that an address lies in, as `10.1.0.0/16`; undefined if it is no IP. */
export function cidrOf(host: string, length: number): string | undefined {
  const address = parseIp(host);
  if (address === undefined) return undefined;
  const isV4 = typeof address === "number";
  if (length > (isV4 ? 32 : 128)) return undefined;
  const bytes = new Uint8Array(isV4 ? 4 : 16);
  let rest = BigInt(mask(address, length));
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return `${ipText(bytes)}/${length}`;
}

/** Whether an address lies in any of a list of ranges. */
export class CidrSet {
  readonly #ranges = new CidrMap<true>();

  get isEmpty(): boolean {
    return this.#ranges.isEmpty;
  }

  add(address: IpNumber, prefixLength: number): void {
    this.#ranges.add(address, prefixLength, true);
  }

  /** `host` is an IP without brackets; false for anything else. */
  contains(host: string): boolean {
    return this.#ranges.get(host) !== undefined;
  }
}

/** One range as numbers; undefined and a problem if its address is none. */
export function compileCidrRange(
  message: CidrMessage,
  context: BaseCompileContext,
): { readonly address: IpNumber; readonly prefixLength: number } | undefined {
  const address = parseIp(message.addressPrefix);
  if (address === undefined) {
    const text = `malformed IP address: ${message.addressPrefix}`;
    context.problems.error(message, "address_prefix", text);
    return undefined;
  }
  const bits = typeof address === "number" ? 32 : 128;
  // An absent prefix_len is 0, the whole internet: Envoy's reading of the wrapper's default.
  return { address, prefixLength: Math.min(message.prefixLen ?? 0, bits) };
}

/** A set of ranges; those with problems are left out. */
export function compileCidrSet(
  messages: readonly CidrMessage[],
  context: BaseCompileContext,
): CidrSet {
  const set = new CidrSet();
  for (const message of messages) {
    const range = compileCidrRange(message, context);
    if (range !== undefined) set.add(range.address, range.prefixLength);
  }
  return set;
}
