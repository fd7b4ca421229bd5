/** Counters and gauges under `cluster.<name>.health_check`. */

import { type StatTemplate, statTemplate } from "../../stats/mod.ts";

export const HEALTH_CHECK_STATS: StatTemplate = statTemplate(
  "attempt failure network_failure passive_failure success verify_cluster",
  "degraded healthy",
);

/** Indices into HEALTH_CHECK_STATS. */
export const HC_STAT = {
  attempt: 0,
  failure: 1,
  networkFailure: 2,
  passiveFailure: 3,
  success: 4,
  verifyCluster: 5,
  degraded: 6,
  healthy: 7,
} as const;
