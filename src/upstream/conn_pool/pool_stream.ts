/**
 * One request on a pooled connection: stands between its user and the codec, so that the pool
 * learns when both directions are done or one side resets.
 */

import type { HeaderMap, RequestEncoder, ResetReason, ResponseDecoder } from "../../http/mod.ts";
import { type SizeHistograms, StreamSizes } from "./stream_sizes.ts";

/** The connection, told once how its stream ended. */
export interface StreamOwner {
  /** Request and response are complete. */
  onStreamComplete(stream: PoolStream): void;
  /**
   * The response is complete before its request: HTTP/1 connections cannot go on.
   * @returns whether the stream is over with it
   */
  onEarlyResponse(stream: PoolStream): boolean;
  onStreamReset(stream: PoolStream, reason: ResetReason, isLocal: boolean): void;
  /** The user of an open tunnel sends no more: an HTTP/1 connection ends after what waits. */
  onTunnelEnded(): void;
}

/** A stream's encoder and decoder in one; it releases its place on the connection exactly once. */
export class PoolStream implements RequestEncoder, ResponseDecoder {
  readonly #owner: StreamOwner;
  readonly #decoder: ResponseDecoder;
  /** Undefined: sizes are not measured. */
  readonly #sizes: StreamSizes | undefined;
  #isTunnel = false;
  #encoder: RequestEncoder | undefined;
  #isRequestDone = false;
  #isResponseDone = false;
  #isReleased = false;

  constructor(owner: StreamOwner, decoder: ResponseDecoder, sizes: SizeHistograms | undefined) {
    this.#owner = owner;
    this.#decoder = decoder;
    this.#sizes = sizes === undefined ? undefined : new StreamSizes(sizes);
  }

  /** The codec's encoder, made with this object as its decoder. */
  attach(encoder: RequestEncoder): void {
    this.#encoder = encoder;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  // Towards the upstream.

  // Who still sends after the stream ended writes into nothing: the connection may be another's.

  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined {
    this.#sizes?.onRequestHeaders(headers);
    if (this.#isReleased) return undefined;
    const missing = this.#encoder!.encodeHeaders(headers, endStream);
    if (endStream && missing === undefined) this.#requestDone();
    return missing;
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isReleased) return;
    this.#sizes?.onRequestData(bytes);
    this.#encoder!.encodeData(bytes, endStream);
    if (endStream) this.#requestDone();
  }

  encodeTrailers(trailers: HeaderMap): void {
    if (this.#isReleased) return;
    this.#encoder!.encodeTrailers(trailers);
    this.#requestDone();
  }

  enableTcpTunneling(): void {
    this.#isTunnel = true;
    this.#encoder!.enableTcpTunneling();
  }

  reset(reason: ResetReason): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#sizes?.onEnd();
    this.#encoder!.reset(reason);
    this.#owner.onStreamReset(this, reason, true);
  }

  readDisable(disable: boolean): void {
    // A released HTTP/1 connection may serve another request already.
    if (!this.#isReleased) this.#encoder!.readDisable(disable);
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
    this.#sizes?.onResponseHeaders(headers);
    if (endStream) this.#endResponse();
    this.#decoder.decodeHeaders(headers, endStream);
    if (endStream) this.#responseDone();
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#sizes?.onResponseData(bytes);
    if (endStream) this.#endResponse();
    this.#decoder.decodeData(bytes, endStream);
    if (endStream) this.#responseDone();
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.#endResponse();
    this.#decoder.decodeTrailers(trailers);
    this.#responseDone();
  }

  onReset(reason: ResetReason, details: string): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#owner.onStreamReset(this, reason, false);
    this.#sizes?.onEnd();
    // Who has the whole response has no use for the news that its request was cut short.
    if (!this.#isResponseDone) this.#decoder.onReset(reason, details);
  }

  onAboveWriteBufferHighWatermark(): void {
    this.#decoder.onAboveWriteBufferHighWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#decoder.onBelowWriteBufferLowWatermark();
  }

  #requestDone(): void {
    this.#isRequestDone = true;
    if (this.#isResponseDone) this.#complete();
    else if (this.#isTunnel) this.#owner.onTunnelEnded();
  }

  /** Before the user hears of it, who may end or reset the request within that call. */
  #endResponse(): void {
    this.#isResponseDone = true;
    this.#sizes?.onEnd();
  }

  #responseDone(): void {
    if (this.#isReleased) return;
    if (this.#isRequestDone) this.#complete();
    else this.#isReleased = this.#owner.onEarlyResponse(this);
  }

  #complete(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#owner.onStreamComplete(this);
  }
}
