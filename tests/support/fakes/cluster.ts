/** A cluster whose hosts and streams are a script: the test answers for the upstream. */

import {
  type HeaderMap,
  HeaderMap as Headers,
  type Protocol,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
} from "../../../src/http/mod.ts";
import { Histogram, StatGroup, type StatsRoot } from "../../../src/stats/mod.ts";
import {
  type CircuitBreaker,
  type Cluster,
  CLUSTER_STATS,
  type ClusterInfo,
  clusterStat,
  type Host,
  HOST_STATS,
  type HostWait,
  type LoadBalancerContext,
  type PendingStream,
  type PoolFailureReason,
  type StreamRequest,
} from "../../../src/upstream/mod.ts";

/** How the pool answers a request for a stream. */
export type PoolBehaviour = "ready" | "waiting" | PoolFailureReason;

export function fakeHost(port: number, more: Partial<Host> = {}): Host {
  return {
    address: { kind: "ip", host: "10.1.0.1", port },
    hostname: "",
    weight: 1,
    priority: 0,
    locality: { region: "", zone: "", subZone: "" },
    metadata: undefined,
    isCanary: false,
    health: "healthy",
    activeRequests: 0,
    stats: new StatGroup(new Float64Array(HOST_STATS.length), 0),
    ...more,
  };
}

/** One stream: what was sent, and the means to answer. */
export class FakeStream implements RequestEncoder {
  readonly host: Host;
  /** `GET /x`, `data abc`, `trailers`, `reset local_reset`, `pause`, `resume`, each once. */
  readonly log: string[] = [];
  headers: HeaderMap | undefined;
  isEnded = false;
  bufferedBytes = 0;
  readonly wireBytesReceived = 10;
  readonly wireBytesSent = 20;
  readonly headerBytesReceived = 1;
  readonly headerBytesSent = 2;
  readonly streamId = undefined;
  readonly #decoder: ResponseDecoder;
  readonly #request: StreamRequest;
  readonly #protocol: Protocol;
  isCancelled = false;
  /** What is missing in the headers, if the codec is to refuse them. */
  missing: string | undefined;

  constructor(
    decoder: ResponseDecoder,
    request: StreamRequest,
    options: { readonly host: Host; readonly protocol: Protocol },
  ) {
    this.#decoder = decoder;
    this.#request = request;
    this.host = options.host;
    this.#protocol = options.protocol;
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): string | undefined {
    if (this.missing !== undefined) return this.missing;
    this.headers = headers.copy();
    this.#note(`${headers.get(":method")} ${headers.get(":path") ?? ""}`.trim(), endStream);
    return undefined;
  }

  encodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#note(`data ${new TextDecoder().decode(bytes)}`.trim(), endStream);
  }

  encodeTrailers(): void {
    this.#note("trailers", true);
  }

  enableTcpTunneling(): void {}

  reset(reason: ResetReason): void {
    this.log.push(`reset ${reason}`);
  }

  readDisable(disable: boolean): void {
    this.log.push(disable ? "pause" : "resume");
  }

  /** A waiting request gets its connection. */
  ready(): void {
    this.#request.callbacks.onPoolReady(this, {
      host: this.host,
      protocol: this.#protocol,
      tls: undefined,
      connectionId: 7,
      localAddress: { kind: "ip", host: "10.1.0.9", port: 40000 },
      streamCount: 1,
      connectStartMs: 0,
      connectCompleteMs: 0,
      handshakeCompleteMs: -1,
    });
  }

  fail(reason: PoolFailureReason, text = ""): void {
    this.#request.callbacks.onPoolFailure(reason, text, this.host);
  }

  /** A whole response, or its head if `more` is set. */
  respond(
    status: number,
    { headers = [], body = "", more = false }: {
      readonly headers?: readonly (readonly [string, string])[];
      readonly body?: string;
      readonly more?: boolean;
    } = {},
  ): void {
    const map = Headers.of([":status", String(status)], ...headers);
    this.#decoder.decodeHeaders(map, body === "" && !more);
    if (body !== "") this.data(body, !more);
  }

  interim(status: number): void {
    this.#decoder.decode1xx(Headers.of([":status", String(status)]));
  }

  data(text: string, endStream: boolean): void {
    this.#decoder.decodeData(new TextEncoder().encode(text), endStream);
  }

  trailers(...pairs: readonly (readonly [string, string])[]): void {
    this.#decoder.decodeTrailers(Headers.of(...pairs));
  }

  onReset(reason: ResetReason, details = ""): void {
    this.#decoder.onReset(reason, details);
  }

  /** The upstream's socket is full (or not any more). */
  fill(isFull: boolean): void {
    if (isFull) this.#decoder.onAboveWriteBufferHighWatermark();
    else this.#decoder.onBelowWriteBufferLowWatermark();
  }

  #note(text: string, endStream: boolean): void {
    if (endStream) this.isEnded = true;
    this.log.push(endStream ? `${text} end` : text);
  }
}

class FakeBreaker implements CircuitBreaker {
  maxRequests = 1024;
  maxRetries = 3;
  retries = 0;

  tryRequest(): boolean {
    return true;
  }
  releaseRequest(): void {}

  tryRetry(): boolean {
    if (this.retries >= this.maxRetries) return false;
    this.retries++;
    return true;
  }

  releaseRetry(): void {
    this.retries--;
  }
}

export class FakeCluster implements Cluster {
  readonly info: ClusterInfo;
  readonly circuitBreakers = { default: new FakeBreaker(), high: new FakeBreaker() };
  readonly streams: FakeStream[] = [];
  /** Responses counted, as `200 external`. */
  readonly charged: string[] = [];
  readonly contexts: (LoadBalancerContext | undefined)[] = [];
  hosts: Host[];
  /** For the next streams, the last one for all that follow. */
  behaviours: PoolBehaviour[] = ["ready"];
  protocol: Protocol = "HTTP/1.1";
  #next = 0;

  constructor(name: string, stats: StatsRoot, more: Partial<ClusterInfo> = {}) {
    this.hosts = [fakeHost(1)];
    this.info = {
      name,
      statName: name,
      metadata: undefined,
      connectTimeoutMs: 1000,
      maxRequestsPerConnection: 0,
      perConnectionBufferLimitBytes: 1 << 20,
      maxResponseHeadersKb: 60,
      commonHttpIdleTimeoutMs: 0,
      maxStreamDurationMs: undefined,
      upstreamHttpFilters: [],
      isMaintenanceMode: () => false,
      stats: stats.scope.scope("cluster").scope(name).group(CLUSTER_STATS),
      connectTime: new Histogram("c", "milliseconds"),
      chargeZone: (zone, status) => void this.charged.push(`${status} zone ${zone}`),
      recordZoneTime: () => {},
      chargeResponse: (status, { isInternal, isCanary }) => {
        const side = isInternal ? "internal" : "external";
        this.charged.push(`${status} ${side}${isCanary ? " canary" : ""}`);
      },
      trackTimeoutBudgets: false,
      timeoutBudgetPercentUsed: undefined,
      dropOverloadCategory: undefined,
      dropOverloadPercent: 0,
      chargeDropOverload() {},
      retryPolicyMessage: undefined,
      hashPolicyMessages: [],
      ...more,
    };
  }

  chooseHost(context: LoadBalancerContext | undefined): Host | undefined {
    this.contexts.push(context);
    const tries = (context?.hostSelectionRetryCount ?? 0) + 1;
    for (let i = 0; i < tries; i++) {
      const host = this.hosts[this.#next++ % Math.max(1, this.hosts.length)];
      if (host === undefined) return undefined;
      if (i === tries - 1 || context?.shouldSelectAnotherHost(host) !== true) return host;
    }
    return undefined;
  }

  /** Set by tests of clusters that find hosts out: told the details at the end of the wait. */
  awaits: { done?: (details: string) => void; isCancelled?: boolean; details?: string } | undefined;

  awaitHost(
    _context: LoadBalancerContext,
    onDone: (details: string) => void,
  ): HostWait | undefined {
    const { awaits } = this;
    if (awaits === undefined) return undefined;
    if (awaits.details !== undefined) return { handle: undefined, details: awaits.details };
    awaits.done = onDone;
    return { details: "", handle: { cancel: () => void (awaits.isCancelled = true) } };
  }

  newStream(
    host: Host,
    decoder: ResponseDecoder,
    request: StreamRequest,
  ): PendingStream | undefined {
    const stream = new FakeStream(decoder, request, { host, protocol: this.protocol });
    this.streams.push(stream);
    const behaviour = this.behaviours.length > 1 ? this.behaviours.shift()! : this.behaviours[0]!;
    if (behaviour === "ready") stream.ready();
    else if (behaviour !== "waiting") stream.fail(behaviour);
    else {
      return {
        cancel: () => {
          stream.isCancelled = true;
        },
      };
    }
    return undefined;
  }

  newTcpConnection(): PendingStream | undefined {
    throw new RangeError("not scripted");
  }

  /** Value of a cluster stat by its Envoy name. */
  stat(name: string): number {
    return this.info.stats.get(clusterStat(name));
  }
}
