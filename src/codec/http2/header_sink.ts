/**
 * Builds the header map of one block and judges it (RFC 9113 §8.1–8.5): one for requests,
 * responses and trailers alike, used again for each block. Limits count every field received,
 * also those that are dropped (CVE-2026-73550), and crumbs of cookies (CVE-2026-47774).
 */

import { H, HeaderMap } from "../../http/mod.ts";
import { MARK } from "../hpack/field.ts";
import type { FieldSink } from "../hpack/decoder.ts";
import type { Http2Options } from "../options.ts";
import {
  type Fault,
  isAuthority,
  isForbidden,
  isRequestPseudoValue,
  parseContentLength,
} from "./message_rules.ts";

export type BlockKind = "request" | "response" | "trailers";

const COLON = 0x3a;

/**
 * Takes the fields of one block from the HPACK decoder; `finish` tells whether the message is well
 * formed.
 */
export class HeaderSink implements FieldSink {
  /** The fields so far; handed over after `finish`, so each block has its own. */
  headers: HeaderMap = new HeaderMap();
  /** The first fault; the rest of the block is only counted then. */
  fault: Fault | undefined;
  /** -1 if there is none. */
  contentLength = -1;
  /** Fields left out because of an underscore. */
  droppedUnderscores = 0;

  readonly #options: Http2Options;
  readonly #checksUnderscores: boolean;
  #kind: BlockKind = "request";
  #count = 0;
  #bytes = 0;
  #sawRegular = false;
  #hasHost = false;
  /** Place of the `:authority` that stands for `host`, -1 if none is reserved. */
  #authorityAt = -1;
  #cookie: string | undefined;
  /** Bits of the pseudo-headers seen, by id. */
  #pseudo = 0;

  constructor(options: Http2Options, isServer: boolean) {
    this.#options = options;
    this.#checksUnderscores = isServer && options.headersWithUnderscores !== "allow";
  }

  begin(kind: BlockKind): void {
    this.headers = new HeaderMap();
    this.fault = undefined;
    this.contentLength = -1;
    this.droppedUnderscores = 0;
    this.#kind = kind;
    this.#count = this.#bytes = this.#pseudo = 0;
    this.#sawRegular = this.#hasHost = false;
    this.#authorityAt = -1;
    this.#cookie = undefined;
  }

  onField(id: number, name: string, value: string, marks: number): void {
    if (this.fault !== undefined) return;
    this.#count++;
    this.#bytes += name.length + value.length;
    if (
      this.#count > this.#options.maxHeadersCount || this.#bytes > this.#options.maxHeadersBytes
    ) {
      this.fault = "too_many";
    } else if ((marks & ~MARK.underscore) !== 0) {
      this.fault = "field";
    } else if (name.charCodeAt(0) === COLON) {
      this.#onPseudo(id, name, value);
    } else if (marks !== 0 && this.#checksUnderscores) {
      this.#onUnderscore();
    } else {
      this.#onRegular(id, name, value);
    }
  }

  /** Ends the block: what only the whole of it can tell. */
  finish(endStream: boolean): void {
    if (this.fault === undefined && this.#kind === "request") this.#finishRequest();
    if (this.fault === undefined && this.#kind === "response") this.#finishResponse();
    if (this.fault !== undefined) return;
    if (this.#cookie !== undefined) this.headers.addId(H.cookie, this.#cookie);
    // The length cannot come true any more (§8.1.1): a smuggling attempt on an HTTP/1 upstream.
    if (endStream && this.#kind === "request" && this.contentLength > 0) this.fault = "messaging";
  }

  #onPseudo(id: number, name: string, value: string): void {
    const isKnown = this.#kind === "request"
      ? id >= H.method && id <= H.authority ||
        (id === H.protocol && this.#options.allowConnect)
      : this.#kind === "response" && id === H.status;
    if (!isKnown || this.#sawRegular || (this.#pseudo & (1 << id)) !== 0) {
      this.fault = "field";
    } else if (
      this.#kind === "request" ? !isRequestPseudoValue(id, value) : !isStatus(value)
    ) {
      this.fault = "field";
    } else {
      this.#pseudo |= 1 << id;
      this.headers.append(id, name, value);
    }
  }

  #onUnderscore(): void {
    if (this.#options.headersWithUnderscores === "reject") this.fault = "underscore";
    else this.droppedUnderscores++;
  }

  #onRegular(id: number, name: string, value: string): void {
    if (!this.#sawRegular) this.#onFirstRegular();
    if (id === 0) {
      this.headers.append(0, name, value);
      return;
    }
    if (isForbidden(id, value)) {
      this.fault = "field";
      return;
    }
    switch (id) {
      case H.host:
        this.#onHost(value);
        return;
      case H.cookie:
        if (this.#kind !== "request") break;
        // Crumbs come together again (§8.2.3).
        this.#cookie = this.#cookie === undefined ? value : this.#cookie + "; " + value;
        return;
      case H.contentLength:
        if (this.contentLength >= 0) this.fault = "field"; // a second one, even if equal
        else if ((this.contentLength = parseContentLength(value)) < 0) this.fault = "field";
        break;
    }
    this.headers.append(id, name, value);
  }

  #onFirstRegular(): void {
    this.#sawRegular = true;
    if (this.#kind !== "request" || (this.#pseudo & (1 << H.authority)) !== 0) return;
    // `host` alone becomes `:authority`, and pseudo-headers stand first.
    this.#authorityAt = this.headers.length;
    this.headers.addId(H.authority, "");
  }

  #onHost(value: string): void {
    if (this.#kind !== "request") {
      this.headers.addId(H.host, value);
      return;
    }
    if (this.#hasHost || !isAuthority(value)) {
      this.fault = "field";
      return;
    }
    this.#hasHost = true;
    // Beside `:authority` it is dropped: one name for one request (§8.3.1).
    if (this.#authorityAt >= 0) this.headers.setValueAt(this.#authorityAt, value);
  }

  #finishRequest(): void {
    const has = this.#pseudo;
    const hasAuthority = (has & (1 << H.authority)) !== 0;
    const hasPath = (has & (1 << H.path)) !== 0;
    const hasScheme = (has & (1 << H.scheme)) !== 0;
    const hasProtocol = (has & (1 << H.protocol)) !== 0;
    const method = this.headers.getId(H.method);
    if (method === "CONNECT" && !hasProtocol) {
      if (hasPath || hasScheme || !hasAuthority) this.fault = "messaging"; // §8.5
    } else if (method === undefined || !hasPath || !hasScheme) {
      this.fault = "messaging";
    } else if (hasProtocol && (method !== "CONNECT" || !hasAuthority)) {
      this.fault = "messaging"; // RFC 8441 §4
    } else if (!hasAuthority && !this.#hasHost) {
      this.fault = "messaging";
    } else if (!this.#isPathForm(method)) {
      this.fault = "messaging";
    }
  }

  #isPathForm(method: string): boolean {
    const path = this.headers.getId(H.path)!;
    if (path.charCodeAt(0) === 0x2f) return true;
    return path === "*" && method === "OPTIONS";
  }

  #finishResponse(): void {
    const status = this.headers.getId(H.status);
    if (status === undefined || status === "101") { // §8.6
      this.fault = "messaging";
    } else if (this.contentLength > 0 && (status === "204" || status.charCodeAt(0) === 0x31)) {
      this.fault = "messaging";
    }
  }
}

function isStatus(value: string): boolean {
  if (value.length !== 3) return false;
  for (let i = 0; i < 3; i++) {
    const digit = value.charCodeAt(i);
    if (digit < 0x30 || digit > 0x39) return false;
  }
  return value.charCodeAt(0) !== 0x30;
}

/** Takes the fields of a block whose stream is gone: the table must follow all the same. */
export const NULL_SINK: FieldSink = { onField() {} };
