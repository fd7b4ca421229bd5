/**
 * `envoy.clusters.dynamic_forward_proxy`: the request names its host. Names come resolved from a
 * DNS cache; what is not in it yet is none of the cluster's hosts.
 */

import type { Problems } from "../../base/mod.ts";
import { H, type StreamInfo } from "../../http/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster as Cluster,
  envoy_extensions_clusters_dynamic_forward_proxy_v3_ClusterConfig as ClusterConfig,
  envoy_extensions_common_dynamic_forward_proxy_v3_DnsCacheConfig as DnsCacheConfig,
} from "../../proto/mod.ts";
import type { LoadBalancerContext } from "../api.ts";
import type { DnsCacheOptions } from "../dns_cache/api.ts";
import { MainDnsCaches, type MainDnsCachesParts } from "../dns_cache/main_caches.ts";
import { dynamicHostOf, dynamicPortOf, withPort } from "../dns_cache/names.ts";
import { compileDnsCache } from "../dns_cache/options.ts";
import { WorkerDnsCaches, type WorkerDnsCachesParts } from "../dns_cache/worker_caches.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { Balancer } from "../lb/policy.ts";
import type { ProvidedFactory } from "./registry.ts";

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** Finds the host that a request names. */
class DynamicBalancer implements Balancer {
  readonly #defaultPort: number;
  readonly #hosts = new Map<string, UpstreamHost>();

  constructor(defaultPort: number) {
    this.#defaultPort = defaultPort;
  }

  refresh(sets: readonly HostSet[]): void {
    this.#hosts.clear();
    for (const set of sets) for (const host of set.hosts) this.#hosts.set(host.hostname, host);
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    if (context === undefined) return undefined;
    const { streamInfo, requestHeaders } = context;
    const name = dynamicHostOf(streamInfo) ?? requestHeaders?.getId(H.authority) ??
      streamInfo?.connection.requestedServerName ?? "";
    if (name === "") return undefined;
    const host = this.#hosts.get(withPort(name, dynamicPortOf(streamInfo) ?? this.#defaultPort));
    return host?.health === "unhealthy" ? undefined : host;
  }
}

/**
 * The cluster type, with the DNS caches of both threads' sides of it. Filters find it as an
 * extension, so that nobody else has to load it.
 */
export interface DynamicForwardProxy extends ProvidedFactory {
  compileCache(config: DnsCacheConfig, problems: Problems): DnsCacheOptions;
  /** The cache of a cluster; its problems have been told by `compile`. */
  cacheOf(cluster: Cluster): DnsCacheOptions | undefined;
  dynamicHostOf(info: StreamInfo): string | undefined;
  dynamicPortOf(info: StreamInfo): number | undefined;
  createMainCaches(parts: MainDnsCachesParts): MainDnsCaches;
  createWorkerCaches(parts: WorkerDnsCachesParts): WorkerDnsCaches;
}

function check(message: ClusterConfig, problems: Problems): void {
  const kind = message.clusterImplementationSpecifier;
  if (kind.case === "dnsCacheConfig") compileDnsCache(kind.value, problems);
  if (kind.case === "subClustersConfig") {
    problems.unsupported(message, "sub_clusters_config", "no clusters are made of names", true);
  }
  if (message.allowCoalescedConnections) {
    const effect = "each name has connections of its own";
    problems.unsupported(message, "allow_coalesced_connections", effect);
  }
}

const SILENT: Problems = { error() {}, unsupported() {}, warn() {} };

export const dynamicForwardProxy: DynamicForwardProxy = {
  name: "envoy.clusters.dynamic_forward_proxy",
  type: "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
  compile: (message, context, isTls) => {
    check(message as ClusterConfig, context.problems);
    const defaultPort = isTls ? HTTPS_PORT : HTTP_PORT;
    return { createBalancer: () => new DynamicBalancer(defaultPort) };
  },
  compileCache: compileDnsCache,
  cacheOf: (cluster) => {
    const { case: kind, value } = cluster.clusterDiscoveryType;
    const config = kind === "clusterType" ? value.typedConfig as ClusterConfig : undefined;
    const specifier = config?.clusterImplementationSpecifier;
    return specifier?.case === "dnsCacheConfig"
      ? compileDnsCache(specifier.value, SILENT)
      : undefined;
  },
  dynamicHostOf,
  dynamicPortOf,
  createMainCaches: (parts) => new MainDnsCaches(parts),
  createWorkerCaches: (parts) => new WorkerDnsCaches(parts),
};
