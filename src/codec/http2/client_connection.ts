/** The client side of HTTP/2: requests out, responses in (RFC 9113 §8.1, RFC 8441). */

import {
  type ClientConnectionCallbacks,
  type ClientHttpConnection,
  type CodecError,
  H,
  type HeaderMap,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
} from "../../http/mod.ts";
import type { CodecStats, CodecTransport, Http2Options } from "../options.ts";
import { ERROR_CODE, MAX_STREAM_ID } from "./frame.ts";
import type { BlockKind, HeaderSink } from "./header_sink.ts";
import { Http2Session } from "./session.ts";
import type { SessionRole } from "./session_core.ts";
import type { Http2Stream } from "./stream.ts";
import { isUpgrade, plainConnect, requestToHttp2, responseToHttp1 } from "./upgrade.ts";

/** Codec of one upstream HTTP/2 connection; sends preface and SETTINGS at once. */
export class Http2ClientConnection implements ClientHttpConnection {
  readonly protocol = "HTTP/2";
  readonly #session: Http2Session;
  readonly #role: ClientRole;

  constructor(
    transport: CodecTransport,
    options: Http2Options,
    callbacks: ClientConnectionCallbacks,
    stats: CodecStats,
  ) {
    this.#role = new ClientRole(callbacks);
    this.#session = new Http2Session(this.#role, transport, options, stats);
    this.#role.session = this.#session;
    this.#session.start();
  }

  get activeStreams(): number {
    return this.#session.streams.size;
  }

  get isReusable(): boolean {
    const session = this.#session;
    return !this.#role.isGoingAway && session.error === undefined && !session.isClosed &&
      session.streams.lastLocalId < MAX_STREAM_ID - 1;
  }

  /** Streams the peer allows at once: its MAX_CONCURRENT_STREAMS, 2^32-1 until it says one. */
  get peerMaxConcurrentStreams(): number {
    return this.#session.peer.maxConcurrentStreams;
  }

  /** Whether the peer takes extended CONNECT (RFC 8441 §3). */
  get peerAllowsConnectProtocol(): boolean {
    return this.#session.peer.enableConnectProtocol;
  }

  newStream(decoder: ResponseDecoder): RequestEncoder {
    const stream = this.#session.createStream();
    stream.decoder = decoder;
    return stream;
  }

  dispatch(bytes: Uint8Array): CodecError | undefined {
    return this.#session.dispatch(bytes);
  }

  resume(): CodecError | undefined {
    return this.#session.resumeStreams();
  }

  /** HTTP/2 has no half-close: the owner closes the connection, which resets what is left. */
  onEnd(): CodecError | undefined {
    return this.#session.error;
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    this.#session.close(reason, details);
  }

  /** Only servers give notice. */
  shutdownNotice(): void {}

  goAway(): void {
    this.#role.isGoingAway = true;
    this.#session.sendGoAway(true);
  }

  wantsToWrite(): boolean {
    return false; // frames go into the transport's output at once
  }

  onUnderlyingAboveWriteBufferHighWatermark(): void {
    this.#session.onTransportAboveHigh();
  }

  onUnderlyingBelowWriteBufferLowWatermark(): void {
    this.#session.onTransportBelowLow();
  }

  /** Sends PING, for connection_keepalive; any frame that comes in counts as the answer. */
  sendPing(opaque: number): void {
    this.#session.sendPing(opaque);
  }

  /** Resets streams whose last request bytes the peer has not let out for `timeoutMs`. */
  resetStalledStreams(timeoutMs: number): number {
    return this.#session.resetStalledStreams(timeoutMs);
  }
}

class ClientRole implements SessionRole {
  readonly isServer = false;
  readonly malformedReason = "protocol_error";
  readonly callbacks: ClientConnectionCallbacks;
  session: Http2Session | undefined;
  /** Either side has said that no more streams are welcome. */
  isGoingAway = false;
  #maxStreams = -1;

  constructor(callbacks: ClientConnectionCallbacks) {
    this.callbacks = callbacks;
  }

  /** A server opens no streams: push is off. */
  openByPeer(): undefined {
    return undefined;
  }

  kindOf(stream: Http2Stream): BlockKind {
    return stream.hasHeaders ? "trailers" : "response";
  }

  onHeaders(stream: Http2Stream, block: HeaderSink, endStream: boolean): boolean {
    const decoder = stream.decoder as ResponseDecoder | undefined;
    const headers = block.headers;
    if (stream.hasHeaders) {
      decoder?.decodeTrailers(headers);
      return true;
    }
    const status = headers.getId(H.status)!;
    if (status.charCodeAt(0) === 0x31) {
      if (endStream) return false; // an interim response ends nothing
      decoder?.decode1xx(headers);
      return true;
    }
    stream.hasHeaders = true;
    const hasBody = !stream.isHead && status !== "304" && status !== "204";
    if (hasBody) stream.expectedBytes = block.contentLength;
    if (hasBody && endStream && block.contentLength > 0) return false;
    if (stream.upgrade !== "") responseToHttp1(headers, stream.upgrade);
    decoder?.decodeHeaders(headers, endStream);
    return true;
  }

  onPeerSettings(): void {
    const maxStreams = this.session!.peer.maxConcurrentStreams;
    if (maxStreams === this.#maxStreams) return;
    this.#maxStreams = maxStreams;
    this.callbacks.onMaxStreamsChanged(maxStreams);
  }

  onGoAway(lastStreamId: number, code: number): void {
    this.isGoingAway = true;
    this.callbacks.onGoAway(code === ERROR_CODE.noError ? "no_error" : "other");
    this.session!.refuseStreamsAbove(lastStreamId);
  }

  prepareHeaders(stream: Http2Stream, headers: HeaderMap): HeaderMap {
    const method = headers.getId(H.method);
    stream.isHead = method === "HEAD";
    if (isUpgrade(headers)) {
      stream.upgrade = headers.getId(H.upgrade)!;
      return requestToHttp2(headers);
    }
    if (method !== "CONNECT" || headers.getId(H.protocol) !== undefined) return headers;
    return plainConnect(headers);
  }

  missingHeader(headers: HeaderMap): string | undefined {
    const method = headers.getId(H.method);
    if (method === undefined) return "missing required header: :method";
    if (method === "CONNECT" && !headers.hasId(H.protocol)) {
      return headers.hasId(H.authority) ? undefined : "missing required header: :authority";
    }
    return headers.hasId(H.path) ? undefined : "missing required header: :path";
  }

  beforeFirstHeaders(stream: Http2Stream): void {
    if (stream.state !== "idle" || stream.id !== 0) return;
    const session = this.session!;
    const { streams } = session;
    streams.lastLocalId = streams.lastLocalId === 0 ? 1 : streams.lastLocalId + 2;
    session.register(stream, streams.lastLocalId);
  }
}
