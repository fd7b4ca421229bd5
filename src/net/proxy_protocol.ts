/**
 * HAProxy's PROXY protocol, versions 1 and 2: read off the first bytes of a connection, written before
 * the first bytes of one. Reading is bounded (107 bytes; 16 + 65,535) and never throws.
 */

import { type Address, copyBytes, formatAddress, ipText } from "../base/mod.ts";
import type { FilterStateObject } from "../http/mod.ts";
import { parseIp } from "../matching/mod.ts";
import { asciiText } from "./der.ts";

/** `\r\n\r\n\0\r\nQUIT\n` */
const V2_SIGNATURE: readonly number[] = [
  0x0d,
  0x0a,
  0x0d,
  0x0a,
  0x00,
  0x0d,
  0x0a,
  0x51,
  0x55,
  0x49,
  0x54,
  0x0a,
];
const V1_SIGNATURE: readonly number[] = [0x50, 0x52, 0x4f, 0x58, 0x59];
const V1_MAX_BYTES = 107;
const V2_HEADER_BYTES = 16;
const NO_TLVS: readonly ProxyTlv[] = [];

/** A type-length-value of version 2. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** What a header says; addresses are absent for UNKNOWN and LOCAL: those of the socket stand. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  readonly source: Address | undefined;
  readonly destination: Address | undefined;
  readonly tlvs: readonly ProxyTlv[];
  /** Bytes that the header takes. */
  readonly size: number;
}

export type ProxyParse =
  | { readonly state: "more" }
  /** The bytes begin no header. */
  | { readonly state: "none" }
  | { readonly state: "error"; readonly version: 1 | 2 }
  | { readonly state: "done"; readonly header: ProxyHeader };

const MORE: ProxyParse = { state: "more" };
const NONE: ProxyParse = { state: "none" };
const ERROR_V1: ProxyParse = { state: "error", version: 1 };
const ERROR_V2: ProxyParse = { state: "error", version: 2 };

/** Reads a header off `bytes`, which begin at the connection's first byte. */
export function parseProxyHeader(bytes: Uint8Array): ProxyParse {
  if (bytes.length === 0) return MORE;
  if (bytes[0] === V2_SIGNATURE[0]) {
    if (!beginsWith(bytes, V2_SIGNATURE)) return NONE;
    return bytes.length < V2_HEADER_BYTES ? MORE : parseV2(bytes);
  }
  if (!beginsWith(bytes, V1_SIGNATURE)) return NONE;
  return parseV1(bytes);
}

/** Whether `bytes`, as far as they go, agree with `signature`. */
function beginsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  const size = Math.min(bytes.length, signature.length);
  for (let i = 0; i < size; i++) if (bytes[i] !== signature[i]) return false;
  return true;
}

function parseV1(bytes: Uint8Array): ProxyParse {
  const limit = Math.min(bytes.length, V1_MAX_BYTES);
  let end = -1;
  for (let i = 0; i + 1 < limit; i++) {
    if (bytes[i] === 0x0d && bytes[i + 1] === 0x0a) {
      end = i;
      break;
    }
  }
  if (end < 0) return bytes.length >= V1_MAX_BYTES ? ERROR_V1 : MORE;
  const size = end + 2;
  const words = asciiText(bytes.subarray(0, end)).split(" ");
  const [proxy, family, sourceIp, destinationIp, sourcePort, destinationPort] = words;
  if (proxy !== "PROXY") return ERROR_V1;
  if (family === "UNKNOWN") return done(1, undefined, undefined, size);
  if ((family !== "TCP4" && family !== "TCP6") || words.length !== 6) return ERROR_V1;
  const source = v1Address(family, sourceIp!, sourcePort!);
  const destination = v1Address(family, destinationIp!, destinationPort!);
  if (source === undefined || destination === undefined) return ERROR_V1;
  return done(1, source, destination, size);
}

function done(
  version: 1 | 2,
  source: Address | undefined,
  destination: Address | undefined,
  size: number,
): ProxyParse {
  return { state: "done", header: { version, source, destination, tlvs: NO_TLVS, size } };
}

function v1Address(family: "TCP4" | "TCP6", host: string, port: string): Address | undefined {
  const ip = parseIp(host);
  if (ip === undefined || (typeof ip === "number") !== (family === "TCP4")) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return undefined;
  return { kind: "ip", host, port: Number(port) };
}

function parseV2(bytes: Uint8Array): ProxyParse {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  if (version !== 2 || command > 1) return ERROR_V2;
  const family = bytes[13]! >> 4;
  const length = (bytes[14]! << 8) | bytes[15]!;
  const size = V2_HEADER_BYTES + length;
  if (bytes.length < size) return MORE;
  if (command === 0) return done(2, undefined, undefined, size);
  // 1 and 2 are IPv4 and IPv6, 0 and 3 unspecified and UNIX, which a proxy of the internet has not.
  if (family !== 1 && family !== 2) return ERROR_V2;
  const width = family === 1 ? 4 : 16;
  const addressBytes = 2 * width + 4;
  if (length < addressBytes) return ERROR_V2;
  const at = V2_HEADER_BYTES;
  const ports = at + 2 * width;
  const tlvs = parseTlvs(bytes, at + addressBytes, size);
  if (tlvs === undefined) return ERROR_V2;
  const header: ProxyHeader = {
    version: 2,
    source: v2Address(bytes, at, width, ports),
    destination: v2Address(bytes, at + width, width, ports + 2),
    tlvs,
    size,
  };
  return { state: "done", header };
}

function v2Address(bytes: Uint8Array, at: number, width: number, portAt: number): Address {
  const port = (bytes[portAt]! << 8) | bytes[portAt + 1]!;
  return { kind: "ip", host: ipText(bytes.subarray(at, at + width)), port };
}

function parseTlvs(bytes: Uint8Array, from: number, to: number): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  let at = from;
  while (at < to) {
    if (at + 3 > to) return undefined;
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const end = at + 3 + length;
    if (end > to) return undefined;
    tlvs.push({ type: bytes[at]!, value: copyBytes(bytes.subarray(at + 3, end)) });
    at = end;
  }
  return tlvs;
}

/** What is written before a connection's first bytes. */
export interface ProxyHeaderParts {
  /** Absent addresses, or those of two families, are written as UNKNOWN or LOCAL. */
  readonly source: Address | undefined;
  readonly destination: Address | undefined;
  /** Version 2 only. */
  readonly tlvs: readonly ProxyTlv[];
}

/** Writes a header of either version. @throws {RangeError} if the TLVs do not fit into 65,535 bytes */
export function encodeProxyHeader(version: 1 | 2, parts: ProxyHeaderParts): Uint8Array {
  return version === 1 ? encodeV1(parts) : encodeV2(parts);
}

function encodeV1(parts: ProxyHeaderParts): Uint8Array {
  const pair = ipPair(parts);
  const text = pair === undefined
    ? "PROXY UNKNOWN\r\n"
    : `PROXY ${
      pair.isV4 ? "TCP4" : "TCP6"
    } ${pair.source.host} ${pair.destination.host} ${pair.source.port} ${pair.destination.port}\r\n`;
  return new TextEncoder().encode(text);
}

function encodeV2(parts: ProxyHeaderParts): Uint8Array {
  const pair = ipPair(parts);
  const width = pair === undefined ? 0 : pair.isV4 ? 4 : 16;
  const addressBytes = width === 0 ? 0 : 2 * width + 4;
  const tlvBytes = parts.tlvs.reduce((sum, tlv) => sum + 3 + tlv.value.length, 0);
  const length = addressBytes + tlvBytes;
  if (length > 65535) throw new RangeError(`A PROXY header of ${length} bytes is too large`);
  const bytes = new Uint8Array(V2_HEADER_BYTES + length);
  bytes.set(V2_SIGNATURE);
  bytes[12] = pair === undefined ? 0x20 : 0x21;
  bytes[13] = pair === undefined ? 0x00 : pair.isV4 ? 0x11 : 0x21;
  bytes[14] = length >> 8;
  bytes[15] = length;
  let at = V2_HEADER_BYTES;
  if (pair !== undefined) {
    bytes.set(ipBytes(pair.source.host, width), at);
    bytes.set(ipBytes(pair.destination.host, width), at + width);
    at += 2 * width;
    for (const { port } of [pair.source, pair.destination]) {
      bytes[at++] = port >> 8;
      bytes[at++] = port;
    }
  }
  for (const { type, value } of parts.tlvs) {
    bytes.set([type, value.length >> 8, value.length & 0xff], at);
    bytes.set(value, at + 3);
    at += 3 + value.length;
  }
  return bytes;
}

type IpAddress = Extract<Address, { kind: "ip" }>;

function ipPair(
  parts: ProxyHeaderParts,
): { source: IpAddress; destination: IpAddress; isV4: boolean } | undefined {
  const { source, destination } = parts;
  if (source?.kind !== "ip" || destination?.kind !== "ip") return undefined;
  const isV4 = !source.host.includes(":");
  return isV4 === !destination.host.includes(":") ? { source, destination, isV4 } : undefined;
}

function ipBytes(host: string, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  let rest = BigInt(parseIp(host) ?? 0);
  for (let i = width - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** Name of the filter state in which a connection's PROXY header is kept for its upstream. */
export const PROXY_PROTOCOL_STATE = "envoy.network.proxy_protocol_options";

/** What of a downstream's header may go on to the upstream. */
export class ProxyProtocolState implements FilterStateObject {
  readonly version: 1 | 2;
  readonly source: Address;
  readonly destination: Address;
  /** Those that `pass_through_tlvs` lets through. */
  readonly tlvs: readonly ProxyTlv[];

  constructor(
    version: 1 | 2,
    addresses: { readonly source: Address; readonly destination: Address },
    tlvs: readonly ProxyTlv[],
  ) {
    this.version = version;
    this.source = addresses.source;
    this.destination = addresses.destination;
    this.tlvs = tlvs;
  }

  serialize(): string {
    return `${formatAddress(this.source)} ${formatAddress(this.destination)}`;
  }

  json(): unknown {
    return this.serialize();
  }
}
