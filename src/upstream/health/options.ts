/** Times and thresholds of one configured health check, defaults filled in. */

import { durationMsOr, type Random } from "../../base/mod.ts";
import type { envoy_config_core_v3_HealthCheck } from "../../proto/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";

type Message = envoy_config_core_v3_HealthCheck;

/** How a check ended, as far as the time of the next one depends on it. */
export interface CheckOutcome {
  readonly isHealthy: boolean;
  /** A threshold is on its way to be reached. */
  readonly isPending: boolean;
  /** Whether any request has been sent to the cluster yet. */
  readonly hasTraffic: boolean;
}

const MINUTE_MS = 60_000;

/** The times of a check in milliseconds (Envoy's HealthCheckerImplBase). */
export class CheckTimes {
  readonly timeoutMs: number;
  readonly initialJitterMs: number;
  readonly #intervalMs: number;
  readonly #noTrafficMs: number;
  readonly #noTrafficHealthyMs: number;
  readonly #unhealthyMs: number;
  readonly #unhealthyEdgeMs: number;
  readonly #healthyEdgeMs: number;
  readonly #jitterMs: number;
  readonly #jitterPercent: number;
  readonly #random: Random;
  readonly #runtime: Runtime;

  constructor(message: Message, random: Random, runtime: Runtime) {
    this.#random = random;
    this.#runtime = runtime;
    this.timeoutMs = durationMsOr(message.timeout, 0);
    this.initialJitterMs = durationMsOr(message.initialJitter, 0);
    this.#intervalMs = durationMsOr(message.interval, 0);
    this.#noTrafficMs = durationMsOr(message.noTrafficInterval, MINUTE_MS);
    this.#noTrafficHealthyMs = durationMsOr(message.noTrafficHealthyInterval, this.#noTrafficMs);
    this.#unhealthyMs = durationMsOr(message.unhealthyInterval, this.#intervalMs);
    this.#unhealthyEdgeMs = durationMsOr(message.unhealthyEdgeInterval, this.#unhealthyMs);
    this.#healthyEdgeMs = durationMsOr(message.healthyEdgeInterval, this.#intervalMs);
    this.#jitterMs = durationMsOr(message.intervalJitter, 0);
    this.#jitterPercent = message.intervalJitterPercent;
  }

  /** Milliseconds before the first check of a host. */
  initialDelay(): number {
    return this.initialJitterMs < 1 ? 0 : this.#random.below(this.initialJitterMs);
  }

  /** Milliseconds from the end of a check to the next. */
  delayAfter({ isHealthy, isPending, hasTraffic }: CheckOutcome): number {
    if (!hasTraffic) {
      const isSettled = isHealthy && !isPending;
      return this.#withJitter(isSettled ? this.#noTrafficHealthyMs : this.#noTrafficMs);
    }
    if (isHealthy) return this.#withJitter(isPending ? this.#healthyEdgeMs : this.#intervalMs);
    return this.#withJitter(isPending ? this.#unhealthyEdgeMs : this.#unhealthyMs);
  }

  #withJitter(baseMs: number): number {
    const percentMs = Math.floor(this.#jitterPercent * baseMs / 100);
    let delayMs = baseMs;
    if (percentMs > 0) delayMs += this.#random.below(percentMs);
    if (this.#jitterMs >= 1) delayMs += this.#random.below(this.#jitterMs);
    const max = this.#runtime.number("health_check.max_interval", Infinity);
    const min = this.#runtime.number("health_check.min_interval", 0);
    return Math.max(Math.min(delayMs, max), min, 1);
  }
}
