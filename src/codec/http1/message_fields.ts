/**
 * Turns the scanned lines of a head into a header map, and notes on the way what decides the
 * framing and the life of the connection. All values are substrings of one text.
 */

import { H, type HeaderMap } from "../../http/mod.ts";
import type { EventCounter, Http1Options } from "../options.ts";
import type { HeadReader } from "./head_reader.ts";

/** Content-length of a message that has none. */
export const NO_LENGTH = -1;
/** Content-length that is no number of bytes, or stands twice (RFC 9110 §8.6). */
export const BAD_LENGTH = -2;

export type TransferEncoding = "none" | "chunked" | "other";

/** What the framing fields of one message say. */
export class MessageFacts {
  contentLength = NO_LENGTH;
  transferEncoding: TransferEncoding = "none";
  /** Values of all Connection fields, joined. */
  connection: string | undefined = undefined;
  hasUpgrade = false;
  hosts = 0;
  host = "";
  hasUnderscores = false;
  /** A line continues one whose value was judged already. */
  hasBadFold = false;

  reset(): void {
    this.contentLength = NO_LENGTH;
    this.transferEncoding = "none";
    this.connection = undefined;
    this.hasUpgrade = this.hasUnderscores = this.hasBadFold = false;
    this.hosts = 0;
    this.host = "";
  }
}

/** How fields are taken. */
export interface FieldsMode {
  /** Requests: Host becomes `:authority` and is left out of the map. */
  readonly isRequest: boolean;
  readonly underscores: Http1Options["headersWithUnderscores"];
  readonly dropped: EventCounter;
  /** Whether names are to be written as they came. */
  readonly preserveCase: boolean;
}

/** Appends all fields to `headers` and writes `facts`, which the caller has reset. */
export function readFields(
  reader: HeadReader,
  headers: HeaderMap,
  facts: MessageFacts,
  mode: FieldsMode,
): void {
  const scanner = reader.scanner;
  const text = reader.text;
  for (let i = 0; i < scanner.count; i++) {
    const field = scanner.nameAt(i);
    const value = text.substring(scanner.valueStart(i), scanner.valueEnd(i));
    if (field === undefined) {
      unfold(headers, facts, value);
      continue;
    }
    const id = field.id;
    if (id !== 0) noteFact(facts, id, value);
    if (id === H.host && mode.isRequest) {
      if (mode.preserveCase) keepName(headers, "host", nameText(reader, i, "host"));
      continue;
    }
    if (field.hasUnderscore && mode.underscores !== "allow") {
      facts.hasUnderscores = true;
      if (mode.underscores === "drop") mode.dropped.inc();
      continue;
    }
    headers.append(id, field.name, value);
    if (mode.preserveCase) keepName(headers, field.name, nameText(reader, i, field.name));
  }
}

function noteFact(facts: MessageFacts, id: number, value: string): void {
  switch (id) {
    case H.host:
      facts.hosts++;
      facts.host = value;
      return;
    case H.contentLength:
      facts.contentLength = facts.contentLength === NO_LENGTH ? parseLength(value) : BAD_LENGTH;
      return;
    case H.transferEncoding:
      facts.transferEncoding = facts.transferEncoding === "none" && isChunked(value)
        ? "chunked"
        : "other";
      return;
    case H.connection:
      facts.connection = facts.connection === undefined ? value : facts.connection + "," + value;
      return;
    case H.upgrade:
      facts.hasUpgrade = true;
  }
}

/** RFC 9112 §5.2: an obs-fold in a response is read as a space. */
function unfold(headers: HeaderMap, facts: MessageFacts, value: string): void {
  const last = headers.length - 1;
  const id = headers.idAt(last);
  if (id === H.contentLength || id === H.transferEncoding || id === H.connection || id < 0) {
    facts.hasBadFold = true;
    return;
  }
  headers.setValueAt(last, headers.valueAt(last) + " " + value);
}

/** 1*DIGIT of at most 2^53-1: no sign, no list, no space inside. @returns BAD_LENGTH for all others */
export function parseLength(value: string): number {
  if (value.length === 0 || value.length > 19) return BAD_LENGTH;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return BAD_LENGTH;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : BAD_LENGTH;
}

function isChunked(value: string): boolean {
  return value === "chunked" || (value.length === 7 && value.toLowerCase() === "chunked");
}

function nameText(reader: HeadReader, index: number, name: string): string {
  const start = reader.scanner.nameStart(index);
  return reader.text.substring(start, start + name.length);
}

function keepName(headers: HeaderMap, name: string, original: string): void {
  if (original === name) return;
  headers.originalNames ??= new Map();
  if (!headers.originalNames.has(name)) headers.originalNames.set(name, original);
}
