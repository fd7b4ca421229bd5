/** A configured health check, compiled: how hosts are probed and what results mean. */

import type { TimerWheel } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_HealthCheck,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { StatGroup } from "../../stats/mod.ts";
import { clusterScope } from "../cluster_info.ts";
import { HealthEvents } from "./events.ts";
import { compileGrpcProbe } from "./grpc_probe.ts";
import { compileHttpProbe } from "./http_probe.ts";
import { CheckTimes } from "./options.ts";
import type { ProbeFactory } from "./probe.ts";
import { HEALTH_CHECK_STATS } from "./stats.ts";
import { compileTcpProbe } from "./tcp_probe.ts";

/** What all sessions of a cluster share. */
export interface CheckPolicy {
  readonly times: CheckTimes;
  readonly timers: TimerWheel;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly logsFailures: boolean;
  readonly logsSuccess: boolean;
  readonly events: HealthEvents;
  readonly stats: StatGroup;
  readonly createProbe: ProbeFactory;
}

/** @returns undefined if the cluster's hosts are not checked, or by a kind that is told as missing */
export function compileCheckPolicy(
  cluster: envoy_config_cluster_v3_Cluster,
  context: CompileContext,
): CheckPolicy | undefined {
  const check = cluster.healthChecks[0];
  if (check === undefined) return undefined;
  const createProbe = compileProbe(check, cluster.name, context);
  if (createProbe === undefined) return undefined;
  const { dispatcher, runtime } = context;
  return {
    times: new CheckTimes(check, dispatcher.random, runtime),
    timers: dispatcher.timers,
    healthyThreshold: check.healthyThreshold ?? 1,
    unhealthyThreshold: check.unhealthyThreshold ?? 1,
    logsFailures: check.alwaysLogHealthCheckFailures,
    logsSuccess: check.alwaysLogHealthCheckSuccess,
    events: new HealthEvents(check, cluster.name, context),
    stats: clusterScope(cluster, context.scope).scope("health_check").group(HEALTH_CHECK_STATS),
    createProbe,
  };
}

function compileProbe(
  check: envoy_config_core_v3_HealthCheck,
  cluster: string,
  context: CompileContext,
): ProbeFactory | undefined {
  const kind = check.healthChecker;
  switch (kind.case) {
    case "httpHealthCheck":
      return compileHttpProbe(check, kind.value, cluster, context);
    case "tcpHealthCheck":
      return compileTcpProbe(check, kind.value);
    case "grpcHealthCheck":
      return compileGrpcProbe(check, kind.value, cluster, context);
    default:
      return undefined;
  }
}
