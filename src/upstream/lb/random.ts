/** Any host, all alike: weights count for nothing. */

import type { envoy_extensions_load_balancing_policies_random_v3_Random } from "../../proto/mod.ts";
import type { Random } from "../../base/mod.ts";
import type { UpstreamHost } from "../host.ts";
import { behindPriorities } from "./load_balancer.ts";
import { localityOf } from "./locality_config.ts";
import type { HostPicker, LbPolicyFactory } from "./policy.ts";

class RandomPicker implements HostPicker {
  readonly #hosts: readonly UpstreamHost[];
  readonly #random: Random;

  constructor(hosts: readonly UpstreamHost[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
  }

  pick(): UpstreamHost | undefined {
    const hosts = this.#hosts;
    return hosts.length < 2 ? hosts[0] : hosts[this.#random.below(hosts.length)];
  }
}

export const random: LbPolicyFactory = {
  name: "envoy.load_balancing_policies.random",
  type: "envoy.extensions.load_balancing_policies.random.v3.Random",
  legacy: 3,
  compile(message, context) {
    const config = message as
      | envoy_extensions_load_balancing_policies_random_v3_Random
      | undefined;
    return behindPriorities({
      locality: localityOf(config),
      createPicker: (hosts) => new RandomPicker(hosts, context.random),
    });
  },
};
