/** What a format may read, and what an operator is. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";

/** When a log line is written, as %ACCESS_LOG_TYPE% prints it; the index is the API's enum. */
export const ACCESS_LOG_TYPES = [
  "NotSet",
  "TcpUpstreamConnected",
  "TcpPeriodic",
  "TcpConnectionEnd",
  "DownstreamStart",
  "DownstreamPeriodic",
  "DownstreamEnd",
  "UpstreamPoolReady",
  "UpstreamPeriodic",
  "UpstreamEnd",
  "DownstreamTunnelSuccessfullyEstablished",
  "UdpTunnelUpstreamConnected",
  "UdpPeriodic",
  "UdpSessionEnd",
] as const;
export type AccessLogType = typeof ACCESS_LOG_TYPES[number];

/** Headers are absent where the stream has none (yet). */
export interface FormatContext {
  readonly requestHeaders: HeaderMap | undefined;
  readonly responseHeaders: HeaderMap | undefined;
  readonly responseTrailers: HeaderMap | undefined;
  readonly info: StreamInfo;
  /** Binary string; "" but in local replies. */
  readonly localReplyBody: string;
  readonly accessLogType: AccessLogType;
}

/**
 * Reads one value: a binary string, a number, a boolean, or JSON of metadata (whose texts are
 * Unicode). undefined stands for a value that is not there: `-` in texts, null in JSON.
 */
export type ValueProvider = (context: FormatContext) => unknown;

/** A compiled format. */
export interface Formatter {
  /** The text as a binary string. */
  format(context: FormatContext): string;
  /** The text where it is always the same: nothing to format then. */
  readonly constant: string | undefined;
}

/** What a filter's formats read of its stream: the messages seen so far. */
export function streamFormatContext(
  info: StreamInfo,
  request: HeaderMap | undefined,
  response?: { readonly headers: HeaderMap | undefined; readonly trailers?: HeaderMap },
): FormatContext {
  return {
    requestHeaders: request,
    responseHeaders: response?.headers,
    responseTrailers: response?.trailers,
    info,
    localReplyBody: "",
    accessLogType: "NotSet",
  };
}
