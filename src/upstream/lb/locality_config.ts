/** What typed policies say about localities and slow start. */

import type { Problems } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_SlowStartConfig,
  envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig,
  envoy_extensions_load_balancing_policies_common_v3_SlowStartConfig,
} from "../../proto/mod.ts";

interface WithLocality {
  readonly localityLbConfig?: envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig;
}

interface WithSlowStart {
  readonly slowStartConfig?:
    | envoy_extensions_load_balancing_policies_common_v3_SlowStartConfig
    | envoy_config_cluster_v3_Cluster_SlowStartConfig;
}

/** Whether a typed policy's `locality_lb_config` asks for weights of localities. */
export function usesLocalityWeights(config: object | undefined): boolean {
  const specifier = (config as WithLocality | undefined)?.localityLbConfig?.localityConfigSpecifier;
  return specifier?.case === "localityWeightedLbConfig";
}

/** Reports `zone_aware_lb_config` of a typed policy, which has no effect here. */
export function checkLocality(config: object | undefined, problems: Problems): void {
  const locality = (config as WithLocality | undefined)?.localityLbConfig;
  if (locality?.localityConfigSpecifier.case === "zoneAwareLbConfig") {
    problems.unsupported(
      locality,
      "zone_aware_lb_config",
      "requests are spread over all zones alike",
    );
  }
}

/** Reports `slow_start_config` of a typed policy, which has no effect here. */
export function checkSlowStart(config: object | undefined, problems: Problems): void {
  if (config !== undefined && (config as WithSlowStart).slowStartConfig !== undefined) {
    problems.unsupported(config, "slow_start_config", "new hosts get their full share at once");
  }
}
