export * from "./api.ts";
export { SharedBreaker, type Thresholds } from "./circuit_breaker.ts";
export { loadCodecs } from "./codecs.ts";
export { ClusterFacts } from "./cluster_info.ts";
export * from "./cluster_stats.ts";
export { CLUSTER_TYPES } from "./provided/registry.ts";
export type { DynamicForwardProxy } from "./provided/dynamic_forward_proxy.ts";
export type * from "./dns_cache/api.ts";
export type { DnsQuestion, WorkerDnsCaches } from "./dns_cache/worker_caches.ts";
export { DYNAMIC_FORWARD_PROXY } from "./provided/names.ts";
export type * from "./dns/resolver.ts";
export * from "./health_flags.ts";
export { HOST_STAT, HOST_STATS } from "./host_memory.ts";
export { UpstreamHost } from "./host.ts";
export { PreviousPriorities } from "./lb/previous_priorities.ts";
export { parseLoadReport } from "./load_report.ts";
export type {
  ResourceEvents,
  Resources,
  ResourceSource,
  Subscriber,
  Subscription,
} from "./main/subscription.ts";
export type { ClusterSnapshot, HostSnapshot } from "./main/snapshot.ts";
export { ORIGINAL_DST_STATE, parseIpAndPort } from "./provided/original_dst.ts";
export * from "./resource.ts";
export { CodeTree, ResponseCodes } from "./response_codes.ts";
export {
  type ClientTls,
  type Connector,
  SOCKET_CONNECTOR,
  type TlsCompiler,
  type TransportChoice,
} from "./transport.ts";
export { upstreamInfoOf } from "./upstream_info.ts";
export { type ClusterParts, WorkerCluster } from "./worker_cluster.ts";
export { WorkerClusterManager } from "./worker_cluster_manager.ts";
