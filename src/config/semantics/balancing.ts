/** How a cluster balances: fields that do not go together, tables and subsets of impossible shapes. */

import type {
  envoy_config_cluster_v3_Cluster as Cluster,
  envoy_config_cluster_v3_Cluster_LbSubsetConfig_LbSubsetSelector as Selector,
  envoy_extensions_load_balancing_policies_subset_v3_Subset_LbSubsetSelector as TypedSelector,
} from "../../proto/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

type Problems = SemanticContext["problems"];

/** LbSubsetSelectorFallbackPolicy. */
const KEYS_SUBSET = 4;
const CLIENT_SIDE_WEIGHTED =
  "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin";

/** Checks by message type. */
export const BALANCING_CHECKS: Checks = {
  "envoy.config.cluster.v3.Cluster.MaglevLbConfig": checkTableSize,
  "envoy.extensions.load_balancing_policies.maglev.v3.Maglev": checkTableSize,
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector": checkSelector,
  "envoy.extensions.load_balancing_policies.subset.v3.Subset.LbSubsetSelector": checkSelector,
  "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality": (policy, context) => {
    const types = (policy.endpointPickingPolicy?.policies ?? [])
      .map(({ typedExtensionConfig }) => typedExtensionConfig?.typedConfig?.$typeName);
    if (types.includes(CLIENT_SIDE_WEIGHTED)) return;
    const text = "only client_side_weighted_round_robin picks endpoints behind wrr_locality";
    context.problems.error(policy, "endpoint_picking_policy", text);
  },
};

/** Two ways to say how a cluster balances do not go together. */
export function checkPolicyFields(cluster: Cluster, problems: Problems): void {
  const locality = cluster.commonLbConfig?.localityConfigSpecifier.case;
  const subsets = cluster.lbSubsetConfig;
  if (cluster.loadBalancingPolicy !== undefined) {
    const names: string[] = [];
    if (subsets !== undefined) names.push("lb_subset_config");
    if (locality === "zoneAwareLbConfig") names.push("zone_aware_lb_config");
    if (locality === "localityWeightedLbConfig") names.push("locality_weighted_lb_config");
    if (cluster.commonLbConfig?.consistentHashingLbConfig !== undefined) {
      names.push("consistent_hashing_lb_config");
    }
    for (const name of names) {
      const text = `it cannot be combined with ${name}`;
      problems.error(cluster, "load_balancing_policy", text, "the policy has such fields itself");
    }
  }
  if (subsets?.localityWeightAware && locality !== "localityWeightedLbConfig") {
    const text = "subsets that heed the weights of localities need a locality_weighted_lb_config";
    problems.error(subsets, "locality_weight_aware", text);
  }
}

function checkTableSize(
  config: { readonly $typeName: string; readonly tableSize?: bigint },
  { problems }: SemanticContext,
): void {
  const size = config.tableSize;
  if (size === undefined || isPrime(Number(size))) return;
  problems.error(config, "table_size", `a maglev table's size is a prime number, not ${size}`);
}

/** The size is bounded by 5,000,011. */
function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) {
    if (value % divisor === 0) return false;
  }
  return true;
}

function checkSelector(selector: Selector | TypedSelector, { problems }: SemanticContext): void {
  const { keys, fallbackKeysSubset: fewer, fallbackPolicy } = selector;
  const complain = (text: string): void => problems.error(selector, "fallback_keys_subset", text);
  if (fallbackPolicy !== KEYS_SUBSET) {
    if (fewer.length > 0) complain("it goes with the fallback policy KEYS_SUBSET only");
    return;
  }
  if (fewer.length === 0) complain("KEYS_SUBSET needs some keys to fall back to");
  else if (fewer.some((key) => !keys.includes(key))) complain("it has a key that keys has not");
  else if (keys.every((key) => fewer.includes(key))) complain("it has all the keys already tried");
}
