/** Counts the responses of one request, in the cluster, its host, the virtual cluster and the route. */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type { Route } from "../route/mod.ts";
import { type ClusterInfo, type Host, HOST_STAT, type ResponseCodes } from "../upstream/mod.ts";
import type { RouterConfig } from "./config.ts";
import type { RequestTreeStats } from "./response_stats.ts";

const NO_TREES: readonly RequestTreeStats[] = [];

/** The trees of a request's virtual cluster and route; tells the stream its virtual cluster. */
export function requestTrees(
  config: RouterConfig,
  route: Route,
  request: { readonly headers: HeaderMap; readonly info: StreamInfo },
): readonly RequestTreeStats[] {
  const { hasVirtualClusters } = route.virtualHost;
  if (!hasVirtualClusters && route.routeStatPrefix === undefined) return NO_TREES;
  const trees: RequestTreeStats[] = [];
  const virtualCluster = hasVirtualClusters ? route.virtualCluster(request.headers) : undefined;
  if (virtualCluster !== undefined) {
    request.info.virtualClusterName = virtualCluster.name;
    trees.push(config.responseStats.requestTree(virtualCluster.statPrefix));
  }
  if (route.routeStatPrefix !== undefined) {
    trees.push(config.responseStats.requestTree(route.routeStatPrefix));
  }
  return trees;
}

/** Charges codes and times in milliseconds of one request to every tree it counts in. */
export class Charger {
  readonly trees: readonly RequestTreeStats[];
  readonly #config: RouterConfig;
  #cluster: ClusterInfo;
  readonly #isCounted: boolean;
  readonly #countsCodes: boolean;
  readonly #isInternal: boolean;
  /** Trees under the name that the request gave. */
  readonly #alternative: ResponseCodes | undefined;

  constructor(config: RouterConfig, cluster: ClusterInfo, request: {
    readonly headers: HeaderMap;
    readonly info: StreamInfo;
    readonly trees: readonly RequestTreeStats[];
    readonly isGrpc: boolean;
  }) {
    this.#config = config;
    this.#cluster = cluster;
    this.trees = request.trees;
    this.#isCounted = config.emitsDynamicStats && !request.info.isHealthCheck;
    this.#countsCodes = !(request.isGrpc && config.suppressesGrpcCodes);
    this.#isInternal = request.headers.getId(H.xEnvoyInternal) === "true";
    const name = request.headers.getId(H.xEnvoyUpstreamAltStatName);
    if (name === undefined) return;
    // The connection manager has taken it off requests from outside.
    request.headers.removeId(H.xEnvoyUpstreamAltStatName);
    if (name !== "") {
      this.#alternative = config.responseStats.alternative(cluster.statName, name);
    }
  }

  /** A retry went to another cluster: what comes of it counts there. */
  moveTo(cluster: ClusterInfo): void {
    this.#cluster = cluster;
  }

  /** Counts a response, or what stands for one that never came. */
  charge(status: number, host: Host | undefined, isCanary: boolean): void {
    if (!this.#isCounted) return;
    if (this.#countsCodes) {
      const kind = { isInternal: this.#isInternal, isCanary };
      this.#cluster.chargeResponse(status, kind);
      const zone = host?.locality.zone ?? "";
      if (zone !== "") this.#cluster.chargeZone(zone, status);
      this.#alternative?.charge(status, kind);
      for (let i = 0; i < this.trees.length; i++) this.trees[i]!.codes.charge(status);
    }
    if (host !== undefined && status >= 500) host.stats.inc(HOST_STAT.rqError);
  }

  /** Counts a response that was thrown away for a retry. */
  chargeRetried(status: number): void {
    if (!this.#countsCodes) return;
    this.#config.responseStats.clusterTrees(this.#cluster.statName).retry.charge(status);
  }

  /** Records how long a whole response took. */
  chargeTime(timeMs: number, host: Host, isCanary: boolean): void {
    if (!this.#isCounted) return;
    const trees = this.#config.responseStats.clusterTrees(this.#cluster.statName);
    trees.plain.recordTime(timeMs);
    (this.#isInternal ? trees.internal : trees.external).recordTime(timeMs);
    if (host.locality.zone !== "") this.#cluster.recordZoneTime(host.locality.zone, timeMs);
    if (isCanary) trees.canary.recordTime(timeMs);
    this.#alternative?.recordTime(timeMs, { isInternal: this.#isInternal, isCanary });
    for (let i = 0; i < this.trees.length; i++) this.trees[i]!.codes.recordTime(timeMs);
  }
}
