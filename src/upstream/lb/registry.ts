/** The policies denvoy has, by name. They are small, so every cluster may count on them. */

import { leastRequest } from "./least_request.ts";
import { maglev } from "./maglev.ts";
import { overrideHost } from "./override_host.ts";
import type { LbPolicyFactory } from "./policy.ts";
import { random } from "./random.ts";
import { ringHash } from "./ring_hash.ts";
import { roundRobin } from "./round_robin.ts";
import { subset } from "./subset.ts";

export const LB_POLICIES = [
  leastRequest,
  maglev,
  overrideHost,
  random,
  ringHash,
  roundRobin,
  subset,
] as const satisfies readonly LbPolicyFactory[];
