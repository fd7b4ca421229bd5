/** The TCP proxy's configuration, compiled. */

import { durationMsOr } from "../../base/mod.ts";
import { type AccessLog, compileAccessLogs } from "../../access_log/mod.ts";
import type {
  envoy_extensions_filters_network_tcp_proxy_v3_TcpProxy as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { sanitizeStatName, type StatGroup } from "../../stats/mod.ts";
import { TCP_STATS } from "./tcp_proxy_stats.ts";

interface WeightedName {
  readonly name: string;
  readonly weight: number;
}

export interface TcpProxyConfig {
  readonly clusters: readonly WeightedName[];
  readonly totalWeight: number;
  /** 0: none. */
  readonly idleMs: number;
  readonly maxDurationMs: number;
  readonly maxAttempts: number;
  readonly accessLogs: readonly AccessLog[];
  readonly logsOnConnected: boolean;
  /** 0: only at the end. */
  readonly logEveryMs: number;
  readonly stats: StatGroup;
  readonly context: CompileContext;
}

const HOUR_MS = 3_600_000;

/** One TcpProxy message compiled: clusters by weight, timeouts in milliseconds, logs and stats. */
export function compileTcpProxy(message: Message, context: CompileContext): TcpProxyConfig {
  const clusters = clustersOf(message);
  const prefix = sanitizeStatName(message.statPrefix);
  return {
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleMs: durationMsOr(message.idleTimeout, HOUR_MS),
    maxDurationMs: durationMsOr(message.maxDownstreamConnectionDuration, 0),
    maxAttempts: message.maxConnectAttempts ?? 1,
    accessLogs: compileAccessLogs(message.accessLog, context),
    logsOnConnected: message.accessLogOptions?.flushAccessLogOnConnected ??
      message.flushAccessLogOnConnected,
    logEveryMs: durationMsOr(
      message.accessLogOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    stats: context.scope.scope(`tcp.${prefix}`).group(TCP_STATS),
    context,
  };
}

function clustersOf({ clusterSpecifier }: Message): WeightedName[] {
  switch (clusterSpecifier.case) {
    case "cluster":
      return [{ name: clusterSpecifier.value, weight: 1 }];
    case "weightedClusters":
      return clusterSpecifier.value.clusters.map(({ name, weight }) => ({ name, weight }));
    default:
      return [{ name: "", weight: 1 }];
  }
}
