/** Tells HTTP/2 with prior knowledge from HTTP/1 by the first bytes of a connection (RFC 9113 §3.4). */

/** What `PRI * HTTP/2.0` must begin with, as far as no HTTP/1 request can: Envoy compares as much. */
const PREFACE = "PRI * HTTP/2";

/**
 * The protocol that the first bytes of a connection tell; `unknown` until enough of them are
 * there.
 */
export function sniffPreface(bytes: Uint8Array): "http1" | "http2" | "unknown" {
  const length = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== PREFACE.charCodeAt(i)) return "http1";
  }
  return length === PREFACE.length ? "http2" : "unknown";
}
