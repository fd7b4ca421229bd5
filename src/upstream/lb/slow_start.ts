/**
 * Slow start: a host that became healthy gets its share little by little, while its caches warm
 * (Envoy's EdfLoadBalancerBase).
 */

import { type Clock, durationMsOr } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_SlowStartConfig,
  envoy_extensions_load_balancing_policies_common_v3_SlowStartConfig,
} from "../../proto/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import type { UpstreamHost } from "../host.ts";
import type { LbPolicyContext } from "./policy.ts";

type Message =
  | envoy_extensions_load_balancing_policies_common_v3_SlowStartConfig
  | envoy_config_cluster_v3_Cluster_SlowStartConfig;

const MIN_WEIGHT_PCT = 10;

/** The slow start of a policy's configuration; undefined if it has none, or no window. */
export function compileSlowStart(
  config: object | undefined,
  context: LbPolicyContext,
): SlowStart | undefined {
  const message = (config as { readonly slowStartConfig?: Message } | undefined)?.slowStartConfig;
  const windowMs = durationMsOr(message?.slowStartWindow, 0);
  return message === undefined || windowMs <= 0 ? undefined : new SlowStart(message, context);
}

/** What part of its weight a host has at this moment. */
export class SlowStart {
  readonly #windowMs: number;
  readonly #minFactor: number;
  readonly #readAggression: () => number;
  readonly #clock: Clock;
  /** When the last host became healthy. */
  #latestMs = -Infinity;

  constructor(
    message: Message,
    { clock, runtime }: { readonly clock: Clock; readonly runtime: Runtime },
  ) {
    this.#windowMs = durationMsOr(message.slowStartWindow, 0);
    this.#minFactor = (message.minWeightPercent?.value ?? MIN_WEIGHT_PCT) / 100;
    const { aggression } = message;
    this.#readAggression = (): number =>
      aggression === undefined ? 1 : runtime.number(aggression.runtimeKey, aggression.defaultValue);
    this.#clock = clock;
  }

  /** Begins the windows of hosts that became healthy. @returns whether any host is in its window */
  begin(hosts: readonly UpstreamHost[]): boolean {
    const nowMs = this.#clock.nowMs();
    for (const host of hosts) {
      if (host.health !== "healthy") continue;
      host.healthySinceMs ??= nowMs;
      this.#latestMs = Math.max(this.#latestMs, host.healthySinceMs);
    }
    return nowMs - this.#latestMs <= this.#windowMs;
  }

  /** Above 0, at most 1. */
  factorOf(host: UpstreamHost): number {
    if (host.healthySinceMs === undefined || host.health !== "healthy") return 1;
    const ageMs = this.#clock.nowMs() - host.healthySinceMs;
    if (ageMs >= this.#windowMs) return 1;
    const part = Math.max(1, ageMs) / this.#windowMs;
    const aggression = this.#readAggression();
    const factor = aggression > 0 && aggression !== 1 ? part ** (1 / aggression) : part;
    return Math.max(factor, this.#minFactor);
  }
}
