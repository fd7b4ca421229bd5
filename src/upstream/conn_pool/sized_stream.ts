/**
 * `track_cluster_stats.request_response_sizes`: measures a stream from between its user and the
 * pool. Clusters that do not ask for it never make one.
 */

import type {
  HeaderMap,
  Protocol,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
  StreamInfo,
} from "../../http/mod.ts";
import type { Histogram, Scope } from "../../stats/mod.ts";
import type {
  Host,
  PoolCallbacks,
  PoolFailureReason,
  PoolReady,
  Priority,
  StreamRequest,
} from "../api.ts";

/** Sizes in bytes, and the numbers of header fields. */
export interface SizeHistograms {
  readonly requestHeadersSize: Histogram;
  readonly requestHeadersCount: Histogram;
  readonly requestBodySize: Histogram;
  readonly responseHeadersSize: Histogram;
  readonly responseHeadersCount: Histogram;
  readonly responseBodySize: Histogram;
}

/** @param scope the cluster's */
export function sizeHistograms(scope: Scope): SizeHistograms {
  const bytes = (name: string): Histogram => scope.histogram(name, "bytes");
  return {
    requestHeadersSize: bytes("upstream_rq_headers_size"),
    requestHeadersCount: scope.histogram("upstream_rq_headers_count", "unspecified"),
    requestBodySize: bytes("upstream_rq_body_size"),
    responseHeadersSize: bytes("upstream_rs_headers_size"),
    responseHeadersCount: scope.histogram("upstream_rs_headers_count", "unspecified"),
    responseBodySize: bytes("upstream_rs_body_size"),
  };
}

/** One stream that is measured: encoder towards the pool, decoder towards its user. */
export class SizedStream implements RequestEncoder, ResponseDecoder, StreamRequest, PoolCallbacks {
  readonly priority: Priority;
  readonly downstreamProtocol: Protocol | undefined;
  readonly streamInfo: StreamInfo | undefined;
  readonly authority: string | undefined;
  readonly isTunnel: boolean;
  readonly #sizes: SizeHistograms;
  readonly #decoder: ResponseDecoder;
  readonly #user: PoolCallbacks;
  #encoder: RequestEncoder | undefined;
  #requestBytes = 0;
  #responseBytes = 0;
  #sawResponse = false;
  #isOver = false;

  constructor(sizes: SizeHistograms, decoder: ResponseDecoder, request: StreamRequest) {
    this.#sizes = sizes;
    this.#decoder = decoder;
    this.#user = request.callbacks;
    this.priority = request.priority;
    this.downstreamProtocol = request.downstreamProtocol;
    this.streamInfo = request.streamInfo;
    this.authority = request.authority;
    this.isTunnel = request.isTunnel;
  }

  get callbacks(): PoolCallbacks {
    return this;
  }

  // The pool's answer.

  onPoolReady(encoder: RequestEncoder, ready: PoolReady): void {
    this.#encoder = encoder;
    this.#user.onPoolReady(this, ready);
  }

  onPoolFailure(reason: PoolFailureReason, transportFailureReason: string, host: Host): void {
    this.#user.onPoolFailure(reason, transportFailureReason, host);
  }

  // Towards the upstream.

  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined {
    this.#sizes.requestHeadersSize.record(headers.byteSize);
    this.#sizes.requestHeadersCount.record(headers.length);
    return this.#encoder!.encodeHeaders(headers, endStream);
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#requestBytes += bytes.length;
    this.#encoder!.encodeData(bytes, endStream);
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.#encoder!.encodeTrailers(trailers);
  }

  enableTcpTunneling(): void {
    this.#encoder!.enableTcpTunneling();
  }

  reset(reason: ResetReason): void {
    this.#end();
    this.#encoder!.reset(reason);
  }

  readDisable(disable: boolean): void {
    this.#encoder!.readDisable(disable);
  }

  get bufferedBytes(): number {
    return this.#encoder!.bufferedBytes;
  }

  get wireBytesReceived(): number {
    return this.#encoder!.wireBytesReceived;
  }

  get wireBytesSent(): number {
    return this.#encoder!.wireBytesSent;
  }

  get headerBytesReceived(): number {
    return this.#encoder!.headerBytesReceived;
  }

  get headerBytesSent(): number {
    return this.#encoder!.headerBytesSent;
  }

  get streamId(): number | undefined {
    return this.#encoder!.streamId;
  }

  // Towards the downstream.

  decode1xx(headers: HeaderMap): void {
    this.#decoder.decode1xx(headers);
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#sawResponse = true;
    this.#sizes.responseHeadersSize.record(headers.byteSize);
    this.#sizes.responseHeadersCount.record(headers.length);
    if (endStream) this.#end();
    this.#decoder.decodeHeaders(headers, endStream);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#responseBytes += bytes.length;
    if (endStream) this.#end();
    this.#decoder.decodeData(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.#end();
    this.#decoder.decodeTrailers(trailers);
  }

  onReset(reason: ResetReason, details: string): void {
    this.#end();
    this.#decoder.onReset(reason, details);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#decoder.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#decoder.onBelowWriteBufferLowWatermark();
  }

  /** Bodies are known once the stream is over, however it ended. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sizes.requestBodySize.record(this.#requestBytes);
    if (this.#sawResponse) this.#sizes.responseBodySize.record(this.#responseBytes);
  }
}
