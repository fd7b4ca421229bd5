/** Fingerprints of a TLS client: JA3 (Salesforce) and JA4 (FoxIO), from its ClientHello. */

import { nodeCrypto } from "../base/mod.ts";
import type { ClientHello } from "./client_hello.ts";

/** Reserved values that clients strew in (RFC 8701): 0x0a0a, 0x1a1a … 0xfafa. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

function withoutGrease(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value));
}

/** MD5 of `version,ciphers,extensions,groups,point formats`. */
export function ja3Hash(hello: ClientHello): string {
  const text = [
    String(hello.legacyVersion),
    withoutGrease(hello.cipherSuites).join("-"),
    withoutGrease(hello.extensions).join("-"),
    withoutGrease(hello.groups).join("-"),
    hello.pointFormats.join("-"),
  ].join(",");
  return nodeCrypto().createHash("md5").update(text).digest("hex");
}

const VERSION_CODES: { readonly [version: number]: string } = {
  0x0304: "13",
  0x0303: "12",
  0x0302: "11",
  0x0301: "10",
  0x0300: "s3",
  0x0002: "s2",
};
const EXTENSION_SERVER_NAME = 0x0000;
const EXTENSION_ALPN = 0x0010;

/** As in `t13d1516h2_8daaf6152771_b186095e22b6`. */
export function ja4Hash(hello: ClientHello): string {
  const ciphers = withoutGrease(hello.cipherSuites);
  const extensions = withoutGrease(hello.extensions);
  const version = Math.max(0, ...withoutGrease(hello.versions)) || hello.legacyVersion;
  const first = hello.alpnProtocols[0] ?? "";
  const head = "t" + (VERSION_CODES[version] ?? "00") + (hello.serverName === "" ? "i" : "d") +
    count(ciphers.length) + count(extensions.length) + alpnCode(first);
  const listed = extensions.filter((type) =>
    type !== EXTENSION_SERVER_NAME && type !== EXTENSION_ALPN
  );
  const signatures = hello.signatureAlgorithms.map(hex4).join(",");
  const tail = sortedHex(listed) + (signatures === "" ? "" : `_${signatures}`);
  const cipherHash = ciphers.length === 0 ? NO_HASH : hash12(sortedHex(ciphers));
  return `${head}_${cipherHash}_${listed.length === 0 ? NO_HASH : hash12(tail)}`;
}

const NO_HASH = "000000000000";

function count(size: number): string {
  return String(Math.min(size, 99)).padStart(2, "0");
}

/** First and last character of the first protocol; their hex where one is no letter or digit. */
function alpnCode(protocol: string): string {
  if (protocol === "") return "00";
  const ends = protocol[0]! + protocol[protocol.length - 1]!;
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const first = protocol.charCodeAt(0).toString(16).padStart(2, "0");
  const last = protocol.charCodeAt(protocol.length - 1).toString(16).padStart(2, "0");
  return first[0]! + last[1]!;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function sortedHex(values: readonly number[]): string {
  return values.map(hex4).sort().join(",");
}

function hash12(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("hex").slice(0, 12);
}
