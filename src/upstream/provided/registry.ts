/** The clusters that bring their own balancer, by type. */

import type { ExtensionRow } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_extensions_clusters_aggregate_v3_ClusterConfig,
  envoy_extensions_clusters_original_dst_v3_OriginalDstCluster,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { aggregate } from "./aggregate.ts";
import { originalDst } from "./original_dst.ts";
import type { ProvidedPolicy } from "./policy.ts";

/** `Cluster.DiscoveryType.ORIGINAL_DST`. */
const ORIGINAL_DST = 4;

/** One kind of cluster that is an extension: how its typed configuration becomes a policy. */
export interface ProvidedRow {
  readonly type: string;
  compile(config: object): ProvidedPolicy;
}

export const PROVIDED: readonly ProvidedRow[] = [
  {
    type: "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
    compile: (config) => aggregate(config as envoy_extensions_clusters_aggregate_v3_ClusterConfig),
  },
  {
    type: "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster",
    compile: (config) =>
      originalDst(config as envoy_extensions_clusters_original_dst_v3_OriginalDstCluster),
  },
];

/** A kind that few use: loaded when configured, and found as an extension of the thread. */
export interface ProvidedFactory {
  readonly name: string;
  readonly type: string;
  /** @param isTls whether hosts are reached over TLS */
  compile(config: object, context: CompileContext, isTls: boolean): ProvidedPolicy;
}

export const CLUSTER_TYPES = [
  {
    name: "envoy.clusters.dynamic_forward_proxy",
    type: "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
    load: async () => (await import("./dynamic_forward_proxy.ts")).dynamicForwardProxy,
  },
] as const satisfies readonly ExtensionRow<ProvidedFactory>[];

/** The balancer a cluster brings with it; undefined for those that are balanced by a policy. */
export function compileProvided(
  cluster: envoy_config_cluster_v3_Cluster,
  context: CompileContext,
  isTls: boolean,
): ProvidedPolicy | undefined {
  const kind = cluster.clusterDiscoveryType;
  if (kind.case === "type") {
    if (kind.value !== ORIGINAL_DST) return undefined;
    const { lbConfig } = cluster;
    return originalDst(lbConfig.case === "originalDstLbConfig" ? lbConfig.value : undefined);
  }
  if (kind.case !== "clusterType") return undefined;
  const config = kind.value.typedConfig;
  if (config === undefined) {
    return kind.value.name === "envoy.cluster.original_dst" ? originalDst(undefined) : undefined;
  }
  const row = PROVIDED.find(({ type }) => type === config.$typeName);
  if (row !== undefined) return row.compile(config);
  return context.extension<ProvidedFactory>("cluster_type", config.$typeName)
    ?.compile(config, context, isTls);
}
