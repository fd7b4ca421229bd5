/** Small questions about a stream's headers that need nothing but them. */

import { H, type HeaderMap, type Protocol, type Stream, StreamInfo } from "../http/mod.ts";
import { isUpgradeRequest } from "./request_headers.ts";

/** Whether the client wants its connection closed after this request (RFC 9112 §9.3). */
export function asksToClose(headers: HeaderMap, protocol: Protocol): boolean {
  if (protocol === "HTTP/2") return false;
  const connection = headers.getId(H.connection);
  if (connection === undefined) return protocol === "HTTP/1.0";
  const lower = connection.toLowerCase();
  if (lower === "close") return true;
  if (lower === "keep-alive" || isUpgradeRequest(headers)) return false;
  const options = lower.split(",").map((option) => option.trim());
  return options.includes("close") || (protocol === "HTTP/1.0" && !options.includes("keep-alive"));
}

/** Whether a response of this status turns the stream into a tunnel. */
export function opensTunnel(
  headers: HeaderMap,
  status: number,
  request: HeaderMap | undefined,
): boolean {
  if (status === 101) return headers.hasId(H.upgrade);
  return status >= 200 && status < 300 && request?.getId(H.method) === "CONNECT";
}

/** Whether the request waits for leave to send its body. */
export function expectsContinue(headers: HeaderMap): boolean {
  const expect = headers.getId(H.expect);
  return expect !== undefined && expect.toLowerCase() === "100-continue";
}

/** Facts that go on from a redirected stream to the one that takes its place. */
export function successorInfo(old: StreamInfo): StreamInfo {
  const info = new StreamInfo(old.connection, old.startMs, old.startWallMs);
  info.protocol = old.protocol;
  info.remoteAddress = old.remoteAddress;
  info.bytesReceived = old.bytesReceived;
  info.lastDownstreamRxMs = old.lastDownstreamRxMs;
  info.filterState = old.filterState;
  info.requestId = old.requestId;
  info.isTraced = old.isTraced;
  info.traceReason = old.traceReason;
  return info;
}

/** What the codec counted of a stream. */
export function noteWireBytes(info: StreamInfo, stream: Stream): void {
  info.wireBytesReceived = stream.wireBytesReceived;
  info.wireBytesSent = stream.wireBytesSent;
  info.headerBytesReceived = stream.headerBytesReceived;
  info.headerBytesSent = stream.headerBytesSent;
}
