/** Clusters whose hosts requests name, as others recognise them; their code loads where there are any. */

import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";

/** Type of the configuration of clusters whose hosts requests name. */
export const DYNAMIC_FORWARD_PROXY =
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";

/** Whether requests name the hosts of this cluster. */
export function isDynamicForward(
  { clusterDiscoveryType: kind }: envoy_config_cluster_v3_Cluster,
): boolean {
  return kind.case === "clusterType" && kind.value.typedConfig?.$typeName === DYNAMIC_FORWARD_PROXY;
}
