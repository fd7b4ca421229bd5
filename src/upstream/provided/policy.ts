/**
 * Clusters that bring their balancer with them (`lb_policy: CLUSTER_PROVIDED`): what a cluster lets
 * such a balancer see and do.
 */

import type { Address } from "../../base/mod.ts";
import type { Balancer, BalancerOptions } from "../lb/policy.ts";
import type { LoadBalancerContext } from "../api.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";

/** Another cluster of the thread, as an aggregate of clusters sees it. */
export interface MemberCluster {
  /** By priority; another array after each change of hosts or of their health. */
  readonly hostSets: readonly HostSet[];
  /** The balancer's choice, which counts nothing where it finds no host. */
  pickHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined;
}

/** The cluster around a provided balancer. */
export interface ProvidingCluster {
  /** The cluster of that name as it is now. */
  member(name: string): MemberCluster | undefined;
  /**
   * A host of this thread's own for an address that no host has; main hears of it, gives it its
   * place, and takes it away when nobody uses it any more.
   */
  meetHost(address: Address): UpstreamHost;
}

/** The compiled policy of a cluster that brings its own. */
export interface ProvidedPolicy {
  createBalancer(options: BalancerOptions, cluster: ProvidingCluster): Balancer;
}
