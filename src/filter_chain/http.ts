/**
 * HTTP filters: a step returns its status synchronously; one that must wait returns a stop and
 * continues later through its callbacks (STYLE §6). The router is the last one of a chain.
 */

import type { Dispatcher } from "../base/mod.ts";
import type { ConnectionInfo, HeaderMap, Protocol, ResetReason, StreamInfo } from "../http/mod.ts";
import type { Route } from "../route/mod.ts";
import type { CompileContext, Runtime } from "../runtime/mod.ts";

/** What happens after a filter saw headers. */
export type HeadersStatus =
  | "continue"
  /** Later filters wait; data still comes to this filter. */
  | "stop_iteration"
  /** As above, and data is buffered by the chain up to the limit, not shown to this filter. */
  | "stop_all_iteration"
  /** As above, but over the limit the source is paused instead of the request refused. */
  | "stop_all_iteration_and_watermark";

export type DataStatus =
  | "continue"
  /** The chain keeps the data; over the limit: 413 downstream, 500 upstream. */
  | "stop_and_buffer"
  /** The chain keeps the data; over the limit the source is paused. */
  | "stop_and_watermark"
  /** The filter has kept what it needs. */
  | "stop_no_buffer";

export type TrailersStatus = "continue" | "stop_iteration";

/**
 * One filter of one stream. Hooks that a filter lacks are skipped at no cost; all filters that one
 * compiled configuration creates have the same hooks. A filter that has stopped and lacks the hook
 * for what comes next (data, trailers) stays stopped until it continues.
 */
export interface HttpFilter {
  decodeHeaders?(headers: HeaderMap, endStream: boolean): HeadersStatus;
  decodeData?(bytes: Uint8Array, endStream: boolean): DataStatus;
  decodeTrailers?(trailers: HeaderMap): TrailersStatus;
  encode1xxHeaders?(headers: HeaderMap): void;
  encodeHeaders?(headers: HeaderMap, endStream: boolean): HeadersStatus;
  encodeData?(bytes: Uint8Array, endStream: boolean): DataStatus;
  encodeTrailers?(trailers: HeaderMap): TrailersStatus;
  /** The stream is over, however it ended; before the access log. */
  onStreamComplete?(): void;
  /** Last call: release timers and upstreams. */
  onDestroy?(): void;
}

/** What changes in a reply that the proxy itself gives. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  /** Headers to add, after the standard ones. */
  readonly modifyHeaders?: ((headers: HeaderMap) => void) | undefined;
  /** gRPC status for gRPC requests; derived from `status` if absent. */
  readonly grpcStatus?: number | undefined;
  readonly contentType?: string | undefined;
}

/** What a filter may do with its stream. */
export interface FilterCallbacks {
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  readonly connection: ConnectionInfo;
  readonly streamInfo: StreamInfo;
  readonly requestHeaders: HeaderMap | undefined;
  readonly requestTrailers: HeaderMap | undefined;
  readonly responseHeaders: HeaderMap | undefined;
  /** The matched route; computed at first use, cached until `clearRouteCache`. */
  route(): Route | undefined;
  clearRouteCache(): void;
  /** Answers at once; filters of the encode path see the reply. */
  sendLocalReply(reply: LocalReply): void;
  continueDecoding(): void;
  continueEncoding(): void;
  /** Ends the stream towards the downstream (RST_STREAM, or closing an HTTP/1 connection). */
  resetStream(reason: ResetReason, details: string): void;
  /** Response of the terminal filter. */
  encode1xxHeaders(headers: HeaderMap): void;
  encodeHeaders(headers: HeaderMap, endStream: boolean): void;
  encodeData(bytes: Uint8Array, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /** Pauses (counted) the downstream's body: called by the router when the upstream is full. */
  onDecoderFilterAboveWriteBufferHighWatermark(): void;
  onDecoderFilterBelowWriteBufferLowWatermark(): void;
  /** Told when the downstream is full, so that the router pauses the upstream. Told at once if it is now. */
  addDownstreamWatermarkCallbacks(callbacks: DownstreamWatermarks): void;
  removeDownstreamWatermarkCallbacks(callbacks: DownstreamWatermarks): void;
  /** Bytes a filter may buffer. */
  readonly bufferLimitBytes: number;
  setBufferLimit(bytes: number): void;
  /** Body bytes the chain keeps for a stopped filter; undefined if none. */
  readonly decodingBuffer: Uint8Array | undefined;
  addDecodedData(bytes: Uint8Array): void;
  /** Drops what the chain keeps of the request's body: an internal redirect by 303 has none. */
  clearDecodedData(): void;
  /** Configuration of this filter for the matched route: most specific first; undefined if none. */
  routeConfig<Config>(): Config | undefined;
  /** The same of all levels, most specific first, for filters that merge. */
  routeConfigs<Config>(): readonly Config[];
  /**
   * Runs the request again with changed headers (internal redirect): a new stream on the same
   * connection. @returns whether it could.
   */
  recreateStream(responseHeaders: HeaderMap | undefined): boolean;
  /** Whether the downstream has sent all of its request. */
  readonly isRequestComplete: boolean;
  readonly downstreamProtocol: Protocol;
  /** Worker-wide unique id of the stream, for logs. */
  readonly streamId: number;
  /** Restarts the stream idle timer with another bound; 0 switches it off. */
  setIdleTimeout(timeoutMs: number): void;
  /** Whether an upgrade (websocket, CONNECT) was allowed for this stream. */
  readonly isUpgrade: boolean;
}

/** Who is told when the downstream's buffer fills up and empties. */
export interface DownstreamWatermarks {
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}

/** A kind of HTTP filter; one registry row. */
export interface HttpFilterFactory<Config = unknown, RouteConfig = unknown> {
  readonly name: string;
  readonly type: string;
  readonly isTerminal?: boolean;
  /** Compiles once per connection manager and thread. `statPrefix` is the manager's, as `http.ingress.`. */
  compile(message: object, context: CompileContext, statPrefix: string): Config;
  /** Per-route configuration: its message type and compile step; absent if the filter has none. */
  readonly routeType?: string;
  compileRoute?(message: object, context: CompileContext): RouteConfig;
  create(config: Config, callbacks: FilterCallbacks): HttpFilter;
}
