/** One filter of one stream, and what it may do with that stream. */

import type { Dispatcher } from "../base/mod.ts";
import type { ConnectionInfo, HeaderMap, Protocol, ResetReason, StreamInfo } from "../http/mod.ts";
import type { Route } from "../route/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { CompiledFilter } from "./chain.ts";
import type { DownstreamWatermarks, FilterCallbacks, HttpFilter, LocalReply } from "./http.ts";
import type { FilterManager } from "./manager.ts";

const NO_FILTER: HttpFilter = {};
const NO_CONFIGS: readonly never[] = [];

/**
 * A filter's place in the chain and its callbacks; every call goes on to the stream's
 * FilterManager.
 */
export class ActiveFilter implements FilterCallbacks {
  readonly #manager: FilterManager;
  readonly #compiled: CompiledFilter;
  /** Place in the chain of this stream. */
  readonly index: number;
  filter: HttpFilter = NO_FILTER;
  hooks = 0;

  constructor(manager: FilterManager, compiled: CompiledFilter, index: number) {
    this.#manager = manager;
    this.#compiled = compiled;
    this.index = index;
  }

  get dispatcher(): Dispatcher {
    return this.#manager.host.dispatcher;
  }

  get runtime(): Runtime {
    return this.#manager.host.runtime;
  }

  get connection(): ConnectionInfo {
    return this.#manager.host.connection;
  }

  get streamInfo(): StreamInfo {
    return this.#manager.host.streamInfo;
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#manager.requestHeaders;
  }

  get requestTrailers(): HeaderMap | undefined {
    return this.#manager.requestTrailers;
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.#manager.responseHeaders;
  }

  get bufferLimitBytes(): number {
    return this.#manager.bufferLimitBytes;
  }

  get decodingBuffer(): Uint8Array | undefined {
    return this.#manager.decodingBuffer;
  }

  get isRequestComplete(): boolean {
    return this.#manager.isRequestComplete;
  }

  get downstreamProtocol(): Protocol {
    return this.#manager.host.downstreamProtocol;
  }

  get streamId(): number {
    return this.#manager.host.streamId;
  }

  get isUpgrade(): boolean {
    return this.#manager.host.isUpgrade;
  }

  route(): Route | undefined {
    return this.#manager.host.route();
  }

  clearRouteCache(): void {
    this.#manager.host.clearRouteCache();
  }

  sendLocalReply(reply: LocalReply): void {
    this.#manager.sendLocalReply(reply);
  }

  continueDecoding(): void {
    this.#manager.continueDecoding(this.index);
  }

  continueEncoding(): void {
    this.#manager.continueEncoding(this.index);
  }

  resetStream(reason: ResetReason, details: string): void {
    this.#manager.host.resetStream(reason, details);
  }

  encode1xxHeaders(headers: HeaderMap): void {
    this.#manager.encode1xxHeaders(headers, this.index);
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#manager.encodeHeaders(headers, endStream, this.index);
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#manager.encodeData(bytes, endStream, this.index);
  }

  encodeTrailers(trailers: HeaderMap): void {
    this.#manager.encodeTrailers(trailers, this.index);
  }

  onDecoderFilterAboveWriteBufferHighWatermark(): void {
    this.#manager.host.readDisable(true);
  }

  onDecoderFilterBelowWriteBufferLowWatermark(): void {
    this.#manager.host.readDisable(false);
  }

  addDownstreamWatermarkCallbacks(callbacks: DownstreamWatermarks): void {
    this.#manager.addDownstreamWatermarks(callbacks);
  }

  removeDownstreamWatermarkCallbacks(callbacks: DownstreamWatermarks): void {
    this.#manager.removeDownstreamWatermarks(callbacks);
  }

  setBufferLimit(bytes: number): void {
    this.#manager.bufferLimitBytes = bytes;
  }

  clearDecodedData(): void {
    this.#manager.clearDecodedData();
  }

  addDecodedData(bytes: Uint8Array): void {
    this.#manager.addDecodedData(bytes, this.index);
  }

  routeConfig<Config>(): Config | undefined {
    const compiled = this.#compiled;
    const found = this.route()?.perFilterConfig(compiled.name);
    if (found === undefined || found.types[0] !== compiled.factory.routeType) return undefined;
    return found.configs[0] as Config | undefined;
  }

  routeConfigs<Config>(): readonly Config[] {
    const compiled = this.#compiled;
    const found = this.route()?.perFilterConfig(compiled.name);
    if (found === undefined) return NO_CONFIGS;
    const type = compiled.factory.routeType;
    // A route may hold another filter's configuration under this name: that one is not for us.
    const configs = found.types.every((name) => name === type)
      ? found.configs
      : found.configs.filter((_config, index) => found.types[index] === type);
    return configs as readonly Config[];
  }

  recreateStream(responseHeaders: HeaderMap | undefined): boolean {
    return this.#manager.host.recreateStream(responseHeaders);
  }

  setIdleTimeout(timeoutMs: number): void {
    this.#manager.host.setIdleTimeout(timeoutMs);
  }
}
