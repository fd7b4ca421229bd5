/**
 * What a codec and its user say to each other. `decode*` goes towards the upstream, `encode*`
 * towards the downstream (Envoy's words): a server codec decodes requests and encodes responses, a
 * client codec encodes requests and decodes responses. All of it is synchronous; bytes handed to a
 * callback are valid during the call only.
 */

import type { HeaderMap } from "./header_map.ts";

/** HTTP versions as Envoy's %PROTOCOL% prints them. */
export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** Why a stream ended before its time. */
export type ResetReason =
  /** We chose to (timeout, overload, a filter). */
  | "local_reset"
  /** We refused the stream before any of it was handled: safe to retry. */
  | "local_refused_stream"
  /** The peer sent RST_STREAM or closed its side of the stream. */
  | "remote_reset"
  /** The peer says it handled nothing of it (REFUSED_STREAM, GOAWAY): safe to retry. */
  | "remote_refused_stream"
  /** The connection could not be made. */
  | "connection_failure"
  | "connection_timeout"
  /** The connection ended under the stream. */
  | "connection_termination"
  /** A circuit breaker. */
  | "overflow"
  /** The peer broke the protocol. */
  | "protocol_error"
  /** CONNECT_ERROR (RFC 9113 §7) or a broken tunnel. */
  | "connect_error";

/** One stream, as its user acts on it. */
export interface Stream {
  /** Ends the stream at once; its callbacks are not called any more for it. */
  reset(reason: ResetReason): void;
  /**
   * Back-pressure towards the peer that sends this stream's body: counted, so that two users may
   * pause and each resume. HTTP/1 pauses reading the connection, HTTP/2 withholds WINDOW_UPDATE.
   */
  readDisable(disable: boolean): void;
  /** Body bytes written to this stream that the connection has not sent yet. */
  readonly bufferedBytes: number;
  /** Bytes on the wire for this stream so far, headers and framing included. */
  readonly wireBytesReceived: number;
  readonly wireBytesSent: number;
  /** Of these, the bytes of header blocks (HTTP/1: with the first line). */
  readonly headerBytesReceived: number;
  readonly headerBytesSent: number;
  /** HTTP/2 stream id; HTTP/1: undefined. */
  readonly streamId: number | undefined;
}

/** What both ends of a stream are told, besides its data. */
export interface StreamCallbacks {
  /** The stream is gone; nothing more is called after it. `details` is a response-code detail. */
  onReset(reason: ResetReason, details: string): void;
  /** Writes pile up: stop the source. Always balanced by `onBelowWriteBufferLowWatermark`. */
  onAboveWriteBufferHighWatermark(): void;
  onBelowWriteBufferLowWatermark(): void;
}

/** The server codec's user for one request. `headers` belong to the receiver from the call on. */
export interface RequestDecoder extends StreamCallbacks {
  /** Exactly once, first; pseudo-headers are in the map in HTTP/1 too. */
  decodeHeaders(headers: HeaderMap, endStream: boolean): void;
  decodeData(bytes: Uint8Array, endStream: boolean): void;
  /** Ends the stream. */
  decodeTrailers(trailers: HeaderMap): void;
  /**
   * The request cannot be understood; the receiver answers by `encodeHeaders` (HTTP/1, then the
   * connection closes) or resets. Called at most once and instead of `decodeHeaders` when that has
   * not been called, else like a reset.
   * @param status 400, 426, 431, 501, …
   * @param details response-code detail, as in `http1.codec_error`
   */
  sendLocalReply(status: number, body: string, details: string): void;
}

/** Writes one response. */
export interface ResponseEncoder extends Stream {
  /** An interim response (1xx but 101); may be called several times before `encodeHeaders`. */
  encode1xx(headers: HeaderMap): void;
  encodeHeaders(headers: HeaderMap, endStream: boolean): void;
  encodeData(bytes: Uint8Array, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /** HTTP/1.1 and invalid messages: whether only the stream, not the connection, ends on errors. */
  readonly streamErrorOnInvalidMessage: boolean;
}

/** The client codec's user for one request. */
export interface ResponseDecoder extends StreamCallbacks {
  /** An interim response (1xx but 101). */
  decode1xx(headers: HeaderMap): void;
  decodeHeaders(headers: HeaderMap, endStream: boolean): void;
  decodeData(bytes: Uint8Array, endStream: boolean): void;
  decodeTrailers(trailers: HeaderMap): void;
}

/** Writes one request. */
export interface RequestEncoder extends Stream {
  /** @returns undefined, or what is missing in the headers for this codec (as `missing required header: :path`). */
  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined;
  encodeData(bytes: Uint8Array, endStream: boolean): void;
  encodeTrailers(trailers: HeaderMap): void;
  /** Turns the stream into a tunnel after an accepted upgrade or CONNECT (HTTP/1). */
  enableTcpTunneling(): void;
}

/** What a whole HTTP connection tells its user. */
export interface ConnectionCallbacks {
  /** The peer wants to end: GOAWAY, or `connection: close` on HTTP/1. No new streams after it. */
  onGoAway(code: "no_error" | "other"): void;
  /**
   * The codec has something that had better wait: HTTP/1, bytes of a further request that may be
   * handled now; HTTP/2, windows of streams that read again, whose reader may yet pause them once
   * its own output has filled up. The user calls the codec's `resume()` once, later, in a turn of
   * its own. Without this the codec does so itself in a microtask, and an error shows only as
   * `shouldClose`.
   */
  onResumable?(): void;
}

/** What a server codec tells its connection manager. */
export interface ServerConnectionCallbacks extends ConnectionCallbacks {
  /** A new request begins. The decoder may answer with the encoder at any time from now on. */
  newStream(encoder: ResponseEncoder): RequestDecoder;
}

/** What a client codec tells its pool. */
export interface ClientConnectionCallbacks extends ConnectionCallbacks {
  /** The peer's SETTINGS changed how many streams may be open at once (HTTP/2). */
  onMaxStreamsChanged(maxStreams: number): void;
}

/**
 * Why a connection must end. `details` is a response-code detail or a connection termination
 * detail; the user flushes what the codec wrote (an error reply, GOAWAY) and then closes.
 */
export interface CodecError {
  /** `closed`: the peer ended the connection, which is no fault of the protocol. */
  readonly kind: "protocol" | "flood" | "inbound_framing" | "envoy_overload" | "closed";
  readonly details: string;
}

/** A codec for one connection, either side. */
export interface HttpConnection {
  readonly protocol: Protocol;
  /**
   * Takes bytes read. HTTP/1 may leave some for later (a pipelined request while one is under way,
   * or while reading is disabled): it keeps a copy and goes on by itself, so a caller never offers
   * bytes twice.
   * @returns the error that ends the connection, if any
   */
  dispatch(bytes: Uint8Array): CodecError | undefined;
  /** Goes on with what `onResumable` told of. @returns the error that ends the connection, if any */
  resume(): CodecError | undefined;
  /** The peer closed its sending side. @returns whether the connection should be closed now. */
  onEnd(): CodecError | undefined;
  /** The connection is gone: every stream that is left is reset with `connection_termination` or the given reason. */
  onConnectionClosed(reason: ResetReason, details: string): void;
  /** Tells the peer that no more streams are welcome: HTTP/2 GOAWAY 2^31-1 (and ping), HTTP/1 nothing. */
  shutdownNotice(): void;
  /** The last word: HTTP/2 GOAWAY with the real last stream id; HTTP/1: `connection: close` on responses to come. */
  goAway(): void;
  /** The connection's output went over / fell below its limits: told to all streams. */
  onUnderlyingAboveWriteBufferHighWatermark(): void;
  onUnderlyingBelowWriteBufferLowWatermark(): void;
  /** Streams that are open now. */
  readonly activeStreams: number;
}

/** A codec of the client side. */
export interface ClientHttpConnection extends HttpConnection {
  /** Begins a request; HTTP/1 allows one at a time. */
  newStream(decoder: ResponseDecoder): RequestEncoder;
  /** Whether a further request may be sent on this connection once the present ones end. */
  readonly isReusable: boolean;
  /** HTTP/2: asks the peer for a sign of life; whatever comes in next is the answer. */
  sendPing?(opaque: number): void;
}
