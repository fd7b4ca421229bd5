/**
 * One request and its response: the codec's RequestDecoder on one side, the host of the filters on
 * the other. Envoy's ConnectionManagerImpl::ActiveStream.
 *
 *   begun ─headers─▶ filtering ─response head─▶ responding ─last byte─▶ done
 *     └──────────── refused, timed out, reset, connection gone ────────▲
 *
 * Whatever the way, `#finish` runs once: it logs, counts and releases.
 */

import { copyBytes, type Dispatcher } from "../base/mod.ts";
import {
  type FilterChain,
  type FilterHost,
  FilterManager,
  type LocalReplyDraft,
} from "../filter_chain/mod.ts";
import type { AccessLogType, FormatContext } from "../formatter/mod.ts";
import {
  type ConnectionInfo,
  FLAG,
  H,
  HeaderMap,
  isGrpcRequest,
  type Protocol,
  type RequestDecoder,
  type ResetReason,
  type ResponseEncoder,
  statusOf,
  StreamInfo,
} from "../http/mod.ts";
import type { Route } from "../route/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { CachedRoute } from "./cached_route.ts";
import { ConnectionFate, type FateOwner } from "./connection_fate.ts";
import type { ManagerConfig } from "./config.ts";
import { decorateRequest, decorateResponse } from "./decorator.ts";
import { EXPIRIES } from "./expiry.ts";
import { normalizeHost } from "./host_normalize.ts";
import { setProxyStatus } from "./proxy_status.ts";
import { checkRequest } from "./request_checks.ts";
import { mutateRequestHeaders } from "./request_headers.ts";
import { settleTracing } from "./request_id.ts";
import { clearResponseHops, mutateResponseHeaders } from "./response_headers.ts";
import { STAT } from "./stats.ts";
import { chargeBegin, chargeEnd, chargeStatus, chargeTracing } from "./stream_charges.ts";
import { expectsContinue, noteWireBytes, opensTunnel, successorInfo } from "./stream_facts.ts";
import { streamDurationMs } from "./stream_duration.ts";
import { type Expired, StreamDeadlines } from "./timeouts.ts";
import { chooseUpgradeChain, upgradeTypeOf } from "./upgrades.ts";

/** The connection below, as a stream needs it. */
export interface StreamOwner extends FateOwner {
  readonly config: ManagerConfig;
  readonly dispatcher: Dispatcher;
  readonly info: ConnectionInfo;
  /** What filters of the connection share. */
  readonly connectionState: StreamInfo["connectionState"];
  /** Bytes a filter may buffer. */
  readonly bufferLimitBytes: number;
  /** Port of the listener's address, 0 if it has none. */
  readonly localPort: number;
  wallMs(): number;
  /** Looks at the stream's deadlines no later than this. */
  scheduleAt(atMs: number): void;
  /** A stream of ours has ended. */
  onStreamEnd(stream: ActiveStream, end: StreamEnd): void;
  recreate(old: ActiveStream, encoder: ResponseEncoder): ActiveStream;
}

/** How a stream ended, as far as its connection cares. */
export interface StreamEnd {
  /** We reset it at the codec. */
  readonly wasReset: boolean;
  /** The close need not wait for the peer: it asked for it and has sent all it had. */
  readonly skipsDelay: boolean;
  /** The stream goes on as another one. */
  readonly isRecreated: boolean;
}

/** A request from its headers to its access log, and the FormatContext that its logs read. */
export class ActiveStream implements RequestDecoder, FilterHost, FormatContext {
  readonly #owner: StreamOwner;
  readonly #config: ManagerConfig;
  readonly #filters: FilterManager;
  readonly #deadlines: StreamDeadlines;
  readonly #fate: ConnectionFate;
  readonly streamInfo: StreamInfo;
  readonly streamId: number;
  /** Place in the connection's list. */
  slot = -1;
  accessLogType: AccessLogType = "DownstreamEnd";
  readonly localReplyBody = "";
  isUpgrade = false;
  readonly #isRecreated: boolean;
  #encoder: ResponseEncoder | undefined;
  #successor: ActiveStream | undefined = undefined;
  readonly #route = new CachedRoute();
  #isRequestComplete = false;
  #isLocalComplete = false;
  #isDone = false;
  #responseHeaders: HeaderMap | undefined = undefined;
  /** Operation that the response names. */
  #operation: string | undefined = undefined;

  constructor(owner: StreamOwner, encoder: ResponseEncoder, old: ActiveStream | undefined) {
    const { dispatcher, config } = owner;
    const nowMs = dispatcher.clock.nowMs();
    this.#owner = owner;
    this.#config = config;
    this.#encoder = encoder;
    this.#isRecreated = old !== undefined;
    this.streamId = config.ids.next();
    this.streamInfo = old === undefined
      ? new StreamInfo(owner.info, nowMs, owner.wallMs())
      : successorInfo(old.streamInfo);
    this.streamInfo.downstreamStreamId = encoder.streamId;
    this.streamInfo.connectionState = owner.connectionState;
    this.#fate = new ConnectionFate(owner);
    this.#deadlines = new StreamDeadlines(config.timeouts, nowMs);
    this.#filters = new FilterManager(this, owner.bufferLimitBytes);
    chargeBegin(config, owner.protocol);
    owner.scheduleAt(this.#deadlines.next());
  }

  // What filters, formats and logs read.

  get dispatcher(): Dispatcher {
    return this.#owner.dispatcher;
  }

  get runtime(): Runtime {
    return this.#config.runtime;
  }

  get connection(): ConnectionInfo {
    return this.#owner.info;
  }

  get downstreamProtocol(): Protocol {
    return this.#owner.protocol;
  }

  get defaultChain(): FilterChain {
    return this.#config.chain;
  }

  get passesInterim(): boolean {
    return this.#config.passesInterim;
  }

  get info(): StreamInfo {
    return this.streamInfo;
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#filters.requestHeaders;
  }

  get responseHeaders(): HeaderMap | undefined {
    return this.#responseHeaders ?? this.#filters.responseHeaders;
  }

  get responseTrailers(): HeaderMap | undefined {
    return this.#filters.responseTrailers;
  }

  get isRequestComplete(): boolean {
    return this.#isRequestComplete;
  }

  /** The next request on this connection must not come (max_requests_per_connection). */
  markLast(): void {
    this.#fate.closes = true;
  }

  // From the codec.

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    const info = this.streamInfo;
    const owner = this.#owner;
    this.#touch();
    this.#deadlines.headersArrived();
    this.#filters.requestHeaders = headers;
    info.protocol = owner.protocol;
    this.#fate.noteRequest(headers);
    if (endStream) this.#completeRequest();
    if (!this.#config.passesInterim) this.#answerExpect(headers);
    const refusal = checkRequest(headers, this.#config.path, isGrpcRequest);
    if (refusal !== undefined) {
      if (refusal.stat !== undefined) this.#config.stats.inc(STAT[refusal.stat]);
      const location = refusal.status === 307 ? headers.getId(H.path) : undefined;
      return this.#refuse(refusal.status, refusal.details, location);
    }
    normalizeHost(headers, this.#config.host, owner.localPort);
    if (!this.#isRecreated && !this.#sanitize(headers)) return;
    this.#begin(headers, endStream);
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#touch();
    this.streamInfo.bytesReceived += bytes.length;
    if (endStream) this.#completeRequest();
    this.#filters.decodeData(bytes, endStream);
  }

  decodeTrailers(trailers: HeaderMap): void {
    this.#touch();
    this.#completeRequest();
    this.#filters.decodeTrailers(trailers);
  }

  sendLocalReply(status: number, body: string, details: string): void {
    if (this.#successor !== undefined) return this.#successor.sendLocalReply(status, body, details);
    this.streamInfo.protocol ??= this.#owner.protocol;
    this.streamInfo.setFlag(FLAG.downstreamProtocolError);
    this.#filters.sendLocalReply({ status, body, details });
  }

  onReset(reason: ResetReason, details: string): void {
    if (this.#successor !== undefined) return this.#successor.onReset(reason, details);
    if (this.#isDone) return;
    const info = this.streamInfo;
    if (details !== "") info.responseCodeDetails = details;
    if (reason === "remote_reset" || reason === "remote_refused_stream") {
      info.setFlag(FLAG.downstreamRemoteReset);
    } else if (reason === "connection_termination") {
      info.setFlag(FLAG.downstreamConnectionTermination);
    } else {
      info.setFlag(FLAG.downstreamProtocolError);
    }
    this.#config.stats.inc(STAT.downstream_rq_rx_reset);
    this.#finish({ wasReset: true, skipsDelay: false, isRecreated: false });
  }

  onAboveWriteBufferHighWatermark(): void {
    if (this.#successor !== undefined) this.#successor.onAboveWriteBufferHighWatermark();
    else this.#filters.onAboveWatermark();
  }

  onBelowWriteBufferLowWatermark(): void {
    if (this.#successor !== undefined) this.#successor.onBelowWriteBufferLowWatermark();
    else this.#filters.onBelowWatermark();
  }

  // From the filters.

  route(): Route | undefined {
    return this.#route.isResolved ? this.#route.current : this.#resolveRoute();
  }

  clearRouteCache(): void {
    this.#route.clear();
  }

  sendInterim(headers: HeaderMap): void {
    this.#touch();
    clearResponseHops(headers, this.requestHeaders);
    chargeStatus(this.#config, this.streamInfo, statusOf(headers));
    this.#encoder?.encode1xx(headers);
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    const config = this.#config;
    const info = this.streamInfo;
    const request = this.requestHeaders;
    this.#touch();
    this.#route.freeze();
    this.#responseHeaders = headers;
    mutateResponseHeaders(
      headers,
      request,
      config.response,
      config.date.text(this.#owner.wallMs()),
    );
    if (config.tracedSide !== undefined) {
      decorateResponse(headers, this.#operation, config.tracedSide);
    }
    if (config.proxyStatus !== undefined) setProxyStatus(headers, info, config.proxyStatus);
    const status = statusOf(headers);
    const isTunnel = opensTunnel(headers, status, request);
    const isRequestComplete = this.#isRequestComplete;
    this.#fate.settle(headers, { isTunnel, isRequestComplete });
    if (!isRequestComplete) config.stats.inc(STAT.downstream_rq_response_before_rq_complete);
    info.responseCode = status;
    chargeStatus(config, info, status);
    if (isTunnel && config.logsOnTunnel) this.#log("DownstreamTunnelSuccessfullyEstablished");
    const nowMs = this.dispatcher.clock.nowMs();
    info.firstDownstreamTxMs = nowMs;
    if (endStream) this.#isLocalComplete = true;
    encoder.encodeHeaders(headers, endStream);
    if (endStream) this.#end();
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    this.#touch();
    this.streamInfo.bytesSent += bytes.length;
    if (endStream) this.#isLocalComplete = true;
    this.#encoder?.encodeData(bytes, endStream);
    if (endStream) this.#end();
  }

  sendTrailers(trailers: HeaderMap): void {
    this.#touch();
    this.#isLocalComplete = true;
    this.#encoder?.encodeTrailers(trailers);
    this.#end();
  }

  resetStream(_reason: ResetReason, details: string): void {
    if (this.#isDone) return;
    if (details !== "") this.streamInfo.responseCodeDetails = details;
    this.#config.stats.inc(STAT.downstream_rq_tx_reset);
    this.#end();
  }

  readDisable(disable: boolean): void {
    this.#config.stats.inc(
      disable
        ? STAT.downstream_flow_control_paused_reading_total
        : STAT.downstream_flow_control_resumed_reading_total,
    );
    this.#encoder?.readDisable(disable);
  }

  onLocalReply(status: number): void {
    this.#fate.noteLocalReply(status, this.#encoder?.streamErrorOnInvalidMessage ?? false);
  }

  rewriteLocalReply(headers: HeaderMap, draft: LocalReplyDraft): void {
    this.#config.localReply?.rewrite(headers, draft, this);
  }

  onRequestTooLarge(): void {
    this.#config.stats.inc(STAT.downstream_rq_too_large);
  }

  onResponseTooLarge(): void {
    this.#config.stats.inc(STAT.rs_too_large);
  }

  setIdleTimeout(timeoutMs: number): void {
    this.#deadlines.setIdle(timeoutMs, this.dispatcher.clock.nowMs());
    this.#owner.scheduleAt(this.#deadlines.next());
  }

  recreateStream(responseHeaders: HeaderMap | undefined): boolean {
    const encoder = this.#encoder;
    const headers = this.requestHeaders;
    if (encoder === undefined || headers === undefined || !this.#isRequestComplete) return false;
    this.streamInfo.responseCodeDetails = "internal_redirect";
    if (responseHeaders !== undefined) {
      this.#responseHeaders = responseHeaders;
      this.streamInfo.responseCode = statusOf(responseHeaders);
    }
    const kept = this.#filters.decodingBuffer;
    const body = kept === undefined ? undefined : copyBytes(kept);
    this.#filters.abort();
    this.#encoder = undefined;
    this.#finish({ wasReset: false, skipsDelay: false, isRecreated: true });
    const successor = this.#owner.recreate(this, encoder);
    this.#successor = successor;
    successor.decodeHeaders(headers, body === undefined);
    if (body !== undefined) successor.decodeData(body, true);
    return true;
  }

  // From the connection's timer.

  /** Acts on what has run out. @returns the next deadline, Infinity if there is none */
  expire(nowMs: number): number {
    for (;;) {
      const expired = this.#isDone ? undefined : this.#deadlines.take(nowMs);
      if (expired === undefined) return this.#isDone ? Infinity : this.#deadlines.next();
      this.#onExpired(expired);
    }
  }

  #onExpired(expired: Expired): void {
    if (expired === "log") return this.#log("DownstreamPeriodic");
    const { stat, body, details, flag, grpcStatus } = EXPIRIES[expired];
    const info = this.streamInfo;
    this.#config.stats.inc(STAT[stat]);
    info.protocol ??= this.#owner.protocol;
    info.setFlag(flag);
    const status = this.#isRequestComplete ? 504 : 408;
    this.#filters.sendLocalReply({ status, body, details, grpcStatus });
  }

  #touch(): void {
    this.#deadlines.touch(this.dispatcher.clock.nowMs());
  }

  #completeRequest(): void {
    if (this.#isRequestComplete) return;
    this.#isRequestComplete = true;
    this.#filters.isRequestComplete = true;
    this.streamInfo.lastDownstreamRxMs = this.dispatcher.clock.nowMs();
    this.#deadlines.requestCompleted();
  }

  /** 100-continue is answered here unless the upstream is to do so (RFC 9110 §10.1.1). */
  #answerExpect(headers: HeaderMap): void {
    if (!expectsContinue(headers)) return;
    chargeStatus(this.#config, this.streamInfo, 100);
    this.#encoder?.encode1xx(HeaderMap.of([":status", "100"]));
    headers.removeId(H.expect);
  }

  /** Answers before filters saw the request; its headers are not fit to be routed by. */
  #refuse(status: number, details: string, location: string | undefined): void {
    this.#route.settle();
    const modifyHeaders = location === undefined
      ? undefined
      : (headers: HeaderMap) => headers.setId(H.location, location);
    this.#filters.sendLocalReply({ status, body: "", details, modifyHeaders });
  }

  /** @returns whether the request may go on */
  #sanitize(headers: HeaderMap): boolean {
    const { config, dispatcher } = this.#owner;
    const rejected = mutateRequestHeaders(
      headers,
      this.streamInfo,
      config.request,
      dispatcher.random,
    );
    if (rejected === 0) return true;
    config.stats.inc(STAT.downstream_rq_rejected_via_ip_detection);
    this.#refuse(rejected, "rejecting_because_detection_failed", undefined);
    return false;
  }

  #begin(headers: HeaderMap, endStream: boolean): void {
    const config = this.#config;
    const info = this.streamInfo;
    const route = this.route();
    if (config.sampling !== undefined && !this.#isRecreated) {
      info.traceReason = settleTracing(
        headers,
        config.request.requestId,
        config.sampling,
        route?.tracing,
        config.runtime,
      );
      info.isTraced = info.traceReason !== "not_traced";
      chargeTracing(config, info);
    }
    if (config.tracedSide !== undefined) {
      this.#operation = decorateRequest(headers, route, config.tracedSide);
    }
    info.requestId = headers.getId(H.xRequestId);
    const upgrade = upgradeTypeOf(headers);
    const chain = upgrade === undefined ? config.chain : chooseUpgradeChain(upgrade, config, route);
    this.#filters.createFilters(chain ?? config.chain);
    if (config.logsOnRequest) this.#log("DownstreamStart");
    if (chain === undefined && route !== undefined) {
      config.stats.inc(STAT.downstream_rq_ws_on_non_ws_route);
      return this.#filters.sendLocalReply({ status: 403, body: "", details: "upgrade_failed" });
    }
    if (upgrade !== undefined && chain !== undefined) this.#beginUpgrade();
    this.#filters.decodeHeaders(headers, endStream);
  }

  #beginUpgrade(): void {
    this.isUpgrade = true;
    this.#config.stats.inc(STAT.downstream_cx_upgrades_total);
    this.#config.stats.change(STAT.downstream_cx_upgrades_active, 1);
  }

  #resolveRoute(): Route | undefined {
    const headers = this.requestHeaders;
    if (headers === undefined) return undefined;
    const info = this.streamInfo;
    const { random, clock } = this.dispatcher;
    const route = this.#route.resolve(this.#config.routes, headers, info, random);
    if (route?.action.kind !== "route") return route;
    const managerMs = this.#config.timeouts.maxStreamDurationMs;
    const durationMs = streamDurationMs(route.action, headers, managerMs);
    this.#deadlines.setDuration(info.startMs + durationMs);
    const idleMs = route.action.idleTimeoutMs;
    if (idleMs !== undefined) this.#deadlines.setIdle(idleMs, clock.nowMs());
    this.#owner.scheduleAt(this.#deadlines.next());
    return route;
  }

  /** The response is whole, or never will be. */
  #end(): void {
    if (this.#isDone) return;
    const encoder = this.#encoder;
    const isWhole = this.#isRequestComplete && this.#isLocalComplete;
    if (encoder !== undefined && !isWhole) {
      this.#config.stats.inc(STAT.downstream_rq_rx_reset);
      encoder.reset(this.#resetReason());
    }
    const isUnframed = this.#owner.protocol === "HTTP/1.0" &&
      this.#responseHeaders?.hasId(H.contentLength) !== true;
    this.#finish({
      wasReset: !isWhole,
      skipsDelay: this.#fate.closes && (this.#isRequestComplete || isUnframed),
      isRecreated: false,
    });
  }

  #resetReason(): ResetReason {
    const info = this.streamInfo;
    const failed = FLAG.upstreamConnectionFailure | FLAG.upstreamConnectionTermination;
    if ((info.flags & failed) !== 0 && this.requestHeaders?.getId(H.method) === "CONNECT") {
      return "connect_error"; // RFC 9113 §8.5
    }
    return "local_reset";
  }

  #finish(end: StreamEnd): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const config = this.#config;
    const info = this.streamInfo;
    const nowMs = this.dispatcher.clock.nowMs();
    info.endMs = nowMs;
    info.lastDownstreamTxMs = nowMs;
    if (this.#encoder !== undefined) noteWireBytes(info, this.#encoder);
    chargeEnd(config, info, this.isUpgrade);
    this.#filters.complete();
    this.#log("DownstreamEnd");
    this.#filters.destroy();
    this.#owner.onStreamEnd(this, end);
  }

  #log(type: AccessLogType): void {
    const logs = this.#config.accessLogs;
    this.accessLogType = type;
    for (let i = 0; i < logs.length; i++) logs[i]!.log(this);
  }
}
