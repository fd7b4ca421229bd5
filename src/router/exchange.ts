/**
 * One request on its way to a cluster: settles its timeouts and policies, keeps its body where a
 * retry may need it, makes its attempts and decides what follows when one of them fails. What
 * comes back is the Response's business.
 */

import type { Timer, TimerWheel } from "../base/mod.ts";
import type { DownstreamWatermarks, FilterCallbacks } from "../filter_chain/mod.ts";
import { FLAG, H, type HeaderMap, type Protocol, type StreamInfo } from "../http/mod.ts";
import {
  type ClusterRefresh,
  type ConnectTermination,
  type Route,
  type RouteAction,
  updateAuthority,
} from "../route/mod.ts";
import {
  type Cluster,
  clusterStat,
  type Host,
  HOST_STAT,
  type PendingStream,
  type Priority,
  upstreamInfoOf,
} from "../upstream/mod.ts";
import { AttemptLog } from "./attempt_log.ts";
import type { Charger } from "./charger.ts";
import type { RouterConfig } from "./config.ts";
import { Failures } from "./failures.ts";
import { parseUnsigned } from "./grpc.ts";
import { HostChoice } from "./host_choice.ts";
import { chooseMirrors, Mirrors } from "./mirrors.ts";
import type { AttemptResetReason } from "./reset_reason.ts";
import { Response } from "./response.ts";
import { createRetryState, type RetryState, type RetryStatus } from "./retry_state.ts";
import {
  type RequestTimeouts,
  settleHedging,
  settleTimeouts,
  tellTimeout,
  type TimeoutOptions,
} from "./timeouts.ts";
import { type AttemptOwner, UpstreamRequest } from "./upstream_request.ts";

const ABANDONED = clusterStat("retry_or_shadow_abandoned");

const GATEWAY_TIMEOUT = 504;
const NO_CONTENT = 204;

/** What the router found out before. */
export interface ExchangeParts {
  readonly route: Route;
  readonly action: RouteAction;
  readonly headers: HeaderMap;
  readonly cluster: Cluster;
  readonly charger: Charger;
  readonly isGrpc: boolean;
}

/** A reply of ours in place of a response. */
export interface Abort {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: number;
  /** Nothing was sent upstream for want of capacity: tells so in x-envoy-overloaded. */
  readonly isOverloaded?: boolean;
}

/**
 * One routed request, from its headers to the end of its response, with all attempts made for it.
 */
export class Exchange implements AttemptOwner, DownstreamWatermarks {
  readonly config: RouterConfig;
  readonly callbacks: FilterCallbacks;
  readonly route: Route;
  /** Another one after a retry that was led to another cluster. */
  action: RouteAction;
  readonly requestHeaders: HeaderMap;
  readonly charger: Charger;
  readonly isGrpc: boolean;
  readonly response: Response;
  readonly #failures: Failures;
  readonly #hostChoice: HostChoice;
  cluster: Cluster;
  timeoutOptions: TimeoutOptions | undefined;
  /** Status of the answer where none came in time. */
  timeoutStatus = GATEWAY_TIMEOUT;
  timeouts: RequestTimeouts = { globalMs: 0, perTryMs: 0, perTryIdleMs: 0 };
  retry: RetryState | undefined;
  /** Live attempts; more than one only while hedging. */
  readonly attempts: UpstreamRequest[] = [];
  /** Retries that wait for their back-off. */
  pendingRetries = 0;
  attemptCount = 1;
  isRequestComplete = false;
  requestCompleteMs = -1;
  bodyOverflowed = false;
  isRetry = false;
  /** The retry that was granted last follows a timeout. */
  isTimeoutRetry = false;
  /** Bytes that an attempt may hold before the downstream is paused; 0 is no limit. */
  readonly bufferLimitBytes: number;
  /** Cookies made for hash policies, told with the response. */
  setCookies: string[] | undefined;
  #maxDurationMs: number | undefined;
  /** Weighted clusters that were tried, where retries choose among them anew. */
  #triedClusters: Set<number> | undefined;
  #bufferedBytes = 0;
  /** Bytes of the body that are kept for retries. */
  readonly #keepLimitBytes: number;
  #trailers: HeaderMap | undefined;
  /** The point where something was to be sent upstream has been reached. */
  #hasStarted = false;
  #isDestroyed = false;
  #hostWait: PendingStream | undefined;
  #responseTimer: Timer | undefined;
  #mirrors: Mirrors | undefined;
  #watchesDownstream = false;
  #downstreamAbove = 0;

  constructor(config: RouterConfig, callbacks: FilterCallbacks, parts: ExchangeParts) {
    this.config = config;
    this.callbacks = callbacks;
    this.route = parts.route;
    this.action = parts.action;
    this.requestHeaders = parts.headers;
    this.cluster = parts.cluster;
    this.charger = parts.charger;
    this.isGrpc = parts.isGrpc;
    this.bufferLimitBytes = callbacks.bufferLimitBytes;
    this.#keepLimitBytes = parts.route.bufferLimitBytes ?? (this.bufferLimitBytes || Infinity);
    this.response = new Response(this);
    this.#failures = new Failures(this);
    this.#hostChoice = new HostChoice(this);
  }

  // For attempts (AttemptOwner).

  get streamInfo(): StreamInfo {
    return this.callbacks.streamInfo;
  }

  get downstreamProtocol(): Protocol {
    return this.callbacks.downstreamProtocol;
  }

  get priority(): Priority {
    return this.action.priority;
  }

  get hasResponseStarted(): boolean {
    return this.response.hasStarted;
  }

  get perTryTimeoutMs(): number {
    return this.timeouts.perTryMs;
  }

  get perTryIdleTimeoutMs(): number {
    return this.timeouts.perTryIdleMs;
  }

  get terminatesConnect(): boolean {
    const termination = this.action.connectTermination;
    if (termination === undefined) return false;
    const method = this.requestHeaders.getId(H.method);
    return method === "CONNECT" || (termination.allowPost && method === "POST");
  }

  get connectProxy(): ConnectTermination["proxy"] {
    return this.action.connectTermination?.proxy;
  }

  nowMs(): number {
    return this.callbacks.dispatcher.clock.nowMs();
  }

  get timers(): TimerWheel {
    return this.callbacks.dispatcher.timers;
  }

  pauseDownstream(): void {
    this.callbacks.onDecoderFilterAboveWriteBufferHighWatermark();
  }

  resumeDownstream(): void {
    this.callbacks.onDecoderFilterBelowWriteBufferLowWatermark();
  }

  /** Sends the request's headers, or answers if there is no host. */
  start(endStream: boolean): void {
    const host = this.cluster.chooseHost(this.#hostChoice);
    if (host === undefined) this.#awaitHost(endStream);
    else this.#startOn(host, endStream);
  }

  /** Whether the cluster looks for the host: what follows the headers has to wait in the chain. */
  get isAwaitingHost(): boolean {
    return this.#hostWait !== undefined;
  }

  #awaitHost(endStream: boolean): void {
    const wait = this.cluster.awaitHost?.(this.#hostChoice, (details) => {
      this.#hostWait = undefined;
      const host = this.cluster.chooseHost(this.#hostChoice);
      if (host === undefined) return this.#answerNoHost(details);
      this.#startOn(host, endStream);
      if (!endStream && !this.#isDestroyed) this.callbacks.continueDecoding();
    });
    if (wait?.handle === undefined) this.#answerNoHost(wait?.details);
    else this.#hostWait = wait.handle;
  }

  #startOn(host: Host, endStream: boolean): void {
    this.#settle();
    this.#hasStarted = true;
    const { callbacks } = this;
    const { mirrorPolicies } = this.action;
    const mirrored = this.requestHeaders.getId(H.method) === "CONNECT"
      ? undefined
      : chooseMirrors(mirrorPolicies, callbacks.runtime, callbacks.dispatcher.random);
    this.#attempt(host, endStream);
    if (this.#isDestroyed) return;
    if (mirrored !== undefined) {
      const options = this.#shadowOptions();
      this.#mirrors = new Mirrors(mirrored, this.requestHeaders, { endStream, options });
    }
    if (endStream) this.#completeRequest();
    else if (this.requestHeaders.getId(H.upgrade)?.toLowerCase() === "websocket") {
      // The request of a WebSocket never completes: its answer has to come in time all the same.
      this.#armResponseTimeout();
    }
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#isDestroyed) return;
    const keepsBody = this.#keepsBody() && this.#makeRoom(bytes.length);
    if (this.#isDestroyed) return;
    this.#mirrors?.sendData(bytes, endStream);
    this.attempts[0]?.sendData(bytes, endStream);
    if (keepsBody && !this.#isDestroyed && bytes.length > 0) {
      this.#bufferedBytes += bytes.length;
      this.callbacks.addDecodedData(bytes);
    }
    if (endStream) this.#completeRequest();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#isDestroyed) return;
    this.#trailers = trailers;
    this.attempts[0]?.sendTrailers(trailers);
    this.#mirrors?.sendTrailers(trailers);
    this.#completeRequest();
  }

  /** The stream is over: everything of it that still runs ends here. */
  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#hostWait?.cancel();
    for (const attempt of this.attempts.splice(0)) attempt.reset();
    this.#mirrors?.destroy();
    if (this.#watchesDownstream) this.callbacks.removeDownstreamWatermarkCallbacks(this);
    this.settleDown();
  }

  /** No more retries and timeouts: the outcome is certain. */
  settleDown(): void {
    this.retry?.release();
    this.retry = undefined;
    this.#responseTimer?.cancel();
  }

  /** A WebSocket's answer has come: from now on only idleness ends it. */
  cancelResponseTimeout(): void {
    this.#responseTimer?.cancel();
  }

  /** Adds what both local replies and responses carry. */
  decorate(headers: HeaderMap): void {
    if (this.#hasStarted && this.route.virtualHost.includeAttemptCountInResponse) {
      headers.setId(H.xEnvoyAttemptCount, String(this.attemptCount));
    }
  }

  /** Answers in place of the upstream; resets the stream if its response has begun. */
  abort(abort: Abort): void {
    this.streamInfo.setFlag(abort.flag);
    this.settleDown();
    const isMarked = abort.isOverloaded === true && !this.config.suppressesEnvoyHeaders;
    this.callbacks.sendLocalReply({
      status: abort.status,
      body: abort.body,
      details: abort.details,
      modifyHeaders: (headers) => {
        if (isMarked) headers.addId(H.xEnvoyOverloaded, "true");
        this.decorate(headers);
      },
    });
  }

  remove(attempt: UpstreamRequest): void {
    const index = this.attempts.indexOf(attempt);
    if (index >= 0) this.attempts.splice(index, 1);
  }

  /** Whether another attempt may still bring a response. */
  get awaitsOthers(): boolean {
    if (this.pendingRetries > 0) return true;
    return this.attempts.some((attempt) => attempt.isAwaitingHeaders);
  }

  /** Acts on a retry decision. @returns whether the attempt is taken care of */
  onRetryStatus(status: RetryStatus, attempt: UpstreamRequest): boolean {
    if (status === "yes") {
      this.pendingRetries++;
      attempt.host.stats.inc(HOST_STAT.rqError);
      return true;
    }
    if (status === "overflow") this.streamInfo.setFlag(FLAG.upstreamOverflow);
    else if (status === "limit_exceeded") this.streamInfo.setFlag(FLAG.upstreamRetryLimitExceeded);
    return false;
  }

  onHostAttempted(attempt: UpstreamRequest, isConnected: boolean): void {
    this.retry?.onHostAttempted(attempt.host);
    if (!isConnected) return;
    const { trees } = this.charger;
    for (let i = 0; i < trees.length; i++) trees[i]!.countTotal();
  }

  beforeRequestHeaders(attempt: UpstreamRequest): void {
    if (!this.#watchesDownstream) {
      this.#watchesDownstream = true;
      this.callbacks.addDownstreamWatermarkCallbacks(this);
    } else for (let i = 0; i < this.#downstreamAbove; i++) attempt.readDisable(true);
    if (this.isRequestComplete) attempt.armTimeouts();
    const maxMs = this.#maxDurationMs ?? attempt.cluster.info.maxStreamDurationMs ?? 0;
    if (maxMs > 0) attempt.armMaxDuration(maxMs);
    const { hostname } = attempt.host;
    if (this.action.autoHostRewrite && hostname !== "") {
      updateAuthority(this.requestHeaders, hostname, {
        appendsForwardedHost: this.action.appendXForwardedHost,
        keepsOriginal: !this.config.suppressesEnvoyHeaders,
      });
    }
  }

  onMissingHeader(attempt: UpstreamRequest, what: string): void {
    this.remove(attempt);
    attempt.reset();
    this.abort({
      status: 503,
      body: what,
      details: `filter_removed_required_request_headers{${what.replaceAll(/\s/g, "_")}}`,
      flag: FLAG.downstreamProtocolError,
    });
  }

  onNoPool(attempt: UpstreamRequest): void {
    this.remove(attempt);
    attempt.finish();
    this.#answerNoHost();
  }

  onInterim(attempt: UpstreamRequest, headers: HeaderMap): void {
    this.response.onInterim(attempt, headers);
  }

  onResponseHeaders(
    attempt: UpstreamRequest,
    headers: HeaderMap,
    response: { readonly status: number; readonly endStream: boolean },
  ): void {
    this.response.onHeaders(attempt, headers, response);
  }

  onResponseData(attempt: UpstreamRequest, bytes: Uint8Array, endStream: boolean): void {
    this.response.onData(attempt, bytes, endStream);
  }

  onResponseTrailers(attempt: UpstreamRequest, trailers: HeaderMap): void {
    this.response.onTrailers(attempt, trailers);
  }

  onAttemptReset(
    attempt: UpstreamRequest,
    reason: AttemptResetReason,
    transportFailureReason: string,
  ): void {
    this.#failures.onReset(attempt, reason, transportFailureReason);
  }

  onPerTryTimeout(attempt: UpstreamRequest, isIdle: boolean): void {
    this.#failures.onPerTryTimeout(attempt, isIdle);
  }

  onMaxDuration(attempt: UpstreamRequest): void {
    this.#failures.onMaxDuration(attempt);
  }

  // The downstream's pressure (DownstreamWatermarks).

  onAboveWriteBufferHighWatermark(): void {
    this.#downstreamAbove++;
    for (const attempt of this.attempts) attempt.readDisable(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#downstreamAbove--;
    for (const attempt of this.attempts) attempt.readDisable(false);
  }

  /** The response did not come in time. */
  onTimer(): void {
    this.#failures.onResponseTimeout();
  }

  /** Settles policies, changes the headers for the upstream. */
  #settle(): void {
    const { action, config, requestHeaders: headers, streamInfo, callbacks } = this;
    const prepared = config.policies.retry(action, this.cluster.info);
    const options: TimeoutOptions = {
      isGrpc: this.isGrpc,
      hedges: settleHedging(action, headers),
      tellsUpstream: !config.suppressesEnvoyHeaders,
      respectsExpected: config.respectsExpectedTimeout,
    };
    this.timeoutOptions = options;
    this.timeouts = settleTimeouts(action, prepared?.policy, { headers, options });
    this.#takeWishes(headers);
    if (this.route.virtualHost.includeRequestAttemptCount) {
      headers.setId(H.xEnvoyAttemptCount, "1");
    }
    streamInfo.attemptCount = 1;
    this.route.applyRequestHeaders(headers, streamInfo);
    action.finalizeRequest(headers, streamInfo, !config.suppressesEnvoyHeaders);
    this.retry = createRetryState(prepared, headers, {
      cluster: this.cluster.info,
      breaker: this.cluster.circuitBreakers[action.priority],
      dispatcher: callbacks.dispatcher,
      runtime: callbacks.runtime,
      trees: this.charger.trees,
      owner: this,
    });
  }

  #takeWishes(headers: HeaderMap): void {
    const duration = headers.getId(H.xEnvoyUpstreamStreamDurationMs);
    if (duration !== undefined) {
      this.#maxDurationMs = parseUnsigned(duration);
      headers.removeId(H.xEnvoyUpstreamStreamDurationMs);
    }
    if (headers.removeId(H.xEnvoyUpstreamRqTimeoutAltResponse) > 0) {
      this.timeoutStatus = NO_CONTENT;
    }
  }

  #attempt(host: Host, endStream: boolean): UpstreamRequest {
    const info = upstreamInfoOf(this.cluster, host);
    this.streamInfo.upstream = info;
    const logging = this.config.upstreamLogging;
    const log = logging === undefined ? undefined : new AttemptLog(logging, this.callbacks, {
      headers: this.requestHeaders,
      upstream: info,
    });
    const attempt = new UpstreamRequest(this, this.cluster, { host, info, log });
    this.attempts.unshift(attempt);
    attempt.start(endStream);
    return attempt;
  }

  /** A retry is due: sends the whole request again, as far as it is here. */
  onRetry(): void {
    this.isRetry = true;
    this.attemptCount++;
    this.streamInfo.attemptCount = this.attemptCount;
    this.pendingRetries--;
    if (this.action.clusterRefresh !== undefined) this.#refreshCluster(this.action.clusterRefresh);
    const { action, config, requestHeaders: headers } = this;
    // The cluster may have been replaced or removed meanwhile.
    const cluster = config.clusters.get(action.clusterName!);
    if (cluster !== undefined && cluster !== this.cluster) {
      this.cluster = cluster;
      this.charger.moveTo(cluster.info);
    }
    const host = cluster?.chooseHost(this.#hostChoice);
    if (host === undefined) {
      this.#answerNoHost();
      return;
    }
    const { virtualHost } = this.route;
    if (virtualHost.includeRequestAttemptCount) {
      headers.setId(H.xEnvoyAttemptCount, String(this.attemptCount));
    }
    if (virtualHost.includeIsTimeoutRetry) {
      headers.setId(H.xEnvoyIsTimeoutRetry, this.isTimeoutRetry ? "true" : "false");
    }
    const elapsedMs = this.requestCompleteMs < 0
      ? 0
      : Math.floor(this.nowMs() - this.requestCompleteMs);
    tellTimeout(this.timeouts, elapsedMs, { action, headers, options: this.timeoutOptions! });
    this.#sendAgain(host);
  }

  #refreshCluster(refresh: ClusterRefresh): void {
    const { callbacks, requestHeaders: headers, streamInfo: info } = this;
    const tried = this.#triedClusters ??= new Set();
    tried.add(refresh.index);
    const random = callbacks.dispatcher.random.below(4294967296);
    const next = refresh.next(tried, { headers, info, random });
    if (next.clusterName === undefined) return;
    this.action = next;
    info.upstreamCluster = next.clusterName;
  }

  #sendAgain(host: Host): void {
    const body = this.#bufferedBytes > 0 ? this.callbacks.decodingBuffer : undefined;
    const trailers = this.#trailers;
    const isComplete = this.isRequestComplete;
    const endsWithHeaders = isComplete && body === undefined && trailers === undefined;
    const attempt = this.#attempt(host, endsWithHeaders);
    // It may have failed already.
    if (this.attempts[0] !== attempt) return;
    if (body !== undefined) attempt.sendData(body, isComplete && trailers === undefined);
    if (trailers !== undefined && this.attempts[0] === attempt) attempt.sendTrailers(trailers);
  }

  #completeRequest(): void {
    this.isRequestComplete = true;
    this.requestCompleteMs = this.nowMs();
    // The response may be complete already, or an attempt have failed at once.
    const isOver = this.attempts.length === 0 && this.pendingRetries === 0;
    if (isOver || this.#isDestroyed) return;
    this.#armResponseTimeout();
    for (const attempt of this.attempts) attempt.armTimeouts();
  }

  #armResponseTimeout(): void {
    if (this.timeouts.globalMs <= 0) return;
    this.#responseTimer ??= this.callbacks.dispatcher.timers.create(this);
    this.#responseTimer.arm(this.timeouts.globalMs);
  }

  #keepsBody(): boolean {
    if (this.bodyOverflowed || this.hasResponseStarted) return false;
    return this.retry?.isEnabled === true || this.action.internalRedirectPolicy !== undefined;
  }

  /** Whether so much more may be kept; if not, there will be no retries. */
  #makeRoom(bytes: number): boolean {
    const needed = this.#bufferedBytes + bytes;
    if (needed <= this.#keepLimitBytes) {
      // A route may allow more than the connection: what is kept must not pause the downstream.
      const limit = this.callbacks.bufferLimitBytes;
      if (limit !== 0 && needed > limit) this.callbacks.setBufferLimit(this.#keepLimitBytes);
      return true;
    }
    this.cluster.info.stats.inc(ABANDONED);
    this.bodyOverflowed = true;
    this.retry?.release();
    this.retry = undefined;
    if (this.attempts.length > 0) return false;
    this.pendingRetries = 0;
    this.abort({
      status: 507,
      body: "exceeded request buffer limit while retrying upstream",
      details: "request_payload_exceeded_retry_buffer_limit",
      flag: 0,
    });
    return false;
  }

  #answerNoHost(details = ""): void {
    this.charger.charge(503, undefined, false);
    this.abort({
      status: 503,
      body: "no healthy upstream",
      details: details || "no_healthy_upstream",
      flag: FLAG.noHealthyUpstream,
    });
  }

  #shadowOptions(): ConstructorParameters<typeof Mirrors>[2]["options"] {
    return {
      clusters: this.config.clusters,
      dispatcher: this.callbacks.dispatcher,
      info: this.streamInfo,
      downstreamProtocol: this.downstreamProtocol,
      timeoutMs: this.timeouts.globalMs,
      bufferLimitBytes: this.bufferLimitBytes,
      ownAddress: this.config.ownAddress,
    };
  }
}
