/**
 * Connections opened before a request needs them (preconnect_policy): how many a pool or a cluster
 * should have, and which hosts come next. Envoy's conn_pool_base.cc and cluster_manager_impl.cc.
 */

import type { envoy_config_cluster_v3_Cluster } from "../proto/mod.ts";
import type { LoadBalancerContext } from "./api.ts";
import type { UpstreamHost } from "./host.ts";
import type { Balancer } from "./lb/policy.ts";
import { LB_POLICIES } from "./lb/registry.ts";

/** Ratios of streams provided for to streams wanted; 1: only what is needed. */
export interface PreconnectRatios {
  /** Within the pool of a host. */
  readonly perUpstream: number;
  /** Over the cluster, on the hosts that will be chosen next. */
  readonly predictive: number;
}

/** Streams of a pool or of all pools of a cluster, on this thread. */
export interface PoolLoad {
  pending: number;
  active: number;
  /** That connections, made or in the making, could take beside the active ones. */
  capacity: number;
}

/** Connections opened ahead for one request at most. */
export const MAX_PRECONNECTS = 3;

/** The ratios of a cluster, 1 where none is set. */
export function compilePreconnect(cluster: envoy_config_cluster_v3_Cluster): PreconnectRatios {
  const policy = cluster.preconnectPolicy;
  return {
    perUpstream: policy?.perUpstreamPreconnectRatio ?? 1,
    predictive: policy?.predictivePreconnectRatio ?? 1,
  };
}

/** @param anticipated streams about to come that no count has yet */
export function fallsShort(load: PoolLoad, ratio: number, anticipated: number): boolean {
  return (load.pending + load.active + anticipated) * ratio > load.capacity + load.active;
}

/** Policies whose next choice does not depend on the request. */
const FORESEEABLE: ReadonlySet<string> = new Set([
  "envoy.load_balancing_policies.least_request",
  "envoy.load_balancing_policies.random",
  "envoy.load_balancing_policies.round_robin",
]);

/** Whether hosts are chosen ahead of their requests; with policies that cannot, nothing is predicted. */
export function canForesee(cluster: envoy_config_cluster_v3_Cluster): boolean {
  if (compilePreconnect(cluster).predictive <= 1) return false;
  const list = cluster.loadBalancingPolicy;
  if (list === undefined) {
    const row = LB_POLICIES.find(({ legacy }) => legacy === cluster.lbPolicy);
    return (cluster.lbSubsetConfig?.subsetSelectors.length ?? 0) === 0 && row !== undefined &&
      FORESEEABLE.has(row.name);
  }
  for (const { typedExtensionConfig } of list.policies) {
    const type = typedExtensionConfig?.typedConfig?.$typeName;
    const row = LB_POLICIES.find((known) => known.type === type);
    if (row !== undefined) return FORESEEABLE.has(row.name);
  }
  return true;
}

/** Hosts chosen ahead: requests get them in that order, so that connections are where they go. */
export class HostPreview {
  readonly #balancer: Balancer;
  readonly #next: UpstreamHost[] = [];

  constructor(balancer: Balancer) {
    this.#balancer = balancer;
  }

  /** One host further ahead; undefined once there are as many as `limit`. */
  peek(limit: number): UpstreamHost | undefined {
    if (this.#next.length >= limit) return undefined;
    const host = this.#balancer.chooseHost(undefined);
    if (host !== undefined) this.#next.push(host);
    return host;
  }

  /** The host that was chosen first; undefined if there is none, or not for this request. */
  take(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const host = this.#next[0];
    if (host === undefined || context?.shouldSelectAnotherHost(host) === true) return undefined;
    this.#next.shift();
    return host;
  }

  /** Hosts or their health changed. */
  clear(): void {
    this.#next.length = 0;
  }
}
