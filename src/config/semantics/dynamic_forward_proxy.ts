/** Dynamic forward proxies: what Envoy wants of their clusters, and that caches of one name agree. */

import type {
  envoy_config_cluster_v3_Cluster as Cluster,
  envoy_extensions_clusters_dynamic_forward_proxy_v3_ClusterConfig as ClusterConfig,
} from "../../proto/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

const CLUSTER_CONFIG = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Cluster.LbPolicy. */
const CLUSTER_PROVIDED = 6;

/** Checks by message type. */
export const DYNAMIC_FORWARD_PROXY_CHECKS: Checks = {
  "envoy.config.cluster.v3.Cluster": (cluster, { problems }) => {
    const { case: kind, value } = cluster.clusterDiscoveryType;
    const config = kind === "clusterType" ? value.typedConfig : undefined;
    if (config?.$typeName !== CLUSTER_CONFIG) return;
    checkCluster(cluster, config as ClusterConfig, problems);
  },
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig": (cache, context) => {
    const text = JSON.stringify(cache, plainValue);
    const known = context.dnsCaches.get(cache.name);
    context.dnsCaches.set(cache.name, known ?? text);
    if (known === undefined || known === text) return;
    const fault = `another DNS cache "${cache.name}" has different settings`;
    context.problems.error(cache, "name", fault, "clusters and filters share caches by name");
  },
};

function checkCluster(
  cluster: Cluster,
  config: ClusterConfig,
  problems: SemanticContext["problems"],
): void {
  if (!config.allowInsecureClusterOptions && !checksNames(cluster)) {
    const text = "auto_sni and auto_san_validation must be true";
    problems.error(config, "", text, "unless allow_insecure_cluster_options is set");
  }
  const specifier = config.clusterImplementationSpecifier;
  if (specifier.case === "subClustersConfig" && specifier.value.lbPolicy === CLUSTER_PROVIDED) {
    problems.error(specifier.value, "lb_policy", "CLUSTER_PROVIDED does not go with sub-clusters");
  }
}

/** Without any options of HTTP at all both are on. */
function checksNames(cluster: Cluster): boolean {
  const typed = Object.values(cluster.typedExtensionProtocolOptions).find((message) =>
    message.$typeName === PROTOCOL_OPTIONS
  ) as Pick<Cluster, "upstreamHttpProtocolOptions"> | undefined;
  const { upstreamHttpProtocolOptions: options } = typed ?? cluster;
  if (options === undefined) return typed === undefined;
  return options.autoSni && options.autoSanValidation;
}

function plainValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
