/** The TCP proxy's configuration, compiled. */

import { durationMsOr } from "../../base/mod.ts";
import { type AccessLog, compileAccessLogs } from "../../access_log/mod.ts";
import type {
  envoy_config_core_v3_BackoffStrategy,
  envoy_config_core_v3_Metadata,
  envoy_extensions_filters_network_tcp_proxy_v3_TcpProxy as Message,
  envoy_type_v3_HashPolicy,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { sanitizeStatName, type StatGroup } from "../../stats/mod.ts";
import { TCP_STATS } from "./tcp_proxy_stats.ts";
import { compileTunnel, type TunnelConfig } from "./tcp_tunnel_config.ts";

/** Wanted of a host's metadata, under `envoy.lb`. */
export type MetadataMatch = { readonly [key: string]: unknown } | undefined;

/** One cluster to go to, and what its hosts must be like. */
export interface TcpTarget {
  readonly name: string;
  readonly weight: number;
  readonly metadataMatch: MetadataMatch;
}

/** What a connection is hashed by. */
export type TcpHashPolicy =
  | { readonly kind: "source_ip" }
  | { readonly kind: "filter_state"; readonly key: string };

/** Limits of the jittered exponential wait before another attempt, in milliseconds. */
export interface ConnectBackoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

export interface TcpProxyConfig {
  readonly targets: readonly TcpTarget[];
  readonly totalWeight: number;
  readonly metadataMatch: MetadataMatch;
  readonly hashPolicy: TcpHashPolicy | undefined;
  /** 0: none. */
  readonly idleMs: number;
  readonly maxDurationMs: number;
  /** Share of the duration that a draw may add. */
  readonly durationJitter: number;
  readonly maxAttempts: number;
  /** Undefined: the next attempt follows at once. */
  readonly backoff: ConnectBackoff | undefined;
  /** Undefined: the client waits, unread, for its upstream. */
  readonly maxEarlyBytes: number | undefined;
  /** The client's first bytes start the upstream. */
  readonly connectsOnData: boolean;
  readonly accessLogs: readonly AccessLog[];
  readonly logsOnConnected: boolean;
  /** 0: only at the end. */
  readonly logEveryMs: number;
  /** Undefined: bytes go as they are. */
  readonly tunnel: TunnelConfig | undefined;
  readonly stats: StatGroup;
  readonly context: CompileContext;
}

const HOUR_MS = 3_600_000;
/** UpstreamConnectMode.ON_DOWNSTREAM_DATA */
const ON_DOWNSTREAM_DATA = 1;
/** Envoy's default ceiling, in bases. */
const MAX_BACKOFF_BASES = 10;

/** One TcpProxy message compiled: clusters by weight, timeouts in milliseconds, logs and stats. */
export function compileTcpProxy(message: Message, context: CompileContext): TcpProxyConfig {
  const metadataMatch = lbMetadata(message.metadataMatch);
  const targets = targetsOf(message, metadataMatch);
  const prefix = sanitizeStatName(message.statPrefix);
  const jitter = message.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0;
  return {
    targets,
    totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0),
    metadataMatch,
    hashPolicy: hashPolicyOf(message.hashPolicy[0]),
    idleMs: durationMsOr(message.idleTimeout, HOUR_MS),
    maxDurationMs: durationMsOr(message.maxDownstreamConnectionDuration, 0),
    durationJitter: jitter / 100,
    maxAttempts: message.maxConnectAttempts ?? 1,
    backoff: backoffOf(message.backoffOptions),
    maxEarlyBytes: message.maxEarlyDataBytes,
    connectsOnData: message.upstreamConnectMode === ON_DOWNSTREAM_DATA,
    accessLogs: compileAccessLogs(message.accessLog, context),
    logsOnConnected: message.accessLogOptions?.flushAccessLogOnConnected ??
      message.flushAccessLogOnConnected,
    logEveryMs: durationMsOr(
      message.accessLogOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    tunnel: compileTunnel(message.tunnelingConfig, context),
    stats: context.scope.scope(`tcp.${prefix}`).group(TCP_STATS),
    context,
  };
}

function targetsOf({ clusterSpecifier }: Message, inherited: MetadataMatch): TcpTarget[] {
  switch (clusterSpecifier.case) {
    case "cluster":
      return [{ name: clusterSpecifier.value, weight: 1, metadataMatch: inherited }];
    case "weightedClusters":
      return clusterSpecifier.value.clusters.map(({ name, weight, metadataMatch }) => ({
        name,
        weight,
        metadataMatch: mergeMetadata(inherited, lbMetadata(metadataMatch)),
      }));
    default:
      return [{ name: "", weight: 1, metadataMatch: inherited }];
  }
}

function lbMetadata(metadata: envoy_config_core_v3_Metadata | undefined): MetadataMatch {
  return metadata?.filterMetadata["envoy.lb"];
}

/** What the second says wins over the first. */
export function mergeMetadata(first: MetadataMatch, second: MetadataMatch): MetadataMatch {
  return first === undefined || second === undefined ? second ?? first : { ...first, ...second };
}

/** Envoy takes one policy at most. */
function hashPolicyOf(message: envoy_type_v3_HashPolicy | undefined): TcpHashPolicy | undefined {
  switch (message?.policySpecifier.case) {
    case "sourceIp":
      return { kind: "source_ip" };
    case "filterState":
      return { kind: "filter_state", key: message.policySpecifier.value.key };
    case undefined:
      return undefined;
  }
}

function backoffOf(
  message: envoy_config_core_v3_BackoffStrategy | undefined,
): ConnectBackoff | undefined {
  if (message === undefined) return undefined;
  const baseMs = durationMsOr(message.baseInterval, 0);
  return { baseMs, maxMs: durationMsOr(message.maxInterval, baseMs * MAX_BACKOFF_BASES) };
}
