/** Writes heads of requests and settles how their body is framed, as Envoy's RequestEncoderImpl does. */

import { H, type HeaderMap } from "../../http/mod.ts";
import type { Http1Options } from "../options.ts";
import type { OutgoingFraming } from "./body_writer.ts";
import { AUTHORITY, holdsOnly, TARGET } from "./char_tables.ts";
import { connectionOptions, keepsAlive, UPGRADE } from "./connection_options.ts";
import { formatName } from "./header_case.ts";
import type { HeadWriter } from "./head_writer.ts";
import { BAD_LENGTH, NO_LENGTH, parseLength } from "./message_fields.ts";

const LINE_BYTES = 128;
const LAST_PSEUDO = H.protocol;

/** What a request that was written means for what follows. */
export interface WrittenRequest {
  framing: OutgoingFraming;
  length: number;
  bytes: number;
  isHead: boolean;
  isConnect: boolean;
  isUpgrade: boolean;
  /** False where the request itself says `connection: close`. */
  keepAlive: boolean;
}

/** What makes a request unfit for HTTP/1, in Envoy's words; undefined if nothing. */
export function requestProblem(headers: HeaderMap): string | undefined {
  const method = headers.getId(H.method);
  if (method === undefined || method === "") return "missing required header: :method";
  const authority = headers.getId(H.authority);
  if (method === "CONNECT") {
    if (authority === undefined) return "missing required header: :authority";
  } else {
    const path = headers.getId(H.path);
    if (path === undefined || path === "") return "missing required header: :path";
    // A space or a line end in here would begin a second request (request splitting).
    if (!isTarget(path)) return "invalid header value for: :path";
  }
  if (!holdsOnly(TARGET, method)) return "invalid header value for: :method";
  if (authority !== undefined && !isTarget(authority)) {
    return "invalid header value for: :authority";
  }
  return undefined;
}

/** Visible ASCII, or bytes above it: what some upstreams take as UTF-8 cannot split a request. */
function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === 127) return false;
  }
  return true;
}

/** Writes a request that `requestProblem` finds nothing wrong with. */
export function writeRequestHead(
  writer: HeadWriter,
  headers: HeaderMap,
  endStream: boolean,
  options: Http1Options,
  out: WrittenRequest,
): void {
  const method = headers.getId(H.method)!;
  const format = options.headerCase;
  out.isHead = method === "HEAD";
  out.isConnect = method === "CONNECT";
  const asked = headers.hasId(H.connection) ? connectionOptions(headers.joined("connection")!) : 0;
  out.isUpgrade = (asked & UPGRADE) !== 0 && headers.hasId(H.upgrade);
  out.keepAlive = keepsAlive(asked, false);
  const isTunnel = out.isConnect || out.isUpgrade;
  // The scheme and authority of an absolute form stand outside the fields: twice the sum suffices.
  writer.begin(2 * headers.byteSize + headers.length * 4 + LINE_BYTES);
  writeLine(writer, headers, method, options.sendFullyQualifiedUrl);
  const host = headers.getId(H.authority) ?? headers.getId(H.host);
  if (host !== undefined) {
    if (format === "lower") writer.knownField(H.host, host);
    else writer.field(formatName("host", headers, format), host);
  }
  let length = NO_LENGTH;
  for (let i = 0; i < headers.length; i++) {
    const id = headers.idAt(i);
    if (id !== 0) {
      if (id <= LAST_PSEUDO || id === H.host || id === H.transferEncoding) continue;
      if (id === H.contentLength) {
        if (isTunnel || length !== NO_LENGTH) continue;
        length = parseLength(headers.valueAt(i));
        if (length === BAD_LENGTH) {
          length = NO_LENGTH;
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
  out.framing = isTunnel ? "raw" : frame(writer, { method, endStream, length }, format);
  writer.lineEnd();
  out.bytes = writer.finish();
}

function writeLine(
  writer: HeadWriter,
  headers: HeaderMap,
  method: string,
  isFullyQualified: boolean,
): void {
  writer.text(method);
  writer.text(" ");
  if (method === "CONNECT") writer.text(headers.getId(H.authority)!);
  else {
    const path = headers.getId(H.path)!;
    const authority = headers.getId(H.authority);
    if (isFullyQualified && authority !== undefined && path.charCodeAt(0) === 47) {
      writer.text(headers.getId(H.scheme) === "https" ? "https://" : "http://");
      writer.text(holdsOnly(AUTHORITY, authority) ? authority : "");
    }
    writer.text(path);
  }
  writer.text(" HTTP/1.1\r\n");
}

interface Outgoing {
  readonly method: string;
  readonly endStream: boolean;
  readonly length: number;
}

function frame(
  writer: HeadWriter,
  message: Outgoing,
  format: Http1Options["headerCase"],
): OutgoingFraming {
  if (message.length !== NO_LENGTH) return "length";
  if (!message.endStream) {
    writer.field(formatName("transfer-encoding", undefined, format), "chunked");
    return "chunked";
  }
  if (!isBodiless(message.method)) {
    writer.field(formatName("content-length", undefined, format), "0");
  }
  return "none";
}

/** Methods whose requests say nothing of a body they do not have (Envoy's requestShouldHaveNoBody). */
function isBodiless(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "DELETE" || method === "TRACE";
}
