/**
 * The least busy of a few random hosts: O(1), and no herd onto one newly idle host. With weights,
 * earliest deadline first, where a host's weight falls as its requests rise.
 */

import type { Random } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_LeastRequestLbConfig,
  envoy_extensions_load_balancing_policies_least_request_v3_LeastRequest,
} from "../../proto/mod.ts";
import type { UpstreamHost } from "../host.ts";
import { behindPriorities } from "./load_balancer.ts";
import { localityOf } from "./locality_config.ts";
import type { HostPicker, LbPolicyFactory } from "./policy.ts";
import { EdfPicker, haveEqualWeights } from "./round_robin.ts";
import { compileSlowStart } from "./slow_start.ts";

type Typed = envoy_extensions_load_balancing_policies_least_request_v3_LeastRequest;
type Message = Typed | envoy_config_cluster_v3_Cluster_LeastRequestLbConfig;

const SEED_BOUND = 1 << 20;
/** `LeastRequest.SelectionMethod`. */
const FULL_SCAN = 1;

class ChoicePicker implements HostPicker {
  readonly #hosts: readonly UpstreamHost[];
  readonly #choices: number;
  readonly #random: Random;

  constructor(hosts: readonly UpstreamHost[], choices: number, random: Random) {
    this.#hosts = hosts;
    this.#choices = choices;
    this.#random = random;
  }

  pick(): UpstreamHost | undefined {
    const hosts = this.#hosts;
    const size = hosts.length;
    if (size < 2) return hosts[0];
    let best = hosts[this.#random.below(size)]!;
    let least = best.totalActiveRequests();
    for (let i = 1; i < this.#choices; i++) {
      const host = hosts[this.#random.below(size)]!;
      const active = host.totalActiveRequests();
      if (active < least) {
        best = host;
        least = active;
      }
    }
    return best;
  }
}

/** Looks at all hosts; equals are drawn from alike (reservoir sampling). */
class ScanPicker implements HostPicker {
  readonly #hosts: readonly UpstreamHost[];
  readonly #random: Random;

  constructor(hosts: readonly UpstreamHost[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): UpstreamHost | undefined {
    let best: UpstreamHost | undefined;
    let least = Infinity;
    let ties = 0;
    for (let i = 0; i < this.#hosts.length; i++) {
      const host = this.#hosts[i]!;
      const active = host.totalActiveRequests();
      if (active < least) {
        best = host;
        least = active;
        ties = 1;
      } else if (active === least && this.#random.below(++ties) === 0) {
        best = host;
      }
    }
    return best;
  }
}

export const leastRequest: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.least_request",
  type: "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
  legacy: 1,
  legacyConfig: "leastRequestLbConfig",
  compile(message, context) {
    const config = message as Message | undefined;
    const slowStart = compileSlowStart(config, context);
    const choices = config?.choiceCount ?? 2;
    const isFullScan = config !== undefined && "selectionMethod" in config &&
      (config.enableFullScan === true || config.selectionMethod === FULL_SCAN);
    const bias = config?.activeRequestBias;
    const readBias = (): number =>
      bias === undefined ? 1 : context.runtime.number(bias.runtimeKey, bias.defaultValue);
    const weightOf = (host: UpstreamHost): number => {
      const exponent = readBias();
      const weight = slowStart === undefined ? host.weight : host.weight * slowStart.factorOf(host);
      if (exponent === 0) return weight;
      const busy = host.totalActiveRequests() + 1;
      return weight / (exponent === 1 ? busy : busy ** exponent);
    };
    return behindPriorities({
      locality: localityOf(config),
      createPicker(hosts) {
        const isStarting = slowStart?.begin(hosts) === true;
        if (isStarting || !haveEqualWeights(hosts)) {
          return new EdfPicker(hosts, weightOf, context.random.below(SEED_BOUND));
        }
        return isFullScan
          ? new ScanPicker(hosts, context.random)
          : new ChoicePicker(hosts, choices, context.random);
      },
    });
  },
};
