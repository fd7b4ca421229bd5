/** The router behind a real filter manager, with scripted clusters and a downstream that takes notes. */

import { Dispatcher, SeededRandom } from "../../src/base/mod.ts";
import {
  CompiledFilter,
  type FilterChain,
  type FilterHost,
  FilterManager,
  type LocalReplyDraft,
} from "../../src/filter_chain/mod.ts";
import {
  type ConnectionInfo,
  formatFlags,
  H,
  type HeaderMap,
  type Protocol,
  type ResetReason,
  statusOf,
  type StreamInfo,
} from "../../src/http/mod.ts";
import type { envoy_config_route_v3_RouteConfiguration } from "../../src/proto/mod.ts";
import { compileRouteTable, type Route, type RouteTable } from "../../src/route/mod.ts";
import { routerFactory } from "../../src/router/mod.ts";
import type { Runtime } from "../../src/runtime/mod.ts";
import { StatsStore } from "../../src/stats/mod.ts";
import type { ClusterInfo } from "../../src/upstream/mod.ts";
import { anyHost, request } from "../route/support.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeCluster } from "../support/fakes/cluster.ts";
import { type FakeContext, fakeContext } from "../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

const ROUTES = "envoy.config.route.v3.RouteConfiguration";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";

export interface BenchOptions {
  /** Fields of the router's message. */
  readonly router?: object;
  readonly runtime?: ReadonlyMap<string, unknown>;
  readonly bufferLimitBytes?: number;
  readonly passesInterim?: boolean;
  readonly clusterInfo?: Partial<ClusterInfo>;
  readonly downstreamProtocol?: Protocol;
}

/** One request and what the downstream saw of its answer. */
export class Bench implements FilterHost {
  readonly clock = new FakeClock();
  readonly dispatcher: Dispatcher;
  readonly context: FakeContext;
  readonly clusters = new Map<string, FakeCluster>();
  readonly streamInfo: StreamInfo = fakeStreamInfo();
  readonly downstreamProtocol: Protocol;
  readonly streamId = 1;
  readonly isUpgrade = false;
  readonly passesInterim: boolean;
  /** `200`, `data abc`, `trailers`, `reset local_reset`, `interim 100`, `pause`, `resume`. */
  readonly log: string[] = [];
  responseHeaders: HeaderMap | undefined;
  responseTrailers: HeaderMap | undefined;
  /** Headers that a redirected request began with. */
  recreated: HeaderMap | undefined;
  manager: FilterManager;
  readonly store = new StatsStore();
  #table: RouteTable | undefined;
  #route: Route | undefined;

  constructor(options: BenchOptions) {
    this.passesInterim = options.passesInterim ?? true;
    this.downstreamProtocol = options.downstreamProtocol ?? "HTTP/1.1";
    this.dispatcher = new Dispatcher({
      clock: this.clock,
      sleeper: this.clock,
      random: new SeededRandom(1),
    });
    this.context = fakeContext({
      dispatcher: this.dispatcher,
      services: { cluster_manager: { get: (name: string) => this.clusters.get(name) } },
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
    });
    this.manager = new FilterManager(this, options.bufferLimitBytes ?? 1 << 20);
    for (const name of ["a", "b"]) {
      this.clusters.set(name, new FakeCluster(name, this.context.stats, options.clusterInfo));
    }
  }

  /** A bench with these routes; `a` and `b` are clusters. */
  static async with(
    routes: object | readonly object[],
    options: BenchOptions = {},
  ): Promise<Bench> {
    const bench = new Bench(options);
    const config = Array.isArray(routes) ? anyHost(routes) : routes;
    const table = await decodeMessage<envoy_config_route_v3_RouteConfiguration>(ROUTES, config);
    bench.#table = compileRouteTable(table.message, bench.context);
    const router = await decodeMessage<object>(ROUTER, options.router ?? {});
    const compiled = new CompiledFilter("envoy.filters.http.router", {
      factory: routerFactory,
      config: routerFactory.compile(router.message, bench.context, "http.in."),
      isDisabled: false,
    });
    bench.defaultChain = { filters: [compiled] };
    return bench;
  }

  defaultChain: FilterChain = { filters: [] };

  get a(): FakeCluster {
    return this.clusters.get("a")!;
  }

  get b(): FakeCluster {
    return this.clusters.get("b")!;
  }

  get runtime(): Runtime {
    return this.context.runtime;
  }

  get connection(): ConnectionInfo {
    return this.streamInfo.connection;
  }

  /** Flags as the access log prints them. */
  get flags(): string {
    return formatFlags(this.streamInfo, 0);
  }

  get details(): string {
    return this.streamInfo.responseCodeDetails;
  }

  /** Sends the request's head, and its body if there is one. */
  send(headers: HeaderMap, body?: string): void {
    this.run(() => {
      this.manager.requestHeaders = headers;
      this.manager.createFilters(this.defaultChain);
      this.manager.decodeHeaders(headers, body === undefined);
      if (body !== undefined) this.data(body, true);
    });
  }

  get(path = "/", more: Parameters<typeof request>[1] = {}): void {
    this.send(request(path, more));
  }

  /** Sends the head of a request whose body follows. */
  begin(headers: HeaderMap): void {
    this.run(() => {
      this.manager.requestHeaders = headers;
      this.manager.createFilters(this.defaultChain);
      this.manager.decodeHeaders(headers, false);
    });
  }

  data(text: string, endStream: boolean): void {
    this.run(() => this.manager.decodeData(new TextEncoder().encode(text), endStream));
  }

  run(work: () => void): void {
    this.dispatcher.run(work);
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.dispatcher.timers.advance();
  }

  /** Value of any stat by its full name; 0 if there is none. */
  stat(name: string): number {
    const update = this.context.stats.takeUpdate();
    if (update !== undefined) this.store.absorb(0, update);
    return this.store.values().find((stat) => stat.name === name)?.value ?? 0;
  }

  // What the filter manager asks (FilterHost).

  route(): Route | undefined {
    if (this.#route !== undefined) return this.#route;
    const found = this.#table!.match(this.manager.requestHeaders!, this.streamInfo, 0);
    return this.#route = "miss" in found ? undefined : found;
  }

  clearRouteCache(): void {
    this.#route = undefined;
  }

  sendInterim(headers: HeaderMap): void {
    this.log.push(`interim ${statusOf(headers)}`);
  }

  sendHeaders(headers: HeaderMap, endStream: boolean): void {
    this.responseHeaders = headers;
    this.#note(String(statusOf(headers)), endStream);
  }

  sendData(bytes: Uint8Array, endStream: boolean): void {
    this.#note(`data ${new TextDecoder().decode(bytes)}`.trim(), endStream);
  }

  sendTrailers(trailers: HeaderMap): void {
    this.responseTrailers = trailers;
    this.#note("trailers", true);
  }

  resetStream(reason: ResetReason): void {
    this.log.push(`reset ${reason}`);
    this.manager.destroy();
  }

  readDisable(disable: boolean): void {
    this.log.push(disable ? "pause" : "resume");
  }

  onLocalReply(): void {}
  rewriteLocalReply(_headers: HeaderMap, _draft: LocalReplyDraft): void {}
  onRequestTooLarge(): void {}
  onResponseTooLarge(): void {}

  recreateStream(): boolean {
    this.recreated = this.manager.requestHeaders!.copy();
    this.log.push("recreate");
    this.manager.destroy();
    return true;
  }

  setIdleTimeout(): void {}

  /** The client went away. */
  leave(): void {
    this.run(() => this.manager.destroy());
  }

  #note(text: string, endStream: boolean): void {
    this.log.push(endStream ? `${text} end` : text);
    if (endStream) this.manager.destroy();
  }
}

/** A route of prefix `/` to cluster `a`. */
export function toA(route: object = {}, more: object = {}): object {
  return { match: { prefix: "/" }, route: { cluster: "a", ...route }, ...more };
}

/** A retry policy with a back-off of a few milliseconds. */
export function retry(policy: object): object {
  const retry_back_off = { base_interval: "0.005s", max_interval: "0.01s" };
  return { retry_policy: { retry_back_off, ...policy } };
}

/** Value of a response header. */
export function header(bench: Bench, name: string): string | undefined {
  return bench.responseHeaders?.get(name);
}

/** Milliseconds after which every back-off of `retry` is over. */
export const BACK_OFF_MS = 25;

/** The x-envoy-internal header, by which a request may ask for retries and timeouts. */
export const INTERNAL: readonly [string, string] = ["x-envoy-internal", "true"];

export { H, request };
