/**
 * Reads a TLS ClientHello (RFC 8446 §4.1.2) off the first bytes of a connection, without taking part
 * in the handshake: what filter-chain matching, certificate choice and fingerprints need. Fed with
 * pieces of any size; bounded in size; hostile lengths end in "bad", never in an exception.
 */

/** The largest ClientHello that is read, in bytes, as with Envoy's tls_inspector. */
export const MAX_CLIENT_HELLO_BYTES = 16384;

const RECORD_HANDSHAKE = 22;
const HANDSHAKE_CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_GROUPS = 10;
const EXTENSION_POINT_FORMATS = 11;
const EXTENSION_SIGNATURES = 13;
const EXTENSION_ALPN = 16;
const EXTENSION_VERSIONS = 43;

/** What a client offers; lists are in its order, GREASE values included. */
export interface ClientHello {
  /** Lower-cased; "" if the client named no host. */
  readonly serverName: string;
  readonly alpnProtocols: readonly string[];
  /** `legacy_version`. */
  readonly legacyVersion: number;
  /** Of supported_versions; empty if it is absent. */
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[];
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
  readonly signatureAlgorithms: readonly number[];
}

/** Where a parser stands after the bytes so far. */
export type ClientHelloState =
  | "more"
  | "done"
  /** No TLS at all, or broken. */
  | "bad"
  /** TLS, but larger than the bound. */
  | "too_large";

/**
 * Parses a hello that grows: `parse` is called with all bytes so far, and goes on where it stopped, so
 * that a client that sends single bytes costs no more than one that does not.
 */
export class ClientHelloParser {
  readonly #maxBytes: number;
  /** Next byte of the connection to look at. */
  #at = 0;
  /** Bytes of the current record that are still to come. */
  #recordLeft = 0;
  /**
   * The handshake message so far, joined out of its records: a hello in many small records is legal,
   * and a known way around inspectors that look at the first only.
   */
  #message = new Uint8Array(512);
  #size = 0;
  hello: ClientHello | undefined = undefined;

  constructor(maxBytes: number = MAX_CLIENT_HELLO_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** `bytes` begin at the connection's first byte. */
  parse(bytes: Uint8Array): ClientHelloState {
    while (this.#at < bytes.length) {
      if (this.#recordLeft === 0) {
        const state = this.#readRecordHeader(bytes);
        if (state === "bad") return "bad";
        if (state === "more") break;
      }
      this.#takePayload(bytes);
      if (this.#size > 0 && this.#message[0] !== HANDSHAKE_CLIENT_HELLO) return "bad";
      const wanted = this.#messageSize();
      if (wanted !== Infinity && wanted > this.#maxBytes) return "too_large";
      if (this.#size >= wanted) {
        this.hello = parseHello(this.#message.subarray(0, wanted));
        return this.hello === undefined ? "bad" : "done";
      }
    }
    return bytes.length >= this.#maxBytes ? "too_large" : "more";
  }

  #readRecordHeader(bytes: Uint8Array): "ready" | "more" | "bad" {
    const at = this.#at;
    if (bytes[at] !== RECORD_HANDSHAKE) return "bad";
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return "bad";
    if (at + 5 > bytes.length) return "more";
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    // RFC 8446 §5.1: handshake records are never empty; plaintext is at most 2^14 bytes.
    if (length === 0 || length > 16384) return "bad";
    this.#at = at + 5;
    this.#recordLeft = length;
    return "ready";
  }

  #takePayload(bytes: Uint8Array): void {
    const size = Math.min(this.#recordLeft, bytes.length - this.#at);
    const end = this.#size + size;
    if (end > this.#message.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#message.length));
      larger.set(this.#message.subarray(0, this.#size));
      this.#message = larger;
    }
    this.#message.set(bytes.subarray(this.#at, this.#at + size), this.#size);
    this.#size = end;
    this.#at += size;
    this.#recordLeft -= size;
  }

  /** Size of the whole message in bytes, once its header is there. */
  #messageSize(): number {
    if (this.#size < 4) return Infinity;
    const message = this.#message;
    return 4 + ((message[1]! << 16) | (message[2]! << 8) | message[3]!);
  }
}

/** A cursor over bytes with an end; `isBad` once anything reached past it. */
class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  isBad = false;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** An unsigned number of `size` bytes; 0 past the end. */
  number(size: 1 | 2 | 3): number {
    if (this.at + size > this.end) {
      this.isBad = true;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.bytes[this.at++]!;
    return value;
  }

  /** What is behind a length of `size` bytes. */
  vector(size: 1 | 2): Cursor {
    const length = this.number(size);
    const from = this.at;
    if (from + length > this.end) {
      this.isBad = true;
      return new Cursor(this.bytes, from, from);
    }
    this.at = from + length;
    return new Cursor(this.bytes, from, this.at);
  }

  skip(size: number): void {
    this.at += size;
    if (this.at > this.end) this.isBad = true;
  }

  text(): string {
    let text = "";
    while (this.at < this.end) text += String.fromCharCode(this.bytes[this.at++]!);
    return text;
  }

  numbers(size: 1 | 2): number[] {
    const values: number[] = [];
    while (this.at < this.end && !this.isBad) values.push(this.number(size));
    return values;
  }
}

interface Extensions {
  serverName: string;
  alpnProtocols: string[];
  versions: number[];
  groups: number[];
  pointFormats: number[];
  signatureAlgorithms: number[];
  types: number[];
}

function parseHello(message: Uint8Array): ClientHello | undefined {
  const cursor = new Cursor(message, 4, message.length);
  const legacyVersion = cursor.number(2);
  cursor.skip(32);
  cursor.vector(1);
  const suites = cursor.vector(2);
  const cipherSuites = suites.numbers(2);
  cursor.vector(1);
  if (cursor.isBad || suites.isBad) return undefined;
  const extensions = parseExtensions(cursor);
  if (extensions === undefined) return undefined;
  const { types, ...found } = extensions;
  return { legacyVersion, cipherSuites, extensions: types, ...found };
}

function parseExtensions(cursor: Cursor): Extensions | undefined {
  const found: Extensions = {
    serverName: "",
    alpnProtocols: [],
    versions: [],
    groups: [],
    pointFormats: [],
    signatureAlgorithms: [],
    types: [],
  };
  if (cursor.isAtEnd) return found;
  const list = cursor.vector(2);
  if (cursor.isBad) return undefined;
  while (!list.isAtEnd) {
    const type = list.number(2);
    const body = list.vector(2);
    if (list.isBad || !parseExtension(type, body, found) || body.isBad) return undefined;
    found.types.push(type);
  }
  return found;
}

/** False if it is broken. */
function parseExtension(type: number, body: Cursor, found: Extensions): boolean {
  // Two of a kind are refused by every library (RFC 8446 §4.2), and would hide the first here.
  if (found.types.includes(type)) return false;
  switch (type) {
    case EXTENSION_SERVER_NAME:
      return parseServerName(body, found);
    case EXTENSION_ALPN: {
      const list = body.vector(2);
      while (!list.isAtEnd && !list.isBad) found.alpnProtocols.push(list.vector(1).text());
      return !list.isBad;
    }
    case EXTENSION_VERSIONS:
      found.versions = body.vector(1).numbers(2);
      return true;
    case EXTENSION_GROUPS:
      found.groups = body.vector(2).numbers(2);
      return true;
    case EXTENSION_POINT_FORMATS:
      found.pointFormats = body.vector(1).numbers(1);
      return true;
    case EXTENSION_SIGNATURES:
      found.signatureAlgorithms = body.vector(2).numbers(2);
      return true;
  }
  return true;
}

/** RFC 6066 §3: the one host_name; a NUL or an empty name is an attack or a bug. */
function parseServerName(body: Cursor, found: Extensions): boolean {
  const list = body.vector(2);
  while (!list.isAtEnd) {
    const type = list.number(1);
    const name = list.vector(2).text();
    if (list.isBad) return false;
    if (type !== 0) continue;
    if (name === "" || name.length > 255 || name.includes("\0") || found.serverName !== "") {
      return false;
    }
    found.serverName = name.toLowerCase();
  }
  return true;
}
