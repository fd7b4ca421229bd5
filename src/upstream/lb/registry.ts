/** The policies denvoy has, by name. They are small, so every cluster may count on them. */

import { leastRequest } from "./least_request.ts";
import type { LbPolicyFactory } from "./policy.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round_robin.ts";

export const LB_POLICIES = [
  leastRequest,
  random,
  roundRobin,
] as const satisfies readonly LbPolicyFactory[];
