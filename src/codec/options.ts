/** Compiled codec options: defaults filled in, units in the names. Compiled in one place for both sides. */

/** Counts events of one codec; a cell of the stats arena fits. */
export interface EventCounter {
  inc(): void;
}

/** Envoy's `http1.*` and `http2.*` counters that codecs raise, each under its Envoy name. */
export interface CodecStats {
  counter(name: string): EventCounter;
}

/** HTTP/1 options, from Http1ProtocolOptions, HttpProtocolOptions and the connection manager. */
export interface Http1Options {
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly allowAbsoluteUrl: boolean;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  /** `Proper-Case` names on output, or as received where `preserve`. */
  readonly headerCase: "lower" | "proper" | "preserve";
  readonly enableTrailers: boolean;
  readonly allowChunkedLength: boolean;
  readonly streamErrorOnInvalidMessage: boolean;
  readonly sendFullyQualifiedUrl: boolean;
  readonly allowCustomMethods: boolean;
  /** Upgrade tokens (lower case) whose header is dropped, from ignore_http_11_upgrade. */
  readonly ignoreUpgrade: (value: string) => boolean;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  /** Server: whether the transport is TLS, for `:scheme`. */
  readonly isTls: boolean;
}

/** HTTP/2 options, from Http2ProtocolOptions, HttpProtocolOptions and the connection manager. */
export interface Http2Options {
  readonly hpackTableSize: number;
  readonly maxConcurrentStreams: number;
  readonly initialStreamWindowSize: number;
  readonly initialConnectionWindowSize: number;
  readonly allowConnect: boolean;
  readonly allowMetadata: boolean;
  readonly maxOutboundFrames: number;
  readonly maxOutboundControlFrames: number;
  readonly maxConsecutiveInboundFramesWithEmptyPayload: number;
  readonly maxInboundPriorityFramesPerStream: number;
  readonly maxInboundWindowUpdateFramesPerDataFrameSent: number;
  readonly streamErrorOnInvalidMessage: boolean;
  readonly customSettings: readonly (readonly [id: number, value: number])[];
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  readonly isTls: boolean;
  /** Body bytes that may wait for one stream's window before its source is stopped; 1 MiB. */
  readonly streamBufferLimitBytes?: number;
  /** Streams after which half of them may not have been reset young and unanswered; 500. */
  readonly prematureResetTotalStreams?: number;
  /** Age in milliseconds up to which a reset counts for that; 1000. */
  readonly prematureResetMinLifetimeMs?: number;
}

/** What the codec writes into and how it stops its own input; `net/` connections have this face. */
export interface CodecTransport {
  readonly output: import("../base/mod.ts").OutputBuffer;
  /** Counted pauses of reading, see Stream.readDisable. */
  readDisable(disable: boolean): void;
  /** Milliseconds, for rate limits on resets. */
  nowMs(): number;
}
