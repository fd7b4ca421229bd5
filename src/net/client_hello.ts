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
  number(size: 1 | 2): number {
    const { at, bytes } = this;
    if (at + size > this.end) {
      this.isBad = true;
      return 0;
    }
    this.at = at + size;
    return size === 1 ? bytes[at]! : (bytes[at]! << 8) | bytes[at + 1]!;
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

  /** The numbers up to the end; the cursor stays where it is. */
  numbers(size: 1 | 2): number[] {
    const { bytes, end } = this;
    const values: number[] = [];
    let at = this.at;
    for (; at + size <= end; at += size) {
      values.push(size === 1 ? bytes[at]! : (bytes[at]! << 8) | bytes[at + 1]!);
    }
    // A number cut off at the end is told as 0.
    if (at < end) values.push(0);
    return values;
  }
}

const NO_NUMBERS: readonly number[] = [];
const NO_TEXTS: readonly string[] = [];

/**
 * A hello whose lists of numbers are made when asked for: most connections need none but the
 * signature algorithms, fingerprints need all.
 */
class ParsedHello implements ClientHello {
  serverName = "";
  alpnProtocols: readonly string[] = NO_TEXTS;
  readonly legacyVersion: number;
  readonly #suites: Cursor;
  #list: Cursor | undefined = undefined;
  #versions: Cursor | undefined = undefined;
  #groups: Cursor | undefined = undefined;
  #pointFormats: Cursor | undefined = undefined;
  #signatures: Cursor | undefined = undefined;

  constructor(legacyVersion: number, suites: Cursor) {
    this.legacyVersion = legacyVersion;
    this.#suites = suites;
  }

  get versions(): readonly number[] {
    return this.#versions?.numbers(2) ?? NO_NUMBERS;
  }

  get cipherSuites(): readonly number[] {
    return this.#suites.numbers(2);
  }

  get extensions(): readonly number[] {
    const list = this.#list;
    if (list === undefined) return NO_NUMBERS;
    const types: number[] = [];
    const cursor = new Cursor(list.bytes, list.at, list.end);
    while (!cursor.isAtEnd) {
      types.push(cursor.number(2));
      cursor.skip(cursor.number(2));
    }
    return types;
  }

  get groups(): readonly number[] {
    return this.#groups?.numbers(2) ?? NO_NUMBERS;
  }

  get pointFormats(): readonly number[] {
    return this.#pointFormats?.numbers(1) ?? NO_NUMBERS;
  }

  get signatureAlgorithms(): readonly number[] {
    return this.#signatures?.numbers(2) ?? NO_NUMBERS;
  }

  /** Takes the extensions in; false if one is broken. */
  readExtensions(list: Cursor): boolean {
    const { bytes, at: start, end } = list;
    this.#list = new Cursor(bytes, start, end);
    while (!list.isAtEnd) {
      const from = list.at;
      const type = list.number(2);
      const body = list.vector(2);
      // Two of a kind are refused by every library (RFC 8446 §4.2), and would hide the first here.
      if (list.isBad || holdsExtension(bytes, type, start, from)) return false;
      if (!this.#readExtension(type, body) || body.isBad) return false;
    }
    return true;
  }

  /** False if it is broken. */
  #readExtension(type: number, body: Cursor): boolean {
    switch (type) {
      case EXTENSION_SERVER_NAME:
        return this.#readServerName(body);
      case EXTENSION_ALPN: {
        const list = body.vector(2);
        const protocols: string[] = [];
        while (!list.isAtEnd && !list.isBad) protocols.push(list.vector(1).text());
        this.alpnProtocols = protocols;
        return !list.isBad;
      }
      case EXTENSION_VERSIONS:
        this.#versions = body.vector(1);
        return true;
      case EXTENSION_GROUPS:
        this.#groups = body.vector(2);
        return true;
      case EXTENSION_POINT_FORMATS:
        this.#pointFormats = body.vector(1);
        return true;
      case EXTENSION_SIGNATURES:
        this.#signatures = body.vector(2);
        return true;
    }
    return true;
  }

  /** RFC 6066 §3: the one host_name; a NUL or an empty name is an attack or a bug. */
  #readServerName(body: Cursor): boolean {
    const list = body.vector(2);
    while (!list.isAtEnd) {
      const type = list.number(1);
      const name = list.vector(2).text();
      if (list.isBad) return false;
      if (type !== 0) continue;
      if (name === "" || name.length > 255 || name.includes("\0") || this.serverName !== "") {
        return false;
      }
      this.serverName = name.toLowerCase();
    }
    return true;
  }
}

/** Whether an extension of `type` is among those between `at` and `end`, which are whole. */
function holdsExtension(bytes: Uint8Array, type: number, at: number, end: number): boolean {
  while (at < end) {
    if (((bytes[at]! << 8) | bytes[at + 1]!) === type) return true;
    at += 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
  }
  return false;
}

function parseHello(message: Uint8Array): ClientHello | undefined {
  const cursor = new Cursor(message, 4, message.length);
  const legacyVersion = cursor.number(2);
  cursor.skip(32);
  cursor.vector(1);
  const suites = cursor.vector(2);
  cursor.vector(1);
  // A suite is two bytes.
  if (cursor.isBad || (suites.end - suites.at) % 2 !== 0) return undefined;
  const hello = new ParsedHello(legacyVersion, suites);
  if (cursor.isAtEnd) return hello;
  const list = cursor.vector(2);
  if (cursor.isBad || !hello.readExtensions(list)) return undefined;
  return hello;
}
