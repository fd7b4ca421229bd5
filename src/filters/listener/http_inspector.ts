/** Tells HTTP/1.0, HTTP/1.1 and HTTP/2 without TLS from other bytes, for the chain match. */

import type {
  AcceptedSocket,
  ListenerFilter,
  ListenerFilterFactory,
  ListenerFilterStatus,
} from "../../filter_chain/mod.ts";
import { type StatGroup, statTemplate } from "../../stats/mod.ts";

const TEMPLATE = statTemplate(
  "read_error http10_found http11_found http2_found http_not_found",
);
const HTTP10_FOUND = 1;
const HTTP11_FOUND = 2;
const HTTP2_FOUND = 3;
const HTTP_NOT_FOUND = 4;

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** A request line longer than that is none that any server here takes. */
const MAX_LINE_BYTES = 65536;

type Finding = "more" | "http/1.0" | "http/1.1" | "h2c" | "none";

/** What the bytes of a connection's beginning are. */
export function inspectHttp(bytes: Uint8Array): Finding {
  const preface = Math.min(bytes.length, PREFACE.length);
  let same = 0;
  while (same < preface && bytes[same] === PREFACE.charCodeAt(same)) same++;
  if (same === PREFACE.length) return "h2c";
  if (same === bytes.length) return "more";
  let spaces = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0x0a) return inspectVersion(bytes, i, spaces);
    if (byte === 0x20) spaces++;
    // The method is a token; after it controls are as wrong (RFC 9112 §3).
    else if (spaces === 0 ? !isTokenByte(byte) : byte < 0x20 && byte !== 0x0d) return "none";
  }
  return bytes.length >= MAX_LINE_BYTES ? "none" : "more";
}

function inspectVersion(bytes: Uint8Array, lineFeed: number, spaces: number): Finding {
  if (spaces < 2) return "none";
  const end = bytes[lineFeed - 1] === 0x0d ? lineFeed - 1 : lineFeed;
  const version = String.fromCharCode(...bytes.subarray(Math.max(0, end - 9), end));
  if (version === " HTTP/1.1") return "http/1.1";
  return /^ HTTP\/1\.\d$/.test(version) ? "http/1.0" : "none";
}

/** RFC 9110 §5.6.2. */
function isTokenByte(byte: number): boolean {
  if (byte >= 0x80) return false;
  const char = String.fromCharCode(byte);
  return /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(char);
}

class HttpInspector implements ListenerFilter {
  readonly consumedBytes = 0;
  readonly #stats: StatGroup;
  readonly #socket: AcceptedSocket;

  constructor(stats: StatGroup, socket: AcceptedSocket) {
    this.#stats = stats;
    this.#socket = socket;
  }

  onAccept(): ListenerFilterStatus {
    const { transportProtocol } = this.#socket;
    return transportProtocol === "" || transportProtocol === "raw_buffer" ? "more" : "continue";
  }

  onData(bytes: Uint8Array): ListenerFilterStatus {
    const finding = inspectHttp(bytes);
    switch (finding) {
      case "more":
        return "more";
      case "none":
        this.#stats.inc(HTTP_NOT_FOUND);
        return "continue";
      case "http/1.0":
        this.#stats.inc(HTTP10_FOUND);
        break;
      case "http/1.1":
        this.#stats.inc(HTTP11_FOUND);
        break;
      case "h2c":
        this.#stats.inc(HTTP2_FOUND);
        break;
    }
    this.#socket.applicationProtocols = [finding];
    return "continue";
  }
}

export const httpInspector: ListenerFilterFactory<StatGroup> = {
  name: "envoy.filters.listener.http_inspector",
  type: "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
  compile: (_message, context) => context.scope.scope("http_inspector").group(TEMPLATE),
  create: (stats, socket) => new HttpInspector(stats, socket),
};
