/**
 * Runs the filters of one stream: decode hooks in order, encode hooks in reverse, local replies
 * through the encode hooks, watermarks between downstream and router. What it knows of the stream
 * around it comes from a FilterHost (the connection manager's stream).
 */

import { asLatin1, type Dispatcher } from "../base/mod.ts";
import {
  type ConnectionInfo,
  H,
  type HeaderMap,
  isGrpcRequest,
  type Protocol,
  type ResetReason,
  type StreamInfo,
} from "../http/mod.ts";
import type { Route } from "../route/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { ActiveFilter } from "./active_filter.ts";
import type { FilterChain } from "./chain.ts";
import { DECODE_HOOKS, ENCODE_HOOKS, FilterPath, type PathOwner } from "./filter_path.ts";
import { DECODE_MASK, ENCODE_MASK, HOOK, hooksOf } from "./hooks.ts";
import type { DownstreamWatermarks, LocalReply } from "./http.ts";
import { type LocalReplyDraft, prepareLocalReply } from "./local_reply.ts";

/** The stream around the filters. */
export interface FilterHost {
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  readonly connection: ConnectionInfo;
  readonly streamInfo: StreamInfo;
  readonly downstreamProtocol: Protocol;
  readonly streamId: number;
  readonly isUpgrade: boolean;
  /** Filters of a reply to a request that was refused before any were created. */
  readonly defaultChain: FilterChain;
  route(): Route | undefined;
  clearRouteCache(): void;
  /** Whether interim responses go on to the downstream (proxy_100_continue). */
  readonly passesInterim: boolean;
  sendInterim(headers: HeaderMap): void;
  sendHeaders(headers: HeaderMap, endStream: boolean): void;
  sendData(bytes: Uint8Array, endStream: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  /** The stream ends without a whole response. */
  resetStream(reason: ResetReason, details: string): void;
  /** Counted pauses of the request's body. */
  readDisable(disable: boolean): void;
  /** A local reply begins; `status` as asked for, before local_reply_config. */
  onLocalReply(status: number): void;
  /** Applies local_reply_config. */
  rewriteLocalReply(headers: HeaderMap, draft: LocalReplyDraft): void;
  onRequestTooLarge(): void;
  onResponseTooLarge(): void;
  recreateStream(responseHeaders: HeaderMap | undefined): boolean;
  setIdleTimeout(timeoutMs: number): void;
}

/** The chain of one stream with both ways through it, buffer limits in bytes, and local replies. */
export class FilterManager implements PathOwner {
  readonly host: FilterHost;
  readonly #filters: ActiveFilter[] = [];
  readonly #decode: FilterPath;
  /** Absent where no filter looks at responses, the usual case. */
  #encode: FilterPath | undefined = undefined;
  #hooks = 0;
  #hasFilters = false;
  bufferLimitBytes: number;
  requestHeaders: HeaderMap | undefined = undefined;
  requestTrailers: HeaderMap | undefined = undefined;
  responseHeaders: HeaderMap | undefined = undefined;
  responseTrailers: HeaderMap | undefined = undefined;
  isRequestComplete = false;
  #responseStarted = false;
  #headersSent = false;
  #isResponseComplete = false;
  #isDestroyed = false;
  #pendingReply: LocalReply | undefined = undefined;
  #watermarks: DownstreamWatermarks[] | undefined = undefined;
  #aboveWatermark = 0;

  constructor(host: FilterHost, bufferLimitBytes: number) {
    this.host = host;
    this.bufferLimitBytes = bufferLimitBytes;
    this.#decode = new FilterPath(this, DECODE_HOOKS);
  }

  /** Creates the filters that the route does not switch off. */
  createFilters(chain: FilterChain): void {
    this.#hasFilters = true;
    const route = this.host.route();
    const { filters } = chain;
    for (let i = 0; i < filters.length; i++) {
      const compiled = filters[i]!;
      const isDisabled = route?.perFilterConfig(compiled.name)?.disabled ?? compiled.isDisabled;
      if (isDisabled) continue;
      const active = new ActiveFilter(this, compiled, this.#filters.length);
      const filter = compiled.factory.create(compiled.config, active);
      if (compiled.hooks < 0) compiled.hooks = hooksOf(filter);
      active.filter = filter;
      active.hooks = compiled.hooks;
      this.#hooks |= compiled.hooks;
      this.#filters.push(active);
      if ((compiled.hooks & DECODE_MASK) !== 0) {
        this.#decode.addFilter(filter, compiled.hooks, active.index);
      }
    }
    if ((this.#hooks & ENCODE_MASK) !== 0) this.#createEncodePath();
  }

  /** Whether response headers are on their way, be they held by a filter. */
  get hasResponseStarted(): boolean {
    return this.#responseStarted;
  }

  /** Whether response headers went out to the codec. */
  get hasSentHeaders(): boolean {
    return this.#headersSent;
  }

  /** Whether the last of the response went out to the codec. */
  get isResponseComplete(): boolean {
    return this.#isResponseComplete;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.requestHeaders = headers;
    this.isRequestComplete = endStream;
    this.#decode.headers(headers, endStream);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    if (endStream) this.isRequestComplete = true;
    this.#decode.data(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.requestTrailers = trailers;
    this.isRequestComplete = true;
    this.#decode.trailers(trailers);
  }

  continueDecoding(index: number): void {
    if (!this.#isDestroyed) this.#decode.resume(index);
  }

  continueEncoding(index: number): void {
    if (!this.#isDestroyed) this.#encode?.resume(index);
  }

  addDecodedData(bytes: Uint8Array, index: number): void {
    this.#decode.addData(bytes, index);
  }

  clearDecodedData(): void {
    this.#decode.clearData();
  }

  get decodingBuffer(): Uint8Array | undefined {
    return this.#decode.buffered;
  }

  encode1xxHeaders(headers: HeaderMap, index: number): void {
    if (this.#isDestroyed || this.#responseStarted || !this.host.passesInterim) return;
    if ((this.#hooks & HOOK.encode1xxHeaders) !== 0) {
      for (let i = index - 1; i >= 0; i--) this.#filters[i]!.filter.encode1xxHeaders?.(headers);
    }
    this.host.sendInterim(headers);
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean, index: number): void {
    if (this.#isDestroyed) return;
    this.#responseStarted = true;
    this.responseHeaders = headers;
    const path = this.#encode;
    if (path === undefined) this.#sendHeaders(headers, endStream);
    else path.headers(headers, endStream, path.after(index));
  }

  encodeData(bytes: Uint8Array, endStream: boolean, index: number): void {
    if (this.#isDestroyed) return;
    const path = this.#encode;
    if (path === undefined) this.#sendData(bytes, endStream);
    else path.data(bytes, endStream, path.after(index));
  }

  encodeTrailers(trailers: HeaderMap, index: number): void {
    if (this.#isDestroyed) return;
    this.responseTrailers = trailers;
    const path = this.#encode;
    if (path === undefined) this.#sendTrailers(trailers);
    else path.trailers(trailers, path.after(index));
  }

  /**
   * Answers the request here. Asked for within a decode hook it waits until that returns, so that
   * no filter is entered twice. After response headers went out only a reset is left.
   */
  sendLocalReply(reply: LocalReply): void {
    if (this.#isDestroyed || this.#pendingReply !== undefined) return;
    this.host.streamInfo.responseCodeDetails = reply.details;
    this.host.onLocalReply(reply.status);
    if (this.#headersSent) {
      this.#decode.abort();
      this.#encode?.abort();
      this.host.resetStream("local_reset", reply.details);
      return;
    }
    const wasInHook = this.#decode.isInHook;
    this.#decode.abort();
    if (this.#responseStarted) {
      this.#encode?.abort();
      this.#sendReply(reply, undefined);
    } else if (wasInHook) {
      this.#pendingReply = reply;
    } else {
      // Response filters see also what is refused early: they may have to mark every response.
      if (!this.#hasFilters) this.createFilters(this.host.defaultChain);
      this.#sendReply(reply, this.#encode);
    }
  }

  /** Ends iteration both ways, as for a stream that is reset or recreated. */
  abort(): void {
    this.#decode.abort();
    this.#encode?.abort();
    this.#pendingReply = undefined;
  }

  /** The stream is over: tells the filters, before the access log is written. */
  complete(): void {
    if ((this.#hooks & HOOK.onStreamComplete) === 0) return;
    for (let i = 0; i < this.#filters.length; i++) this.#filters[i]!.filter.onStreamComplete?.();
  }

  /** Last call: no hook is called after it. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.abort();
    if ((this.#hooks & HOOK.onDestroy) === 0) return;
    for (let i = 0; i < this.#filters.length; i++) this.#filters[i]!.filter.onDestroy?.();
  }

  addDownstreamWatermarks(callbacks: DownstreamWatermarks): void {
    (this.#watermarks ??= []).push(callbacks);
    for (let i = 0; i < this.#aboveWatermark; i++) callbacks.onAboveWriteBufferHighWatermark();
  }

  removeDownstreamWatermarks(callbacks: DownstreamWatermarks): void {
    const index = this.#watermarks?.indexOf(callbacks) ?? -1;
    if (index >= 0) this.#watermarks!.splice(index, 1);
  }

  /** The downstream is full, or a response buffer of this chain. */
  onAboveWatermark(): void {
    this.#aboveWatermark++;
    const list = this.#watermarks;
    if (list === undefined) return;
    for (let i = 0; i < list.length; i++) list[i]!.onAboveWriteBufferHighWatermark();
  }

  onBelowWatermark(): void {
    this.#aboveWatermark--;
    const list = this.#watermarks;
    if (list === undefined) return;
    for (let i = 0; i < list.length; i++) list[i]!.onBelowWriteBufferLowWatermark();
  }

  pathHeaders(path: FilterPath, headers: HeaderMap, endStream: boolean): void {
    if (path !== this.#decode) this.#sendHeaders(headers, endStream);
  }

  pathData(path: FilterPath, bytes: Uint8Array, endStream: boolean): void {
    if (path !== this.#decode) this.#sendData(bytes, endStream);
  }

  pathTrailers(path: FilterPath, trailers: HeaderMap): void {
    if (path !== this.#decode) this.#sendTrailers(trailers);
  }

  pathAboveLimit(path: FilterPath, streaming: boolean): void {
    if (path === this.#decode) {
      if (streaming) return this.host.readDisable(true);
      this.host.onRequestTooLarge();
      this.sendLocalReply({
        status: 413,
        body: "Payload Too Large",
        details: "request_payload_too_large",
      });
      return;
    }
    if (streaming) return this.onAboveWatermark();
    this.host.onResponseTooLarge();
    this.sendLocalReply({
      status: 500,
      body: "Internal Server Error",
      details: "response_payload_too_large",
    });
  }

  pathBelowLimit(path: FilterPath): void {
    if (path === this.#decode) this.host.readDisable(false);
    else this.onBelowWatermark();
  }

  pathAborted(): void {
    const reply = this.#pendingReply;
    if (reply === undefined || this.#isDestroyed || this.#decode.isInHook) return;
    this.#pendingReply = undefined;
    this.#sendReply(reply, this.#encode);
  }

  #createEncodePath(): void {
    const path = new FilterPath(this, ENCODE_HOOKS);
    for (let i = this.#filters.length - 1; i >= 0; i--) {
      const active = this.#filters[i]!;
      if ((active.hooks & ENCODE_MASK) !== 0) path.addFilter(active.filter, active.hooks, i);
    }
    this.#encode = path;
  }

  /** Sends a reply through the encode hooks, or straight to the codec without a path. */
  #sendReply(reply: LocalReply, path: FilterPath | undefined): void {
    const request = this.requestHeaders;
    const prepared = prepareLocalReply(
      reply,
      {
        isGrpc: request !== undefined && isGrpcRequest(request),
        isHead: request?.getId(H.method) === "HEAD",
      },
      (headers, draft) => this.host.rewriteLocalReply(headers, draft),
    );
    this.#responseStarted = true;
    this.responseHeaders = prepared.headers;
    const { headers, body } = prepared;
    if (path === undefined) this.#sendHeaders(headers, body === "");
    else path.headers(headers, body === "");
    if (body === "" || this.#isDestroyed) return;
    const bytes = encodeLatin1(body);
    if (path === undefined) this.#sendData(bytes, true);
    else path.data(bytes, true);
  }

  #sendHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#isDestroyed) return;
    this.#headersSent = true;
    this.#isResponseComplete = endStream;
    this.host.sendHeaders(headers, endStream);
  }

  #sendData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isDestroyed) return;
    if (endStream) this.#isResponseComplete = true;
    this.host.sendData(bytes, endStream);
  }

  #sendTrailers(trailers: HeaderMap): void {
    if (this.#isDestroyed) return;
    this.#isResponseComplete = true;
    this.host.sendTrailers(trailers);
  }
}

function encodeLatin1(text: string): Uint8Array {
  const bytes = asLatin1(new Uint8Array(text.length));
  bytes.latin1Write(text, 0, text.length);
  return bytes;
}
