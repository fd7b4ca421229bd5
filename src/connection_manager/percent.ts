/** Percentages of messages as shares. */

import type { envoy_type_v3_Percent } from "../proto/mod.ts";

/** 0–1; 0 if absent. */
export function percentShare(percent: envoy_type_v3_Percent | undefined): number {
  return (percent?.value ?? 0) / 100;
}
