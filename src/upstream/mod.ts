export * from "./api.ts";
export * from "./cluster_stats.ts";
