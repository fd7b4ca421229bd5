/** A route as the data plane holds it; weighted clusters have one of these each. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import type { HeaderChanges } from "./header_changes.ts";
import type { PerFilterConfig, Route, RouteTracing, VirtualHostInfo } from "./route.ts";
import type { VirtualClusters } from "./virtual_cluster.ts";

/** What a route is made of, its action apart. */
export interface RouteParts {
  readonly routeName: string;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly virtualHost: VirtualHostInfo;
  readonly virtualClusters: VirtualClusters;
  /** In the order they apply. */
  readonly requestChanges: readonly HeaderChanges[];
  readonly responseChanges: readonly HeaderChanges[];
  readonly filters: ReadonlyMap<string, PerFilterConfig>;
  readonly routeStatPrefix: string | undefined;
  readonly decorator: Route["decorator"];
  readonly tracing: RouteTracing | undefined;
  readonly bufferLimitBytes: number | undefined;
}

/**
 * A route with its action and what virtual host and table add to it: headers, per-filter configs,
 * stats.
 */
export class CompiledRoute implements Route {
  readonly action: Route["action"];
  readonly routeName: string;
  readonly virtualHostName: string;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly virtualHost: VirtualHostInfo;
  readonly routeStatPrefix: string | undefined;
  readonly decorator: Route["decorator"];
  readonly tracing: RouteTracing | undefined;
  readonly bufferLimitBytes: number | undefined;
  readonly #parts: RouteParts;

  constructor(parts: RouteParts, action: Route["action"]) {
    this.#parts = parts;
    this.action = action;
    this.routeName = parts.routeName;
    this.virtualHostName = parts.virtualHost.name;
    this.metadata = parts.metadata;
    this.virtualHost = parts.virtualHost;
    this.routeStatPrefix = parts.routeStatPrefix;
    this.decorator = parts.decorator;
    this.tracing = parts.tracing;
    this.bufferLimitBytes = parts.bufferLimitBytes;
  }

  perFilterConfig(filterName: string): PerFilterConfig | undefined {
    return this.#parts.filters.get(filterName);
  }

  applyRequestHeaders(headers: HeaderMap, info: StreamInfo): void {
    const changes = this.#parts.requestChanges;
    for (let i = 0; i < changes.length; i++) changes[i]!.apply(headers, info, headers);
  }

  applyResponseHeaders(headers: HeaderMap, info: StreamInfo, requestHeaders: HeaderMap): void {
    const changes = this.#parts.responseChanges;
    for (let i = 0; i < changes.length; i++) changes[i]!.apply(headers, info, requestHeaders);
  }

  virtualCluster(headers: HeaderMap): ReturnType<VirtualClusters> {
    return this.#parts.virtualClusters(headers);
  }

  /** The same route with another action, for clusters that a header names. */
  withAction(action: Route["action"]): CompiledRoute {
    return new CompiledRoute(this.#parts, action);
  }
}
