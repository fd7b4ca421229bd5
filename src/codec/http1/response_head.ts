/** Heads of responses: status lines made once, and what a head says about its body's framing. */

import { H, type HeaderMap, REASON_PHRASES, STATUS_TEXTS } from "../../http/mod.ts";
import type { Http1Options } from "../options.ts";
import { connectionOptions, keepsAlive } from "./connection_options.ts";
import type { OutgoingFraming } from "./body_writer.ts";
import { formatName } from "./header_case.ts";
import type { HeadWriter } from "./head_writer.ts";
import { BAD_LENGTH, NO_LENGTH, parseLength } from "./message_fields.ts";

const encoder = new TextEncoder();
/** Made when first written: 900 of them would cost start-up time. */
const LINES_11: (Uint8Array | undefined)[] = new Array(1000).fill(undefined);
const LINES_10: (Uint8Array | undefined)[] = new Array(1000).fill(undefined);

/** Longest status line, and what the framing fields add. */
const LINE_BYTES = 128;
/** Pseudo-headers have the ids up to this one. */
const LAST_PSEUDO = H.protocol;

function statusLine(status: number, isHttp10: boolean): Uint8Array {
  const lines = isHttp10 ? LINES_10 : LINES_11;
  const ready = lines[status];
  if (ready !== undefined) return ready;
  const reason = REASON_PHRASES[status] ?? "Unknown";
  const line = encoder.encode(
    `HTTP/1.${isHttp10 ? "0" : "1"} ${STATUS_TEXTS[status]} ${reason}\r\n`,
  );
  lines[status] = line;
  return line;
}

/** What the request before it says about a response. */
export interface ResponseContext {
  readonly isHead: boolean;
  readonly isConnect: boolean;
  readonly isUpgrade: boolean;
  readonly isHttp10: boolean;
  /** Whether the connection goes on after it as far as the codec knows. */
  keepAlive: boolean;
}

/** What a head that was written says about what follows it. */
export interface WrittenHead {
  framing: OutgoingFraming;
  length: number;
  /** Of the head. */
  bytes: number;
}

/**
 * Writes the head of a final response and settles its framing as Envoy's StreamEncoderImpl does;
 * clears `context.keepAlive` where the connection has to end after it.
 */
export function writeResponseHead(
  writer: HeadWriter,
  headers: HeaderMap,
  message: { readonly status: number; readonly endStream: boolean },
  context: ResponseContext,
  format: Http1Options["headerCase"],
  out: WrittenHead,
): void {
  const status = message.status;
  const isTunnel = status === 101
    ? context.isUpgrade && !message.endStream
    : context.isConnect && status >= 200 && status < 300;
  // RFC 9110 §6.4.1, §8.6: these have neither a body nor, but for HEAD and 304, a length.
  const isBare = isTunnel || status === 204 || status < 200;
  let length = NO_LENGTH;
  let hasConnection = false;
  // Without a length only the end of the connection ends an HTTP/1.0 body (RFC 9112 §6.3).
  const hasOpenEnd = !message.endStream || context.isHead;
  if (context.isHttp10 && hasOpenEnd && !headers.hasId(H.contentLength)) context.keepAlive = false;
  writer.begin(headers.byteSize + headers.length * 4 + LINE_BYTES);
  writer.bytes(statusLine(status, context.isHttp10));
  for (let i = 0; i < headers.length; i++) {
    const id = headers.idAt(i);
    if (id !== 0) {
      if (id <= LAST_PSEUDO || id === H.transferEncoding) continue;
      if (id === H.contentLength) {
        if (isBare || length !== NO_LENGTH) continue;
        length = parseLength(headers.valueAt(i));
        if (length === BAD_LENGTH) {
          length = NO_LENGTH;
          continue;
        }
      } else if (id === H.connection && !isTunnel) {
        if (hasConnection) continue;
        hasConnection = true;
        noteConnection(context, headers.valueAt(i));
        if (!context.keepAlive) {
          writer.field(formatName("connection", headers, format), "close");
          continue;
        }
      }
      if (format === "lower") {
        writer.knownField(id, headers.valueAt(i));
        continue;
      }
    }
    writer.field(formatName(headers.nameAt(i), headers, format), headers.valueAt(i));
  }
  out.length = length;
  out.framing = isTunnel
    ? "raw"
    : frame(writer, { status, endStream: message.endStream, isBare, length }, context, format);
  if (!hasConnection && !isTunnel) writeConnection(writer, context, format);
  writer.lineEnd();
  out.bytes = writer.finish();
}

function noteConnection(context: ResponseContext, value: string): void {
  if (!keepsAlive(connectionOptions(value), context.isHttp10)) context.keepAlive = false;
}

interface Outgoing {
  readonly status: number;
  readonly endStream: boolean;
  readonly isBare: boolean;
  readonly length: number;
}

function frame(
  writer: HeadWriter,
  message: Outgoing,
  context: ResponseContext,
  format: Http1Options["headerCase"],
): OutgoingFraming {
  const hasNoBody = context.isHead || message.status === 304 || message.isBare;
  if (message.isBare) return "none";
  if (message.length !== NO_LENGTH) return hasNoBody ? "none" : "length";
  if (message.status === 304) return "none";
  if (message.endStream && !context.isHead) {
    writer.field(formatName("content-length", undefined, format), "0");
    return "none";
  }
  if (context.isHttp10) return hasNoBody ? "none" : "raw";
  writer.field(formatName("transfer-encoding", undefined, format), "chunked");
  return hasNoBody ? "none" : "chunked";
}

function writeConnection(
  writer: HeadWriter,
  context: ResponseContext,
  format: Http1Options["headerCase"],
): void {
  if (context.keepAlive && !context.isHttp10) return;
  writer.field(
    formatName("connection", undefined, format),
    context.keepAlive ? "keep-alive" : "close",
  );
}

/** Writes an interim response (1xx but 101). @returns its length in bytes */
export function writeInterimHead(
  writer: HeadWriter,
  headers: HeaderMap,
  status: number,
  format: Http1Options["headerCase"],
): number {
  writer.begin(headers.byteSize + headers.length * 4 + LINE_BYTES);
  writer.bytes(statusLine(status, false));
  for (let i = 0; i < headers.length; i++) {
    const id = headers.idAt(i);
    if (id !== 0 && id <= LAST_PSEUDO) continue;
    if (id === H.contentLength || id === H.transferEncoding) continue;
    writer.field(formatName(headers.nameAt(i), headers, format), headers.valueAt(i));
  }
  writer.lineEnd();
  return writer.finish();
}
