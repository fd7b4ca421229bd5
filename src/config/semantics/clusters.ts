/** Clusters as a whole: names, discovery types and what each wants of its endpoints. */

import type {
  envoy_config_cluster_v3_Cluster as Cluster,
  envoy_config_core_v3_Address as Address,
} from "../../proto/mod.ts";
import { isIp } from "../ip_text.ts";
import { BALANCING_CHECKS, checkPolicyFields } from "./balancing.ts";
import type { Checks, SemanticContext } from "./context.ts";

/** Cluster.DiscoveryType. */
const STATIC = 0;
const LOGICAL_DNS = 2;
const EDS = 3;
const ORIGINAL_DST = 4;
/** Cluster.LbPolicy. */
const CLUSTER_PROVIDED = 6;
const LOAD_BALANCING_POLICY_CONFIG = 7;

const CLUSTER_PROVIDED_TYPE =
  "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided";
const LB_CATEGORY = "envoy.load_balancing_policies";

/** Checks by message type. */
export const CLUSTER_CHECKS: Checks = {
  ...BALANCING_CHECKS,
  "envoy.config.bootstrap.v3.Bootstrap": ({ clusterManager }, { clusters, problems }) => {
    const name = clusterManager?.localClusterName ?? "";
    if (name === "" || clusters.has(name)) return;
    problems.error(clusterManager!, "local_cluster_name", `no cluster is named "${name}"`);
  },
  "envoy.config.bootstrap.v3.Bootstrap.StaticResources": ({ clusters }, { problems }) => {
    const seen = new Set<string>();
    for (const cluster of clusters) {
      if (seen.has(cluster.name)) {
        problems.error(cluster, "name", `duplicate cluster "${cluster.name}"`);
      }
      seen.add(cluster.name);
    }
  },
  "envoy.config.cluster.v3.Cluster": (cluster, context) => {
    checkDiscovery(cluster, context);
    checkBalancing(cluster, context);
    checkPolicyFields(cluster, context.problems);
    checkEndpoints(cluster, context);
    checkRing(cluster, context);
    for (const match of cluster.transportSocketMatches) {
      if (match.transportSocket !== undefined) continue;
      context.problems.error(match, "transport_socket", "a match needs its transport socket");
    }
    for (const name of Object.keys(cluster.typedExtensionProtocolOptions)) {
      if (isProtocolOptions(name, context)) continue;
      const at = `typed_extension_protocol_options["${name}"]`;
      context.problems.error(cluster, at, `no filter or protocol is named "${name}"`);
    }
  },
};

function discoveryOf(cluster: Cluster): number | undefined {
  const { case: kind, value } = cluster.clusterDiscoveryType;
  if (kind === "clusterType") return undefined;
  return kind === "type" ? value : STATIC;
}

function checkDiscovery(cluster: Cluster, { problems }: SemanticContext): void {
  const discovery = discoveryOf(cluster);
  const hasEds = cluster.edsClusterConfig !== undefined;
  if (discovery === EDS && cluster.edsClusterConfig?.edsConfig === undefined) {
    problems.error(cluster, "eds_cluster_config", "an EDS cluster needs an EDS configuration");
  } else if (discovery !== EDS && discovery !== undefined && hasEds) {
    problems.error(cluster, "eds_cluster_config", "only an EDS cluster has an EDS configuration");
  }
  if (discovery !== ORIGINAL_DST) return;
  if (cluster.loadAssignment !== undefined) {
    problems.error(cluster, "load_assignment", "an ORIGINAL_DST cluster has no load assignment");
  }
  if (cluster.lbConfig.case !== "originalDstLbConfig") return;
  const { useHttpHeader, httpHeaderName } = cluster.lbConfig.value;
  if (!useHttpHeader && httpHeaderName !== "") {
    const text = "without use_http_header no header is looked at";
    problems.error(cluster.lbConfig.value, "http_header_name", text);
  }
}

const PROVIDING_TYPES: ReadonlySet<string> = new Set([
  "envoy.cluster.original_dst",
  "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
  "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster",
  "envoy.extensions.clusters.redis.v3.RedisClusterConfig",
]);
const BALANCED_TYPES: ReadonlySet<string> = new Set([
  "envoy.cluster.eds",
  "envoy.cluster.logical_dns",
  "envoy.cluster.static",
  "envoy.cluster.strict_dns",
  "envoy.extensions.clusters.dns.v3.DnsCluster",
]);

/** Whether a cluster must say CLUSTER_PROVIDED, or must not; undefined: not known. */
function providesBalancer(cluster: Cluster): boolean | undefined {
  const discovery = discoveryOf(cluster);
  if (discovery !== undefined) return discovery === ORIGINAL_DST;
  const { value } = cluster.clusterDiscoveryType;
  if (typeof value !== "object") return undefined;
  const type = value.typedConfig?.$typeName ?? value.name;
  if (PROVIDING_TYPES.has(type)) return true;
  return BALANCED_TYPES.has(type) ? false : undefined;
}

/** The type of the policy that counts: the first that Envoy knows. */
function typedPolicy(cluster: Cluster, { decoder }: SemanticContext): string | undefined {
  const types = (cluster.loadBalancingPolicy?.policies ?? []).map(({ typedExtensionConfig }) =>
    typedExtensionConfig?.typedConfig?.$typeName ?? ""
  );
  const known = decoder.knownTypes();
  return types.find((type) => known.extensionsOf(type).some((x) => x.category === LB_CATEGORY));
}

function checkBalancing(cluster: Cluster, context: SemanticContext): void {
  const { problems } = context;
  const typed = typedPolicy(cluster, context);
  // An ORIGINAL_DST cluster says so in the older field only.
  const isProvided = typed === undefined || discoveryOf(cluster) === ORIGINAL_DST
    ? cluster.lbPolicy === CLUSTER_PROVIDED
    : typed === CLUSTER_PROVIDED_TYPE;
  const provides = providesBalancer(cluster);
  if (provides === true && !isProvided) {
    const hint = "lb_policy: CLUSTER_PROVIDED";
    problems.error(cluster, "lb_policy", "the cluster brings its own balancer", hint);
  } else if (provides === false && isProvided) {
    problems.error(
      cluster,
      "lb_policy",
      "CLUSTER_PROVIDED needs a cluster that provides a balancer",
    );
  }
  if (isProvided && cluster.lbSubsetConfig !== undefined) {
    problems.error(cluster, "lb_subset_config", "subsets do not go with CLUSTER_PROVIDED");
  }
  const policies = cluster.loadBalancingPolicy?.policies;
  if (policies === undefined) {
    if (cluster.lbPolicy === LOAD_BALANCING_POLICY_CONFIG) {
      problems.error(cluster, "load_balancing_policy", "LOAD_BALANCING_POLICY_CONFIG needs it");
    }
    return;
  }
  if (typed === undefined) {
    problems.error(cluster, "load_balancing_policy", "none of its policies is a known one");
  }
}

/** Without `minimum_ring_size` and `maximum_ring_size`. */
const DEFAULT_MIN_RING = 1024n;
const DEFAULT_MAX_RING = 8_388_608n;

function checkRing({ lbConfig }: Cluster, { problems }: SemanticContext): void {
  if (lbConfig.case !== "ringHashLbConfig") return;
  const { minimumRingSize, maximumRingSize } = lbConfig.value;
  const min = minimumRingSize ?? DEFAULT_MIN_RING;
  const max = maximumRingSize ?? DEFAULT_MAX_RING;
  if (min > max) {
    const text = `minimum_ring_size (${min}) is greater than maximum_ring_size (${max})`;
    problems.error(lbConfig.value, "minimum_ring_size", text);
  }
}

function checkEndpoints(cluster: Cluster, { problems }: SemanticContext): void {
  const discovery = discoveryOf(cluster);
  const localities = cluster.loadAssignment?.endpoints ?? [];
  if (
    discovery === LOGICAL_DNS &&
    (localities.length !== 1 || localities[0]!.lbEndpoints.length !== 1)
  ) {
    const field = cluster.loadAssignment === undefined ? "load_assignment" : "endpoints";
    const text = "a LOGICAL_DNS cluster has exactly one locality with one endpoint";
    problems.error(cluster.loadAssignment ?? cluster, field, text);
    return;
  }
  for (const { lbEndpoints } of localities) {
    for (const lbEndpoint of lbEndpoints) {
      const { case: kind, value: endpoint } = lbEndpoint.hostIdentifier;
      if (kind === "endpointName") continue;
      if (endpoint?.address === undefined) {
        problems.error(
          endpoint ?? lbEndpoint,
          endpoint === undefined ? "endpoint" : "address",
          "it needs an address",
        );
      } else if (discovery === STATIC) checkIpAddress(endpoint.address, problems);
    }
  }
}

/** Envoy resolves these addresses with its IP resolver, which knows neither names nor services. */
export function checkIpAddress(address: Address, problems: SemanticContext["problems"]): void {
  if (address.address.case !== "socketAddress") return;
  const socket = address.address.value;
  if (socket.resolverName !== "" && socket.resolverName !== "envoy.ip") {
    problems.error(socket, "resolver_name", `unknown address resolver "${socket.resolverName}"`);
    return;
  }
  if (!isIp(socket.address)) {
    const hint = "names are resolved in clusters of type STRICT_DNS or LOGICAL_DNS";
    problems.error(socket, "address", `"${socket.address}" is not an IP address`, hint);
  }
  if (socket.portSpecifier.case === "namedPort") {
    problems.error(socket, "named_port", "an IP address needs port_value");
  }
}

function isProtocolOptions(name: string, { decoder }: SemanticContext): boolean {
  const known = decoder.knownTypes();
  return ["envoy.upstream_options", "envoy.filters.network", "envoy.filters.http"].some((
    category,
  ) => known.isExtensionName(category, name));
}
