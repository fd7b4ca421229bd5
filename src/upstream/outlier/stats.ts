/** Counters and the gauge under `cluster.<name>.outlier_detection`. */

import { type StatTemplate, statTemplate } from "../../stats/mod.ts";
import type { EjectionType } from "./policy.ts";

export const OUTLIER_STATS: StatTemplate = statTemplate(
  `ejections_consecutive_5xx ejections_detected_consecutive_5xx
ejections_detected_consecutive_gateway_failure ejections_detected_consecutive_local_origin_failure
ejections_detected_failure_percentage ejections_detected_local_origin_failure_percentage
ejections_detected_local_origin_success_rate ejections_detected_success_rate
ejections_enforced_consecutive_5xx ejections_enforced_consecutive_gateway_failure
ejections_enforced_consecutive_local_origin_failure ejections_enforced_failure_percentage
ejections_enforced_local_origin_failure_percentage ejections_enforced_local_origin_success_rate
ejections_enforced_success_rate ejections_enforced_total ejections_overflow ejections_success_rate
ejections_total`,
  "ejections_active",
);

/** Index of a stat by its name. Throws on an unknown one: our bug. */
export function outlierStat(
  name: `detected_${EjectionType}` | `enforced_${EjectionType}` | OtherStat,
): number {
  const index = OUTLIER_STATS.findIndex((spec) => spec.name === `ejections_${name}`);
  if (index < 0) throw new RangeError(`No outlier stat "${name}"`);
  return index;
}

type OtherStat =
  | "active"
  | "consecutive_5xx"
  | "enforced_total"
  | "overflow"
  | "success_rate"
  | "total";
