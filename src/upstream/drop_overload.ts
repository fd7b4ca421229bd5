/** `drop_overloads` of an assignment: requests that are turned away before a host is chosen. */

import type { envoy_config_endpoint_v3_ClusterLoadAssignment } from "../proto/mod.ts";

const DENOMINATORS: readonly number[] = [100, 10_000, 1_000_000];

/** The one category that Envoy takes. */
export interface DropOverload {
  readonly category: string;
  /** 0–100. */
  readonly percent: number;
}

/** Undefined where nothing is dropped. Envoy takes one category only; its checks are config/'s. */
export function readDropOverload(
  assignment: envoy_config_endpoint_v3_ClusterLoadAssignment | undefined,
): DropOverload | undefined {
  const drop = assignment?.policy?.dropOverloads[0];
  if (drop?.dropPercentage === undefined) return undefined;
  const { numerator, denominator } = drop.dropPercentage;
  const percent = Math.min(100, numerator * 100 / (DENOMINATORS[denominator] ?? 100));
  return { category: drop.category, percent };
}
