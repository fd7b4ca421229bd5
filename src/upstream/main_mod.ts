/**
 * Main's side of clusters: DNS, discovery, health and outliers. Workers never load it, which saves
 * each of them a tenth of its start.
 */

export { loadPartsFor } from "./main/late_parts.ts";
export { MainCluster } from "./main/main_cluster.ts";
export { compileCluster, MainClusters, type MainClustersOptions } from "./main/main_clusters.ts";
export { CLUSTER_TYPES } from "./provided/registry.ts";
