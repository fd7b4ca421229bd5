/** What a load-balancing policy is: a way to build a picker for any list of hosts. */

import type { Random } from "../../base/mod.ts";
import type { Problems } from "../../base/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import type { LoadBalancerContext } from "../api.ts";
import type { UpstreamHost } from "../host.ts";

/** Chooses among a fixed list of hosts. */
export interface HostPicker {
  pick(context: LoadBalancerContext | undefined): UpstreamHost | undefined;
}

/** A compiled policy of one cluster on one thread. */
export interface LbPolicy {
  /** Whether the request's hash also chooses the priority. */
  readonly usesHash: boolean;
  /** @param previous the picker of the same list before an update, whose place may be kept */
  createPicker(hosts: readonly UpstreamHost[], previous: HostPicker | undefined): HostPicker;
  /** Spread over localities, where the policy's own configuration says so. */
  readonly usesLocalityWeights: boolean;
}

export interface LbPolicyContext {
  readonly problems: Problems;
  readonly random: Random;
  readonly runtime: Runtime;
}

/** One registry row. */
export interface LbPolicyFactory {
  readonly name: string;
  /** Type of the typed configuration. */
  readonly type: string;
  /** Value of `Cluster.LbPolicy` that means the same; undefined if none. */
  readonly legacy: number | undefined;
  /** @param message the typed configuration, or the cluster's `*_lb_config`, or undefined */
  compile(message: object | undefined, context: LbPolicyContext): LbPolicy;
}
