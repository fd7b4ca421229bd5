/**
 * Localities by their configured weights, endpoints of each by the weights they earn (Envoy's
 * WrrLocality, which takes no other policy below it).
 */

import type { envoy_extensions_load_balancing_policies_wrr_locality_v3_WrrLocality } from "../../proto/mod.ts";
import { clientSideWeighted, compileClientSide } from "./client_side_weighted_round_robin.ts";
import { compileLocality } from "./locality_config.ts";
import type { LbPolicyFactory } from "./policy.ts";

export const wrrLocality: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.wrr_locality",
  type: "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality",
  legacy: undefined,
  compile(message, context) {
    const config = message as envoy_extensions_load_balancing_policies_wrr_locality_v3_WrrLocality;
    const picking = (config.endpointPickingPolicy?.policies ?? [])
      .map(({ typedExtensionConfig }) => typedExtensionConfig?.typedConfig)
      .find((policy) => policy?.$typeName === clientSideWeighted.type);
    // The configuration's checks have refused any other.
    if (picking === undefined) return context.compileChild(config.endpointPickingPolicy);
    const locality = { ...compileLocality(undefined), usesWeights: true };
    return compileClientSide(picking, context, locality);
  },
};
