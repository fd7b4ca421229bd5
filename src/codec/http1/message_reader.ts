/**
 * Reads the messages of one connection, one after another: head, body, trailers. Where each part
 * lies is settled here for both sides; what a head means is judged by who asked to `read`.
 *
 *   begin ─▶ head ─beginBody─▶ body ─▶ (trailers)
 *                         └──▶ raw: all that follows is data
 */

import type { HeaderMap } from "../../http/mod.ts";
import type { Http1Options } from "../options.ts";
import { type BodyFraming, BodyReader } from "./body_reader.ts";
import { BAD_MESSAGE, type Fault, HEADERS_TOO_LARGE, TOO_MANY_HEADERS } from "./details.ts";
import { HeadReader } from "./head_reader.ts";
import type { ScanMode } from "./head_scanner.ts";
import { readTrailers } from "./trailer_rules.ts";

export type MessageEvent =
  /** All bytes belonged to a part that goes on. */
  | "more"
  /** `head` holds the lines of a whole head; `head.finish` gives them back. */
  | "head"
  /** `data` is body. */
  | "data"
  /** So is this, and the message ends with it. */
  | "last_data"
  /** The message ends with trailers; `takeTrailers` hands them out. */
  | "trailers"
  /** `fault` says what is wrong. */
  | "bad";

/** Finds the parts of messages in what was read; call `read` as long as there are bytes. */
export class MessageReader {
  readonly head: HeadReader;
  readonly #body = new BodyReader();
  readonly #headMode: ScanMode;
  readonly #trailerMode: ScanMode;
  #part: "head" | "body" | "trailers" | "raw" = "head";
  event: MessageEvent = "more";
  fault: Fault = BAD_MESSAGE;

  /** @param lenient whether heads may break the rules that `HeadScanner` forgives an upstream */
  constructor(options: Http1Options, lenient: boolean) {
    this.head = new HeadReader(options.maxHeadersBytes);
    this.#headMode = { hasStartLine: true, lenient, maxFields: options.maxHeadersCount };
    this.#trailerMode = { ...this.#headMode, hasStartLine: false, lenient: false };
  }

  /** Whether bytes of the next head are awaited and none has come. */
  get isBeforeHead(): boolean {
    return this.#part === "head" && this.head.heldBytes === 0;
  }

  /** Whether a body is being read that has a length or chunks. */
  get isInFramedBody(): boolean {
    return this.#part === "body" && !this.#body.isUntilClose;
  }

  /** Whether a body is being read that ends with the connection. */
  get isInOpenBody(): boolean {
    return this.#part === "body" && this.#body.isUntilClose;
  }

  get isRaw(): boolean {
    return this.#part === "raw";
  }

  /** Expects the head of a message. */
  begin(): void {
    this.#part = "head";
    this.head.begin(this.#headMode);
  }

  /** Says what follows the head that was read; `length` counts for that framing only. */
  beginBody(framing: BodyFraming | "raw", length: number): void {
    if (framing === "raw") {
      this.#part = "raw";
      return;
    }
    this.#part = "body";
    this.#body.begin(framing, length);
  }

  /** Takes bytes from `at` on until there is something to say. @returns the first byte not taken */
  read(bytes: Uint8Array, at: number): number {
    switch (this.#part) {
      case "head":
      case "trailers":
        return this.#readHead(bytes, at);
      case "body":
        return this.#readBody(bytes, at);
      case "raw":
        this.event = "data";
        this.#body.dataStart = at;
        return this.#body.dataEnd = bytes.length;
    }
  }

  /** The body in `bytes` that the last event found. */
  data(bytes: Uint8Array): Uint8Array {
    const { dataStart, dataEnd } = this.#body;
    const isWhole = dataStart === 0 && dataEnd === bytes.length;
    return isWhole ? bytes : bytes.subarray(dataStart, dataEnd);
  }

  /** The trailers that were read; undefined if none is let through. */
  takeTrailers(isEnabled: boolean): HeaderMap | undefined {
    const trailers = isEnabled ? readTrailers(this.head) : undefined;
    this.head.finish();
    return trailers;
  }

  #readHead(bytes: Uint8Array, at: number): number {
    const next = this.head.read(bytes, at);
    switch (this.head.result) {
      case "more":
        this.event = "more";
        break;
      case "done":
        this.event = this.#part === "head" ? "head" : "trailers";
        break;
      case "bad":
        this.#refuse(BAD_MESSAGE);
        break;
      case "too_many":
        this.#refuse(TOO_MANY_HEADERS);
        break;
      case "too_large":
        this.#refuse(HEADERS_TOO_LARGE);
    }
    return next;
  }

  #readBody(bytes: Uint8Array, at: number): number {
    const next = this.#body.read(bytes, at);
    switch (this.#body.event) {
      case "trailers":
        this.#part = "trailers";
        this.head.begin(this.#trailerMode);
        this.event = "more";
        break;
      case "bad":
        this.#refuse(BAD_MESSAGE);
        break;
      default:
        this.event = this.#body.event;
    }
    return next;
  }

  #refuse(fault: Fault): void {
    this.event = "bad";
    this.fault = fault;
  }
}
