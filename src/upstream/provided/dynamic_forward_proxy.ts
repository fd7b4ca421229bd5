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
import type { HostWait, LoadBalancerContext } from "../api.ts";
import type {
  DnsCacheEntry,
  DnsCacheOptions,
  DnsCacheService,
  DnsCacheView,
} from "../dns_cache/api.ts";
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

/** Finds the host that a request names; one that is not known yet is looked up. */
class DynamicBalancer implements Balancer {
  readonly #defaultPort: number;
  readonly #cache: () => DnsCacheView | undefined;
  readonly #hosts = new Map<string, UpstreamHost>();

  constructor(defaultPort: number, cache: () => DnsCacheView | undefined) {
    this.#defaultPort = defaultPort;
    this.#cache = cache;
  }

  refresh(sets: readonly HostSet[]): void {
    this.#hosts.clear();
    for (const set of sets) for (const host of set.hosts) this.#hosts.set(host.hostname, host);
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const name = context === undefined ? "" : this.#nameOf(context);
    const host = name === "" ? undefined : this.#hosts.get(name);
    return host?.health === "unhealthy" ? undefined : host;
  }

  awaitHost(context: LoadBalancerContext, onDone: (details: string) => void): HostWait {
    const name = this.#nameOf(context);
    const cache = this.#cache();
    if (cache === undefined || name === "" || this.#hosts.has(name)) return nothing("");
    if (!cache.tryRequest()) return nothing("dns_cache_pending_requests_overflow");
    const load = cache.load(name, this.#defaultPort, {
      onDnsEntry: (entry) => {
        cache.releaseRequest();
        onDone(detailsOf(entry));
      },
    });
    if (load.status !== "loading") {
      cache.releaseRequest();
      return nothing(load.status === "overflow" ? OVERFLOW : detailsOf(load.entry));
    }
    const { handle } = load;
    return {
      details: "",
      handle: {
        cancel: () => {
          handle.cancel();
          cache.releaseRequest();
        },
      },
    };
  }

  /** "": the request names no host. */
  #nameOf({ streamInfo, requestHeaders }: LoadBalancerContext): string {
    const name = dynamicHostOf(streamInfo) ?? requestHeaders?.getId(H.authority) ??
      streamInfo?.connection.requestedServerName ?? "";
    return name === "" ? "" : withPort(name, dynamicPortOf(streamInfo) ?? this.#defaultPort);
  }
}

const OVERFLOW = "dns_cache_overflow";

function nothing(details: string): HostWait {
  return { handle: undefined, details };
}

function detailsOf({ state, details }: DnsCacheEntry): string {
  if (state === "overflow") return OVERFLOW;
  return state === "failed" ? `dns_resolution_failure{${details}}` : "";
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
    const specifier = (message as ClusterConfig).clusterImplementationSpecifier;
    const name = specifier.case === "dnsCacheConfig" ? specifier.value.name : "";
    // Main has caches, but nobody who waits for them.
    const cache = context.worker === 0
      ? () => undefined
      : () => context.service<DnsCacheService>("dns_caches").get(name);
    return { createBalancer: () => new DynamicBalancer(defaultPort, cache) };
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
