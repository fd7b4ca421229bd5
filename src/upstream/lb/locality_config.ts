/** What `common_lb_config` and typed policies say about localities, defaults filled in. */

import type {
  envoy_config_cluster_v3_Cluster_CommonLbConfig,
  envoy_config_cluster_v3_Cluster_CommonLbConfig_ZoneAwareLbConfig,
  envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig,
  envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig_ZoneAwareLbConfig,
} from "../../proto/mod.ts";

type Common = envoy_config_cluster_v3_Cluster_CommonLbConfig;
type Typed = envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig;
type ZoneMessage =
  | envoy_config_cluster_v3_Cluster_CommonLbConfig_ZoneAwareLbConfig
  | envoy_extensions_load_balancing_policies_common_v3_LocalityLbConfig_ZoneAwareLbConfig;

/** How requests are kept in the proxy's own zone, where a local cluster is named. */
export interface ZoneOptions {
  /** Percent of requests that are routed by zone at all. */
  readonly routingEnabledPct: number;
  /** Healthy hosts below which zones do not count. */
  readonly minClusterSize: number;
  /** All to the own zone while it has a healthy host. */
  readonly isDirectForced: boolean;
  /** All to the own zone while it has this many healthy hosts; undefined: by capacity. */
  readonly forcedFromHosts: number | undefined;
  /** Capacity is the sum of weights, not the number of hosts. */
  readonly countsWeights: boolean;
}

/** How localities bear on the choice of a host. */
export interface LocalityOptions {
  /** Localities get requests by their configured weights. */
  readonly usesWeights: boolean;
  /** No host in panic. */
  readonly failsTrafficOnPanic: boolean;
  readonly zones: ZoneOptions;
}

const MIN_CLUSTER_SIZE = 6;
/** `ZoneAwareLbConfig.LocalityBasis`. */
const HEALTHY_HOSTS_WEIGHT = 1;

/** The options of a cluster's `common_lb_config` or of a policy's `locality_lb_config`. */
export function compileLocality(message: Common | Typed | undefined): LocalityOptions {
  const specifier = message?.localityConfigSpecifier;
  const zones = specifier?.case === "zoneAwareLbConfig" ? specifier.value : undefined;
  return {
    usesWeights: specifier?.case === "localityWeightedLbConfig",
    failsTrafficOnPanic: zones?.failTrafficOnPanic ?? false,
    zones: compileZones(zones),
  };
}

/**
 * What a policy's own configuration says; undefined for the older `lb_policy`, which goes by the
 * cluster's `common_lb_config`.
 */
export function localityOf(config: object | undefined): LocalityOptions | undefined {
  const message = config as
    | { readonly $typeName: string; readonly localityLbConfig?: Typed }
    | undefined;
  if (message === undefined || message.$typeName.startsWith("envoy.config.")) return undefined;
  return compileLocality(message.localityLbConfig);
}

function compileZones(message: ZoneMessage | undefined): ZoneOptions {
  const typed = message !== undefined && "localityBasis" in message ? message : undefined;
  const forced = typed?.forceLocalZone;
  return {
    routingEnabledPct: Math.round(message?.routingEnabled?.value ?? 100),
    minClusterSize: Number(message?.minClusterSize ?? MIN_CLUSTER_SIZE),
    isDirectForced: typed?.forceLocalityDirectRouting ?? false,
    forcedFromHosts: forced === undefined ? undefined : forced.minSize ?? 1,
    countsWeights: typed?.localityBasis === HEALTHY_HOSTS_WEIGHT,
  };
}
