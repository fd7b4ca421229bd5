/** Which policy a cluster uses: `load_balancing_policy`, or the older `lb_policy` and its config. */

import type {
  AnyMessage,
  envoy_config_cluster_v3_Cluster,
  envoy_config_cluster_v3_LoadBalancingPolicy,
} from "../../proto/mod.ts";
import { compileLocality } from "./locality_config.ts";
import type { BalancerOptions, LbPolicy, LbPolicyContext, LbPolicyFactory } from "./policy.ts";
import { LB_POLICIES } from "./registry.ts";
import { readSubsetConfig } from "./subset_config.ts";
import { behindSubsets } from "./subset.ts";
import { roundRobin } from "./round_robin.ts";

type Cluster = envoy_config_cluster_v3_Cluster;

/** `Cluster.LbPolicy` by its number. */
const LEGACY_NAMES: readonly string[] = [
  "ROUND_ROBIN",
  "LEAST_REQUEST",
  "RING_HASH",
  "RANDOM",
  "",
  "MAGLEV",
  "CLUSTER_PROVIDED",
  "LOAD_BALANCING_POLICY_CONFIG",
];
const CLUSTER_PROVIDED = 6;
const LOAD_BALANCING_POLICY_CONFIG = 7;
const CLUSTER_PROVIDED_TYPE =
  "envoy.extensions.load_balancing_policies.cluster_provided.v3.ClusterProvided";

export interface CompiledBalancing {
  readonly policy: LbPolicy;
  /** What `common_lb_config` tells every policy. */
  readonly common: Pick<
    BalancerOptions,
    "healthyPanicThreshold" | "locality"
  >;
}

/**
 * The policy of a cluster with its config compiled, and the cluster's panic threshold in percent.
 */
export function compileBalancing(
  cluster: Cluster,
  parts: Omit<LbPolicyContext, "hashing" | "compileChild">,
): CompiledBalancing {
  const common = cluster.commonLbConfig;
  const hashing = common?.consistentHashingLbConfig ?? { useHostnameForHashing: false };
  const context: LbPolicyContext = {
    ...parts,
    hashing,
    compileChild: (list) => compileList(list, cluster, context),
  };
  const policy = compilePolicy(cluster, context);
  const subsets = cluster.lbSubsetConfig;
  // Without selectors Envoy leaves the fallback policy aside as well.
  const hasSubsets = cluster.loadBalancingPolicy === undefined &&
    (subsets?.subsetSelectors.length ?? 0) > 0;
  return {
    policy: hasSubsets ? behindSubsets(readSubsetConfig(subsets!), policy) : policy,
    common: {
      healthyPanicThreshold: common?.healthyPanicThreshold?.value ?? 50,
      locality: compileLocality(common),
    },
  };
}

function compilePolicy(cluster: Cluster, context: LbPolicyContext): LbPolicy {
  const list = cluster.loadBalancingPolicy;
  return list === undefined ? compileLegacy(cluster, context) : compileList(list, cluster, context);
}

function compileList(
  list: envoy_config_cluster_v3_LoadBalancingPolicy | undefined,
  cluster: Cluster,
  context: LbPolicyContext,
): LbPolicy {
  const known: AnyMessage[] = [];
  for (const entry of list?.policies ?? []) {
    const config = entry.typedExtensionConfig?.typedConfig;
    if (config === undefined) continue;
    known.push(config);
    // The cluster's own balancer stands before any policy.
    if (config.$typeName === CLUSTER_PROVIDED_TYPE) return roundRobin.compile(undefined, context);
    const factory = LB_POLICIES.find((row) => row.type === config.$typeName);
    if (factory !== undefined) return factory.compile(config, context);
  }
  // Unknown names are skipped, as Envoy does; a list of nothing else is a problem.
  const names = known.map((config) => config.$typeName).join(", ");
  context.problems.unsupported(
    cluster,
    "load_balancing_policy",
    names === "" ? "it has no policy; round robin is used" : `round robin replaces ${names}`,
    true,
  );
  return roundRobin.compile(undefined, context);
}

function compileLegacy(cluster: Cluster, context: LbPolicyContext): LbPolicy {
  if (cluster.lbPolicy === LOAD_BALANCING_POLICY_CONFIG) {
    context.problems.error(
      cluster,
      "lb_policy",
      "cluster: field load_balancing_policy need to be set",
      "LOAD_BALANCING_POLICY_CONFIG asks for it",
    );
  }
  const rows: readonly LbPolicyFactory[] = LB_POLICIES;
  const factory = rows.find((row) => row.legacy === cluster.lbPolicy);
  if (factory !== undefined) {
    const { case: kind, value } = cluster.lbConfig;
    return factory.compile(kind === factory.legacyConfig ? value : undefined, context);
  }
  // A type that should provide a balancer and is not known has been told as such.
  if (cluster.lbPolicy !== CLUSTER_PROVIDED) {
    const name = LEGACY_NAMES[cluster.lbPolicy] ?? String(cluster.lbPolicy);
    context.problems.unsupported(cluster, "lb_policy", `round robin replaces ${name}`);
  }
  return roundRobin.compile(undefined, context);
}
