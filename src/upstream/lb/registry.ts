/** The policies denvoy has, by name. They are small, so every cluster may count on them. */

import { clientSideWeighted } from "./client_side_weighted_round_robin.ts";
import { leastRequest } from "./least_request.ts";
import { maglev } from "./maglev.ts";
import { overrideHost } from "./override_host.ts";
import type { LbPolicyFactory } from "./policy.ts";
import { random } from "./random.ts";
import { ringHash } from "./ring_hash.ts";
import { roundRobin } from "./round_robin.ts";
import { subset } from "./subset.ts";
import { wrrLocality } from "./wrr_locality.ts";

export const LB_POLICIES = [
  clientSideWeighted,
  leastRequest,
  maglev,
  overrideHost,
  random,
  ringHash,
  roundRobin,
  subset,
  wrrLocality,
] as const satisfies readonly LbPolicyFactory[];
