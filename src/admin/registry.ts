/** All admin endpoints in order of their paths. */

import type { AdminEndpoint } from "./endpoint.ts";
import { clusters } from "./endpoints/clusters.ts";
import { configDump } from "./endpoints/config_dump.ts";
import { helpEndpoint, homeEndpoint } from "./endpoints/help.ts";
import {
  drainListeners,
  healthcheckFail,
  healthcheckOk,
  quitquitquit,
  ready,
  reopenLogs,
  resetCounters,
} from "./endpoints/lifecycle.ts";
import { logging } from "./endpoints/logging.ts";
import { runtime, runtimeModify } from "./endpoints/runtime.ts";
import {
  certs,
  contention,
  hotRestartVersion,
  initDump,
  listeners,
  memory,
  serverInfo,
} from "./endpoints/server.ts";
import { prometheus, stats } from "./endpoints/stats.ts";
import { UNSUPPORTED } from "./endpoints/unsupported.ts";

export const ADMIN_ENDPOINTS: readonly AdminEndpoint[] = [
  homeEndpoint(() => ADMIN_ENDPOINTS),
  ...UNSUPPORTED,
  certs,
  clusters,
  configDump,
  contention,
  drainListeners,
  healthcheckFail,
  healthcheckOk,
  helpEndpoint(() => ADMIN_ENDPOINTS),
  hotRestartVersion,
  initDump,
  listeners,
  logging,
  memory,
  quitquitquit,
  ready,
  reopenLogs,
  resetCounters,
  runtime,
  runtimeModify,
  serverInfo,
  stats,
  prometheus,
];
