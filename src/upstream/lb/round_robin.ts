/** Hosts in turn; with weights, earliest deadline first. */

import type {
  envoy_config_cluster_v3_Cluster_RoundRobinLbConfig,
  envoy_extensions_load_balancing_policies_round_robin_v3_RoundRobin,
} from "../../proto/mod.ts";
import type { UpstreamHost } from "../host.ts";
import { EdfScheduler } from "./edf.ts";
import { behindPriorities } from "./load_balancer.ts";
import { localityOf, type LocalityOptions } from "./locality_config.ts";
import type { HostPicker, LbPolicyContext, LbPolicyFactory, PickingPolicy } from "./policy.ts";
import { compileSlowStart, type SlowStart } from "./slow_start.ts";

type Message =
  | envoy_extensions_load_balancing_policies_round_robin_v3_RoundRobin
  | envoy_config_cluster_v3_Cluster_RoundRobinLbConfig;

/** More than any list is long, less than what loses precision. */
const SEED_BOUND = 1 << 20;

class TurnPicker implements HostPicker {
  readonly #hosts: readonly UpstreamHost[];
  next: number;

  constructor(hosts: readonly UpstreamHost[], next: number) {
    this.#hosts = hosts;
    this.next = next;
  }

  pick(): UpstreamHost | undefined {
    const hosts = this.#hosts;
    if (hosts.length === 0) return undefined;
    if (this.next >= hosts.length) this.next %= hosts.length;
    return hosts[this.next++];
  }
}

/** Weighted choice in a fixed cycle; also what least request does when weights differ. */
export class EdfPicker implements HostPicker {
  readonly #scheduler: EdfScheduler<UpstreamHost>;
  readonly #weightOf: (host: UpstreamHost) => number;

  constructor(
    hosts: readonly UpstreamHost[],
    weightOf: (host: UpstreamHost) => number,
    picks: number,
  ) {
    this.#scheduler = EdfScheduler.afterPicks(hosts, weightOf, picks);
    this.#weightOf = weightOf;
  }

  pick(): UpstreamHost | undefined {
    return this.#scheduler.pick(this.#weightOf);
  }
}

const ownWeight = (host: UpstreamHost): number => host.weight;

/** Whether a plain turn does the same as weights would. */
export function haveEqualWeights(
  hosts: readonly UpstreamHost[],
  weightOf: (host: UpstreamHost) => number = ownWeight,
): boolean {
  const first = hosts[0];
  if (first === undefined) return true;
  const weight = weightOf(first);
  return hosts.every((host) => weightOf(host) === weight);
}

/** Hosts in turn by some weight, which slow start may lower for a while. */
export function weightedTurns(
  context: Pick<LbPolicyContext, "random">,
  options: {
    readonly weightOf: (host: UpstreamHost) => number;
    readonly slowStart: SlowStart | undefined;
    readonly locality: LocalityOptions | undefined;
  },
): PickingPolicy {
  const { weightOf, slowStart } = options;
  const weightNow = slowStart === undefined
    ? weightOf
    : (host: UpstreamHost): number => weightOf(host) * slowStart.factorOf(host);
  return {
    locality: options.locality,
    createPicker(hosts, previous) {
      const seed = context.random.below(SEED_BOUND);
      const isStarting = slowStart?.begin(hosts) === true;
      if (isStarting || !haveEqualWeights(hosts, weightOf)) {
        return new EdfPicker(hosts, weightNow, seed);
      }
      return new TurnPicker(hosts, previous instanceof TurnPicker ? previous.next : seed);
    },
  };
}

export const roundRobin: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.round_robin",
  type: "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin",
  legacy: 0,
  legacyConfig: "roundRobinLbConfig",
  compile(message, context) {
    const config = message as Message | undefined;
    return behindPriorities(weightedTurns(context, {
      weightOf: ownWeight,
      slowStart: compileSlowStart(config, context),
      locality: localityOf(config),
    }));
  },
};
