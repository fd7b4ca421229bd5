/** Why a host is not healthy, as bits; names are those of Envoy's `/clusters`. */

import type { HostHealth } from "./api.ts";

export const HEALTH = {
  failedActiveHc: 1 << 0,
  failedOutlierCheck: 1 << 1,
  failedEdsHealth: 1 << 2,
  degradedActiveHc: 1 << 3,
  degradedEdsHealth: 1 << 4,
  pendingDynamicRemoval: 1 << 5,
  pendingActiveHc: 1 << 6,
  excludedViaImmediateHcFail: 1 << 7,
  activeHcTimeout: 1 << 8,
  edsStatusDraining: 1 << 9,
} as const;

const FLAG_TEXTS: readonly string[] = [
  "/failed_active_hc",
  "/failed_outlier_check",
  "/failed_eds_health",
  "/degraded_active_hc",
  "/degraded_eds_health",
  "/pending_dynamic_removal",
  "/pending_active_hc",
  "/excluded_via_immediate_hc_fail",
  "/active_hc_timeout",
  "/eds_status_draining",
];

const UNHEALTHY = HEALTH.failedActiveHc | HEALTH.failedOutlierCheck | HEALTH.failedEdsHealth |
  HEALTH.edsStatusDraining;
const DEGRADED = HEALTH.degradedActiveHc | HEALTH.degradedEdsHealth;
const EXCLUDED = HEALTH.pendingActiveHc | HEALTH.excludedViaImmediateHcFail |
  HEALTH.edsStatusDraining;

/** What balancing makes of the flags. */
export function healthOf(flags: number): HostHealth {
  if ((flags & UNHEALTHY) !== 0) return "unhealthy";
  return (flags & DEGRADED) !== 0 ? "degraded" : "healthy";
}

/** Whether a host is left out of its priority's size when health is weighed. */
export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED) !== 0;
}

/** `healthy`, or every flag's name in a row. */
export function formatHealthFlags(flags: number): string {
  let text = "";
  for (let bit = 0; bit < FLAG_TEXTS.length; bit++) {
    if ((flags & (1 << bit)) !== 0) text += FLAG_TEXTS[bit]!;
  }
  return text === "" ? "healthy" : text;
}

/** Flags of an endpoint's configured `health_status` (envoy.config.core.v3.HealthStatus). */
export function flagsOfHealthStatus(status: number): number {
  switch (status) {
    case 2: // UNHEALTHY
    case 4: // TIMEOUT
      return HEALTH.failedEdsHealth;
    case 3: // DRAINING
      return HEALTH.edsStatusDraining;
    case 5: // DEGRADED
      return HEALTH.degradedEdsHealth;
    default:
      return 0;
  }
}

/** Bits that come from configuration or EDS; all others belong to health checks and outliers. */
export const EDS_FLAGS: number = HEALTH.failedEdsHealth | HEALTH.edsStatusDraining |
  HEALTH.degradedEdsHealth;
