/** What ring and maglev are told alike: by their own messages, or by `common_lb_config`. */

import type {
  envoy_extensions_load_balancing_policies_maglev_v3_Maglev,
  envoy_extensions_load_balancing_policies_ring_hash_v3_RingHash,
} from "../../proto/mod.ts";
import type { HashingOptions, LbPolicyContext } from "./policy.ts";

type Typed =
  | envoy_extensions_load_balancing_policies_maglev_v3_Maglev
  | envoy_extensions_load_balancing_policies_ring_hash_v3_RingHash;

/** A cluster's own `lb_policy` reads `common_lb_config`, a typed policy its own fields only. */
export function hashingOf(
  message: { readonly $typeName: string } | undefined,
  context: LbPolicyContext,
): { readonly hashing: HashingOptions; readonly usesLocalityWeights: boolean } {
  if (message === undefined || message.$typeName.startsWith("envoy.config.")) {
    return { hashing: context.hashing, usesLocalityWeights: false };
  }
  const typed = message as Typed;
  const own = typed.consistentHashingLbConfig;
  const older = "useHostnameForHashing" in typed ? typed : undefined;
  const factorPct = own?.hashBalanceFactor ?? older?.hashBalanceFactor;
  return {
    hashing: {
      useHostnameForHashing: own?.useHostnameForHashing ?? older?.useHostnameForHashing ?? false,
      ...(factorPct === undefined ? {} : { hashBalanceFactor: factorPct }),
    },
    usesLocalityWeights: typed.localityWeightedLbConfig !== undefined,
  };
}
