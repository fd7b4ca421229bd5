/** What typed policies say about localities. */

import type { Problems } from "../../base/mod.ts";
import type { envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig } from "../../proto/mod.ts";

interface WithLocality {
  readonly localityLbConfig?: envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig;
}

/** Whether a typed policy's `locality_lb_config` asks for weights of localities. */
export function usesLocalityWeights(config: object | undefined): boolean {
  const specifier = (config as WithLocality | undefined)?.localityLbConfig?.localityConfigSpecifier;
  return specifier?.case === "localityWeightedLbConfig";
}

/** Whether a typed policy's `locality_lb_config` sends nothing to a priority in panic. */
export function failsTrafficOnPanic(config: object | undefined): boolean {
  const specifier = (config as WithLocality | undefined)?.localityLbConfig?.localityConfigSpecifier;
  return specifier?.case === "zoneAwareLbConfig" && specifier.value.failTrafficOnPanic;
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
