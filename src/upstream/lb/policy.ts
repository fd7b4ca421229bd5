/** What a load-balancing policy is: a way to build a cluster's balancer on one thread. */

import type { Clock, Dispatcher, Problems, Random } from "../../base/mod.ts";
import type { envoy_config_cluster_v3_LoadBalancingPolicy } from "../../proto/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import type { Scope, StatGroup } from "../../stats/mod.ts";
import type { HostWait, LoadBalancerContext } from "../api.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { TableData } from "../resource.ts";
import type { LocalityOptions } from "./locality_config.ts";
import type { Locality } from "./zones.ts";

/** Chooses the hosts of one cluster, or of a subset of it, on one thread. */
export interface Balancer {
  /**
   * Takes over changed hosts; `sets` are in order of their priorities, without gaps.
   * @param tables laid out by main for these sets
   */
  refresh(sets: readonly HostSet[], tables?: readonly TableData[]): void;
  /** What other threads may take over instead of laying it out again. */
  readonly tables?: readonly TableData[] | undefined;
  /** The local cluster's hosts changed; absent where zones do not count. */
  refreshLocal?(): void;
  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined;
  /** See `Cluster.awaitHost`. */
  awaitHost?(context: LoadBalancerContext, onDone: (details: string) => void): HostWait;
}

/** What a cluster tells its balancers. */
export interface BalancerOptions {
  /** Percent of hosts that must be usable, else all are used. */
  readonly healthyPanicThreshold: number;
  /** What `common_lb_config` says of localities. */
  readonly locality: LocalityOptions;
  /** Undefined where the bootstrap names no local cluster. */
  readonly local: LocalCluster | undefined;
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  /** By CLUSTER_STATS. */
  readonly stats: StatGroup;
  /** The cluster's scope. */
  readonly scope: Scope;
  /** Thread 0: the one that sets gauges which would else be summed over threads. */
  readonly isMain: boolean;
  /** Requests under way in the cluster, on all threads. */
  readonly activeRequests: () => number;
}

/** Where this proxy is, and the cluster of its peers (`local_cluster_name`). */
export interface LocalCluster {
  readonly name: string;
  /** `node.locality`. */
  readonly locality: Locality | undefined;
  /** The peers of the first priority as they are now. */
  readonly hosts: HostSet | undefined;
}

/** A compiled policy of one cluster on one thread. */
export interface LbPolicy {
  createBalancer(options: BalancerOptions): Balancer;
}

/** Chooses among a fixed list of hosts. */
export interface HostPicker {
  pick(context: LoadBalancerContext | undefined): UpstreamHost | undefined;
}

/** A policy that looks at one list of hosts at a time; priorities and localities come before it. */
export interface PickingPolicy {
  /** @param previous the picker of the same list before an update, whose place may be kept */
  createPicker(hosts: readonly UpstreamHost[], previous: HostPicker | undefined): HostPicker;
  /** What the policy's own configuration says; undefined: as the cluster's does. */
  readonly locality: LocalityOptions | undefined;
}

export interface LbPolicyContext {
  readonly problems: Problems;
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: Runtime;
  /** `common_lb_config.consistent_hashing_lb_config`, which typed policies do not use. */
  readonly hashing: HashingOptions;
  /** Compiles the policy behind another one: the first known of a list. */
  compileChild(list: envoy_config_cluster_v3_LoadBalancingPolicy | undefined): LbPolicy;
}

/** What consistent hashing may be told outside of its own configuration. */
export interface HashingOptions {
  readonly useHostnameForHashing: boolean;
  /** Percent of the mean load that a host may have; undefined: no bound. */
  readonly hashBalanceFactor?: number;
}

/** One registry row. */
export interface LbPolicyFactory {
  readonly name: string;
  /** Type of the typed configuration. */
  readonly type: string;
  /** Value of `Cluster.LbPolicy` that means the same; undefined if none. */
  readonly legacy: number | undefined;
  /** The case of `Cluster.lb_config` that configures it as such. */
  readonly legacyConfig?: string;
  /** @param message the typed configuration, or the cluster's `*_lb_config`, or undefined */
  compile(message: object | undefined, context: LbPolicyContext): LbPolicy;
}
