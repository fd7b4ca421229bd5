/** Facts and stats of one cluster on one thread, compiled from its message. */

import { type Dispatcher, durationMsOr } from "../base/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../proto/mod.ts";
import type { CompileContext, Runtime } from "../runtime/mod.ts";
import { type Histogram, sanitizeStatName, type Scope, type StatGroup } from "../stats/mod.ts";
import type { ClusterInfo, ResponseKind } from "./api.ts";
import { CLUSTER_STATS } from "./cluster_stats.ts";
import { type SizeHistograms, sizeHistograms } from "./conn_pool/stream_sizes.ts";
import type { UpstreamProtocolOptions } from "./protocol_options.ts";
import { type DropOverload, readDropOverload } from "./drop_overload.ts";
import { ResponseCodes } from "./response_codes.ts";

const CONNECT_TIMEOUT_MS = 5000;
const BUFFER_LIMIT_BYTES = 1024 * 1024;

/** The scope of a cluster's stats. */
export function clusterScope(cluster: envoy_config_cluster_v3_Cluster, root: Scope): Scope {
  return root.scope("cluster").scope(clusterStatName(cluster));
}

/** The name of a cluster in stats: `alt_stat_name` or its own, with `:` made `_`. */
export function clusterStatName(cluster: envoy_config_cluster_v3_Cluster): string {
  return sanitizeStatName(cluster.altStatName === "" ? cluster.name : cluster.altStatName);
}

/** What a cluster's message says to router and pools, defaults filled in, with its stats groups. */
export class ClusterFacts implements ClusterInfo {
  readonly name: string;
  readonly statName: string;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly connectTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  readonly perConnectionBufferLimitBytes: number;
  readonly maxResponseHeadersKb: number;
  readonly commonHttpIdleTimeoutMs: number;
  readonly maxStreamDurationMs: number | undefined;
  readonly upstreamHttpFilters: readonly unknown[];
  readonly stats: StatGroup;
  readonly connectTime: Histogram;
  readonly lengthTime: Histogram;
  readonly requestsPerConnection: Histogram;
  readonly trackTimeoutBudgets: boolean;
  readonly timeoutBudgetPercentUsed: Histogram | undefined;
  readonly timeoutBudgetPerTryPercentUsed: Histogram | undefined;
  /** Undefined: sizes are not measured. */
  readonly sizes: SizeHistograms | undefined;
  readonly retryPolicyMessage: object | undefined;
  readonly hashPolicyMessages: readonly object[];
  readonly scope: Scope;
  dropOverloadCategory: string | undefined = undefined;
  dropOverloadPercent = 0;
  dynamicForwardPort: number | undefined = undefined;
  readonly isMaintenanceMode: () => boolean;
  readonly #codes: ResponseCodes;

  constructor(
    message: envoy_config_cluster_v3_Cluster,
    options: UpstreamProtocolOptions,
    context: CompileContext,
  ) {
    const scope = clusterScope(message, context.scope);
    this.scope = scope;
    this.name = message.name;
    this.statName = clusterStatName(message);
    this.metadata = message.metadata?.filterMetadata;
    this.connectTimeoutMs = durationMsOr(message.connectTimeout, CONNECT_TIMEOUT_MS);
    this.maxRequestsPerConnection = options.maxRequestsPerConnection;
    this.perConnectionBufferLimitBytes = message.perConnectionBufferLimitBytes ??
      BUFFER_LIMIT_BYTES;
    this.maxResponseHeadersKb = options.maxResponseHeadersKb;
    this.commonHttpIdleTimeoutMs = options.idleTimeoutMs;
    this.maxStreamDurationMs = options.maxStreamDurationMs;
    this.upstreamHttpFilters = options.httpFilterMessages;
    this.stats = scope.group(CLUSTER_STATS);
    this.connectTime = scope.histogram("upstream_cx_connect_ms", "milliseconds");
    this.lengthTime = scope.histogram("upstream_cx_length_ms", "milliseconds");
    this.requestsPerConnection = scope.histogram("upstream_rq_per_cx");
    this.trackTimeoutBudgets = message.trackClusterStats?.timeoutBudgets ??
      message.trackTimeoutBudgets;
    const budget = (name: string): Histogram | undefined =>
      this.trackTimeoutBudgets ? scope.histogram(name, "unspecified") : undefined;
    this.timeoutBudgetPercentUsed = budget("upstream_rq_timeout_budget_percent_used");
    this.timeoutBudgetPerTryPercentUsed = budget(
      "upstream_rq_timeout_budget_per_try_percent_used",
    );
    this.sizes = message.trackClusterStats?.requestResponseSizes === true
      ? sizeHistograms(scope)
      : undefined;
    this.retryPolicyMessage = options.retryPolicyMessage;
    this.hashPolicyMessages = options.hashPolicyMessages;
    this.isMaintenanceMode = maintenanceMode(message.name, context.runtime, context.dispatcher);
    this.#codes = new ResponseCodes(scope, context.server.zone);
    this.setDropOverload(readDropOverload(message.loadAssignment));
  }

  chargeResponse(status: number, kind: ResponseKind): void {
    this.#codes.charge(status, kind);
  }

  chargeDropOverload(): void {
    this.scope.counter("upstream_rq_drop_overload").inc();
  }

  chargeZone(zone: string, status: number): void {
    this.#codes.zone(zone)?.charge(status);
  }

  recordZoneTime(zone: string, timeMs: number): void {
    this.#codes.zone(zone)?.recordTime(timeMs);
  }

  /** Takes over what an assignment says about requests to turn away. */
  setDropOverload(drop: DropOverload | undefined): void {
    this.dropOverloadCategory = drop?.category;
    this.dropOverloadPercent = drop?.percent ?? 0;
  }
}

/** `upstream.maintenance_mode.<name>`: percent of requests to refuse. */
function maintenanceMode(
  name: string,
  runtime: Runtime,
  dispatcher: Dispatcher,
): () => boolean {
  const key = `upstream.maintenance_mode.${name}`;
  return () => {
    if (runtime.get(key) === undefined) return false;
    return dispatcher.random.below(100) < runtime.number(key, 0);
  };
}
