/** `lb_subset_config` and the typed subset policy, read into one form. */

import type {
  envoy_config_cluster_v3_Cluster_LbSubsetConfig,
  envoy_extensions_load_balancing_policies_subset_v3_Subset,
} from "../../proto/mod.ts";
import { keysText, type LbMetadata, sortedKeys } from "./subset_criteria.ts";

export type SubsetMessage =
  | envoy_config_cluster_v3_Cluster_LbSubsetConfig
  | envoy_extensions_load_balancing_policies_subset_v3_Subset;

/** Where a request goes that finds no subset. */
export type Fallback = "none" | "any" | "default";

export interface Selector {
  /** Sorted. */
  readonly keys: readonly string[];
  readonly keysText: string;
  readonly isSingleHost: boolean;
  /** "keys": with fewer keys; undefined: as the cluster says. */
  readonly fallback: Fallback | "keys" | undefined;
  readonly fallbackKeys: readonly string[];
}

export interface SubsetConfig {
  readonly fallback: Fallback;
  readonly defaultSubset: LbMetadata;
  readonly selectors: readonly Selector[];
  readonly isLocalityWeightAware: boolean;
  readonly scalesLocalityWeight: boolean;
  readonly panicModeAny: boolean;
  readonly listAsAny: boolean;
  /** `fallback_list` of a request's metadata names what to try. */
  readonly usesFallbackList: boolean;
  /** A request may name more keys than a selector has. */
  readonly allowsRedundantKeys: boolean;
}

/** By LbSubsetFallbackPolicy. */
const FALLBACKS: readonly Fallback[] = ["none", "any", "default"];
/** By LbSubsetSelectorFallbackPolicy. */
const SELECTOR_FALLBACKS: readonly Selector["fallback"][] = [
  undefined,
  "none",
  "any",
  "default",
  "keys",
];
const FALLBACK_LIST = 1;

/** Fills in the defaults of a LbSubsetConfig or its typed twin, keys sorted. */
export function readSubsetConfig(message: SubsetMessage): SubsetConfig {
  return {
    fallback: FALLBACKS[message.fallbackPolicy] ?? "none",
    defaultSubset: message.defaultSubset ?? {},
    selectors: message.subsetSelectors.map((selector) => {
      const keys = sortedKeys(selector.keys);
      return {
        keys,
        keysText: keysText(keys),
        isSingleHost: selector.singleHostPerSubset,
        fallback: SELECTOR_FALLBACKS[selector.fallbackPolicy],
        fallbackKeys: sortedKeys(selector.fallbackKeysSubset),
      };
    }),
    isLocalityWeightAware: message.localityWeightAware,
    scalesLocalityWeight: message.scaleLocalityWeight,
    panicModeAny: message.panicModeAny,
    listAsAny: message.listAsAny,
    usesFallbackList: message.metadataFallbackPolicy === FALLBACK_LIST,
    allowsRedundantKeys: "allowRedundantKeys" in message && message.allowRedundantKeys,
  };
}
