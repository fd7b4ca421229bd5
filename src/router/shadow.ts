/**
 * A mirrored request: sent alongside the real one, its response thrown away. It never holds up the
 * real one: what it cannot send in time is bounded, and beyond that the mirror is given up.
 */

import { copyBytes, type Dispatcher, formatHost, type Timer } from "../base/mod.ts";
import {
  H,
  type HeaderMap,
  type Protocol,
  type RequestEncoder,
  type ResponseDecoder,
  statusOf,
  type StreamInfo,
} from "../http/mod.ts";
import type { MirrorPolicy } from "../route/mod.ts";
import {
  type Cluster,
  type ClusterManager,
  clusterStat,
  type Host,
  HOST_STAT,
  type LoadBalancerContext,
  type PendingStream,
  type PoolCallbacks,
  type Priority,
  type StreamRequest,
} from "../upstream/mod.ts";

const RQ_TIMEOUT = clusterStat("upstream_rq_timeout");
const ABANDONED = clusterStat("retry_or_shadow_abandoned");
const SUFFIX = "-shadow";

/** What mirrors of one request share. */
export interface ShadowOptions {
  readonly clusters: ClusterManager;
  readonly dispatcher: Dispatcher;
  readonly info: StreamInfo;
  readonly downstreamProtocol: Protocol;
  readonly timeoutMs: number;
  /** Bytes that may wait for the mirror's upstream. */
  readonly bufferLimitBytes: number;
  readonly ownAddress: string | undefined;
}

/** The host with `-shadow`, before its port. */
export function shadowHost(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.lastIndexOf("]") > colon) return host + SUFFIX;
  return host.slice(0, colon) + SUFFIX + host.slice(colon);
}

/** Starts a mirror; undefined if it has no cluster or no host. `headers` stay the caller's. */
export function startShadow(
  policy: MirrorPolicy,
  headers: HeaderMap,
  request: { readonly endStream: boolean; readonly options: ShadowOptions },
): ShadowRequest | undefined {
  const { options } = request;
  const name = policy.clusterName ?? headers.get(policy.clusterHeader);
  const cluster = name === undefined || name === "" ? undefined : options.clusters.get(name);
  if (cluster === undefined) return undefined;
  const copy = headers.copy();
  if (!policy.disableShadowHostSuffix) {
    copy.setId(H.authority, shadowHost(copy.getId(H.authority) ?? ""));
  }
  policy.apply(copy, options.info);
  copy.setId(H.xEnvoyInternal, "true");
  if (options.ownAddress !== undefined) {
    const own = formatHost(options.ownAddress);
    const present = copy.getId(H.xForwardedFor);
    copy.setId(H.xForwardedFor, present === undefined ? own : `${present},${own}`);
  }
  const shadow = new ShadowRequest(cluster, copy, options);
  return shadow.start(request.endStream) ? shadow : undefined;
}

/** One mirrored request on its way, from the choice of its host to the end of both directions. */
export class ShadowRequest
  implements ResponseDecoder, PoolCallbacks, StreamRequest, LoadBalancerContext {
  readonly priority: Priority = "default";
  readonly isTunnel = false;
  readonly hostSelectionRetryCount = 1;
  readonly metadataMatch = undefined;
  readonly requestHeaders: HeaderMap;
  readonly #cluster: Cluster;
  readonly #options: ShadowOptions;
  #host: Host | undefined;
  #encoder: RequestEncoder | undefined;
  #pending: PendingStream | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isRequestComplete = false;
  #trailers: HeaderMap | undefined;
  #hasHeaders = false;
  #isDone = false;
  #timer: Timer | undefined;

  constructor(cluster: Cluster, headers: HeaderMap, options: ShadowOptions) {
    this.#cluster = cluster;
    this.requestHeaders = headers;
    this.#options = options;
  }

  get callbacks(): PoolCallbacks {
    return this;
  }

  get downstreamProtocol(): Protocol {
    return this.#options.downstreamProtocol;
  }

  get authority(): string | undefined {
    return this.requestHeaders.getId(H.authority);
  }

  get streamInfo(): StreamInfo | undefined {
    return undefined;
  }

  hash(): undefined {
    return undefined;
  }

  shouldSelectAnotherHost(): boolean {
    return false;
  }

  /** @returns false if there is no host to send to */
  start(endStream: boolean): boolean {
    const host = this.#cluster.chooseHost(this);
    if (host === undefined) {
      this.#charge(503);
      return false;
    }
    this.#host = host;
    if (endStream) this.#completeRequest();
    const pending = this.#cluster.newStream(host, this, this);
    if (!this.#isDone && this.#encoder === undefined) this.#pending = pending;
    return true;
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isDone) return;
    if (endStream) this.#completeRequest();
    const encoder = this.#encoder;
    const waiting = encoder === undefined ? this.#heldBytes : encoder.bufferedBytes;
    const limit = this.#options.bufferLimitBytes;
    if (limit > 0 && waiting + bytes.length > limit) {
      this.#cluster.info.stats.inc(ABANDONED);
      this.cancel();
    } else if (encoder !== undefined) {
      encoder.encodeData(bytes, endStream);
    } else if (bytes.length > 0) {
      this.#held.push(copyBytes(bytes));
      this.#heldBytes += bytes.length;
    }
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#isDone) return;
    this.#completeRequest();
    if (this.#encoder !== undefined) this.#encoder.encodeTrailers(trailers.copy());
    else this.#trailers = trailers.copy();
  }

  /** Gives the mirror up. */
  cancel(): void {
    if (this.#isDone) return;
    this.#finish();
    this.#pending?.cancel();
    this.#encoder?.reset("local_reset");
  }

  onTimer(): void {
    if (this.#isDone) return;
    this.#cluster.info.stats.inc(RQ_TIMEOUT);
    this.#host?.stats.inc(HOST_STAT.rqTimeout);
    if (!this.#hasHeaders) this.#charge(504);
    this.cancel();
  }

  onPoolReady(encoder: RequestEncoder): void {
    this.#pending = undefined;
    this.#encoder = encoder;
    const held = this.#held;
    const trailers = this.#trailers;
    const isComplete = this.#isRequestComplete;
    const endsWithHeaders = isComplete && held.length === 0 && trailers === undefined;
    if (encoder.encodeHeaders(this.requestHeaders, endsWithHeaders) !== undefined) {
      this.cancel();
      return;
    }
    this.#held = [];
    this.#heldBytes = 0;
    for (let i = 0; i < held.length && !this.#isDone; i++) {
      const isLast = isComplete && trailers === undefined && i === held.length - 1;
      encoder.encodeData(held[i]!, isLast);
    }
    if (trailers !== undefined && !this.#isDone) encoder.encodeTrailers(trailers);
  }

  onPoolFailure(): void {
    this.#pending = undefined;
    this.#charge(503);
    this.#finish();
  }

  decode1xx(): void {}

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    if (this.#isDone) return;
    this.#hasHeaders = true;
    const status = statusOf(headers);
    this.#charge(status);
    if (status < 500) this.#host?.stats.inc(HOST_STAT.rqSuccess);
    if (endStream) this.#onResponseEnd();
  }

  decodeData(_bytes: Uint8Array, endStream: boolean): void {
    if (endStream && !this.#isDone) this.#onResponseEnd();
  }

  decodeTrailers(): void {
    if (!this.#isDone) this.#onResponseEnd();
  }

  onReset(): void {
    if (this.#isDone) return;
    if (!this.#hasHeaders) this.#charge(503);
    this.#finish();
  }

  onAboveWriteBufferHighWatermark(): void {}

  onBelowWriteBufferLowWatermark(): void {}

  #onResponseEnd(): void {
    if (this.#isRequestComplete) this.#finish();
    else this.cancel();
  }

  #completeRequest(): void {
    this.#isRequestComplete = true;
    const { timeoutMs, dispatcher } = this.#options;
    if (timeoutMs <= 0) return;
    this.#timer = dispatcher.timers.create(this);
    this.#timer.arm(timeoutMs);
  }

  #finish(): void {
    this.#isDone = true;
    this.#timer?.cancel();
    this.#held = [];
  }

  #charge(status: number): void {
    const isCanary = this.#host?.isCanary ?? false;
    this.#cluster.info.chargeResponse(status, { isInternal: true, isCanary });
    const zone = this.#host?.locality.zone ?? "";
    if (zone !== "") this.#cluster.info.chargeZone(zone, status);
    if (status >= 500) this.#host?.stats.inc(HOST_STAT.rqError);
  }
}
