/** A cluster's outlier_detection with defaults; runtime keys override each value (outlier_detection_impl.cc). */

import { durationMsOr, type Random } from "../../base/mod.ts";
import type { envoy_config_cluster_v3_OutlierDetection } from "../../proto/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";

/** Why a host is ejected, by its name in stats. */
export type EjectionType =
  | "consecutive_5xx"
  | "consecutive_gateway_failure"
  | "consecutive_local_origin_failure"
  | "success_rate"
  | "local_origin_success_rate"
  | "failure_percentage"
  | "local_origin_failure_percentage";

/** Runtime key and default of what is enforced, in percent. */
const ENFORCING: { readonly [type in EjectionType]: readonly [key: string, percent: number] } = {
  consecutive_5xx: ["enforcing_consecutive_5xx", 100],
  consecutive_gateway_failure: ["enforcing_consecutive_gateway_failure", 0],
  consecutive_local_origin_failure: ["enforcing_consecutive_local_origin_failure", 100],
  success_rate: ["enforcing_success_rate", 100],
  local_origin_success_rate: ["enforcing_local_origin_success_rate", 100],
  failure_percentage: ["enforcing_failure_percentage", 0],
  local_origin_failure_percentage: ["enforcing_failure_percentage_local_origin", 0],
};

/** Thresholds, times and shares; read at each use, since runtime may change them. */
export class OutlierPolicy {
  readonly splitsLocalOrigin: boolean;
  readonly alwaysEjectsOne: boolean;
  readonly unejectsOnActiveSuccess: boolean;
  readonly #message: envoy_config_cluster_v3_OutlierDetection;
  readonly #enforcing: { readonly [type in EjectionType]: number | undefined };
  readonly #runtime: Runtime;

  constructor(message: envoy_config_cluster_v3_OutlierDetection, runtime: Runtime) {
    this.#message = message;
    this.#runtime = runtime;
    this.splitsLocalOrigin = message.splitExternalLocalOriginErrors;
    this.alwaysEjectsOne = message.alwaysEjectOneHost ?? false;
    this.unejectsOnActiveSuccess = message.successfulActiveHealthCheckUnejectHost ?? true;
    this.#enforcing = {
      consecutive_5xx: message.enforcingConsecutive5xx,
      consecutive_gateway_failure: message.enforcingConsecutiveGatewayFailure,
      consecutive_local_origin_failure: message.enforcingConsecutiveLocalOriginFailure,
      success_rate: message.enforcingSuccessRate,
      local_origin_success_rate: message.enforcingLocalOriginSuccessRate,
      failure_percentage: message.enforcingFailurePercentage,
      local_origin_failure_percentage: message.enforcingFailurePercentageLocalOrigin,
    };
  }

  get consecutive5xx(): number {
    return this.#value("consecutive_5xx", this.#message.consecutive5xx ?? 5);
  }

  get consecutiveGatewayFailure(): number {
    return this.#value("consecutive_gateway_failure", this.#message.consecutiveGatewayFailure ?? 5);
  }

  get consecutiveLocalOriginFailure(): number {
    const value = this.#message.consecutiveLocalOriginFailure ?? 5;
    return this.#value("consecutive_local_origin_failure", value);
  }

  get intervalMs(): number {
    return this.#value("interval_ms", durationMsOr(this.#message.interval, 10_000));
  }

  get baseEjectionMs(): number {
    const value = durationMsOr(this.#message.baseEjectionTime, 30_000);
    return this.#value("base_ejection_time_ms", value);
  }

  get maxEjectionMs(): number {
    const base = durationMsOr(this.#message.baseEjectionTime, 30_000);
    const value = durationMsOr(this.#message.maxEjectionTime, Math.max(300_000, base));
    return this.#value("max_ejection_time_ms", value);
  }

  get maxJitterMs(): number {
    const value = durationMsOr(this.#message.maxEjectionTimeJitter, 0);
    return this.#value("max_ejection_time_jitter_ms", value);
  }

  get maxEjectionPercent(): number {
    const value = this.#value("max_ejection_percent", this.#message.maxEjectionPercent ?? 10);
    return Math.min(100, value);
  }

  get successRate(): {
    readonly minHosts: number;
    readonly volume: number;
    readonly factor: number;
  } {
    const message = this.#message;
    return {
      minHosts: this.#value("success_rate_minimum_hosts", message.successRateMinimumHosts ?? 5),
      volume: this.#value("success_rate_request_volume", message.successRateRequestVolume ?? 100),
      factor: this.#value("success_rate_stdev_factor", message.successRateStdevFactor ?? 1900) /
        1000,
    };
  }

  get failurePercentage(): {
    readonly minHosts: number;
    readonly volume: number;
    readonly threshold: number;
  } {
    const message = this.#message;
    const value = (key: string, given: number | undefined, fallback: number): number =>
      this.#value(`failure_percentage_${key}`, given ?? fallback);
    return {
      minHosts: value("minimum_hosts", message.failurePercentageMinimumHosts, 5),
      volume: value("request_volume", message.failurePercentageRequestVolume, 50),
      threshold: value("threshold", message.failurePercentageThreshold, 85),
    };
  }

  /** Whether an ejection is carried out or only told. */
  enforces(type: EjectionType, random: Random): boolean {
    const [key, percent] = ENFORCING[type];
    return random.below(100) < this.#value(key, this.#enforcing[type] ?? percent);
  }

  #value(key: string, configured: number): number {
    return this.#runtime.number(`outlier_detection.${key}`, configured);
  }
}
