/** The router's configuration, compiled once per connection manager and thread. */

import { type AccessLog, compileAccessLogs } from "../access_log/mod.ts";
import type {
  envoy_config_route_v3_RetryPolicy,
  envoy_config_route_v3_RouteAction_HashPolicy,
  envoy_extensions_filters_http_router_v3_Router,
} from "../proto/mod.ts";
import {
  compileHashPolicies,
  compileRetryPolicy,
  type HashPolicy,
  optionalMs,
  type RetryPolicy,
  type RouteAction,
} from "../route/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { type StatGroup, statTemplate } from "../stats/mod.ts";
import type { ClusterInfo, ClusterManager } from "../upstream/mod.ts";
import { ResponseStats } from "./response_stats.ts";
import { type PreparedPolicy, preparePolicy } from "./retry_state.ts";
import { compileStrictHeaders, type StrictHeader } from "./strict_headers.ts";

/** Under the connection manager's prefix. */
const ROUTER_STATS = statTemplate(
  `no_cluster no_route passthrough_internal_redirect_bad_location
passthrough_internal_redirect_no_route passthrough_internal_redirect_predicate
passthrough_internal_redirect_too_many_redirects passthrough_internal_redirect_unsafe_scheme
rq_direct_response rq_redirect rq_reset_after_downstream_response_started rq_total`,
);

/** Indices into the router's stats. */
export const ROUTER_STAT = {
  noCluster: 0,
  noRoute: 1,
  redirectBadLocation: 2,
  redirectNoRoute: 3,
  redirectPredicate: 4,
  redirectTooMany: 5,
  redirectUnsafeScheme: 6,
  directResponse: 7,
  redirect: 8,
  resetAfterResponseStarted: 9,
  total: 10,
} as const;

/** When the upstream side of a request is logged. */
export interface UpstreamLogging {
  readonly logs: readonly AccessLog[];
  readonly logsPoolReady: boolean;
  /** 0: not while a request is under way. */
  readonly intervalMs: number;
}

/** The router filter's configuration, compiled once per filter chain and thread. */
export interface RouterConfig {
  readonly clusters: ClusterManager;
  readonly stats: StatGroup;
  readonly responseStats: ResponseStats;
  readonly emitsDynamicStats: boolean;
  readonly suppressesEnvoyHeaders: boolean;
  readonly respectsExpectedTimeout: boolean;
  readonly suppressesGrpcCodes: boolean;
  readonly strictHeaders: readonly StrictHeader[];
  /** undefined where there are no upstream logs. */
  readonly upstreamLogging: UpstreamLogging | undefined;
  /** This machine's address, for x-forwarded-for of mirrored requests. */
  readonly ownAddress: string | undefined;
  readonly policies: EffectivePolicies;
}

/** Policies that a request follows: the route's, else its cluster's. */
export class EffectivePolicies {
  readonly #context: CompileContext;
  readonly #prepared = new WeakMap<RetryPolicy, PreparedPolicy>();
  readonly #clusterRetries = new WeakMap<object, RetryPolicy>();
  readonly #clusterHashes = new WeakMap<object, readonly HashPolicy[]>();

  constructor(context: CompileContext) {
    this.#context = context;
  }

  retry(action: RouteAction, cluster: ClusterInfo): PreparedPolicy | undefined {
    const policy = action.retryPolicy ?? this.#clusterRetry(cluster);
    if (policy === undefined) return undefined;
    let prepared = this.#prepared.get(policy);
    if (prepared === undefined) {
      prepared = preparePolicy(policy);
      this.#prepared.set(policy, prepared);
    }
    return prepared;
  }

  hash(action: RouteAction, cluster: ClusterInfo): readonly HashPolicy[] {
    const messages = cluster.hashPolicyMessages;
    if (action.hashPolicies.length > 0 || messages.length === 0) return action.hashPolicies;
    let policies = this.#clusterHashes.get(messages);
    if (policies === undefined) {
      policies = compileHashPolicies(
        messages as readonly envoy_config_route_v3_RouteAction_HashPolicy[],
        this.#context,
      );
      this.#clusterHashes.set(messages, policies);
    }
    return policies;
  }

  #clusterRetry(cluster: ClusterInfo): RetryPolicy | undefined {
    const message = cluster.retryPolicyMessage;
    if (message === undefined) return undefined;
    let policy = this.#clusterRetries.get(message);
    if (policy === undefined) {
      policy = compileRetryPolicy(message as envoy_config_route_v3_RetryPolicy, this.#context);
      this.#clusterRetries.set(message, policy);
    }
    return policy;
  }
}

/** Where a configuration is only checked nothing is sent. */
const NO_CLUSTERS: ClusterManager = { get: () => undefined };

const CODEC_FILTER = "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";

/** @param statPrefix the connection manager's, as `http.ingress.` */
export function compileRouter(
  message: envoy_extensions_filters_http_router_v3_Router,
  context: CompileContext,
  statPrefix: string,
): RouterConfig {
  const { problems } = context;
  if (message.startChildSpan) {
    problems.unsupported(message, "start_child_span", "attempts have no spans of their own");
  }
  for (const [index, filter] of message.upstreamHttpFilters.entries()) {
    if (filter.configType.value?.$typeName === CODEC_FILTER) continue;
    const effect = `upstream filter "${filter.name}" does not run`;
    problems.unsupported(message, `upstream_http_filters[${index}]`, effect, true);
  }
  const prefix = statPrefix.endsWith(".") ? statPrefix.slice(0, -1) : statPrefix;
  return {
    clusters: context.isCheckOnly
      ? NO_CLUSTERS
      : context.service<ClusterManager>("cluster_manager"),
    stats: context.scope.scope(prefix).group(ROUTER_STATS),
    responseStats: new ResponseStats(context.scope),
    emitsDynamicStats: message.dynamicStats ?? true,
    suppressesEnvoyHeaders: message.suppressEnvoyHeaders,
    respectsExpectedTimeout: message.respectExpectedRqTimeout,
    suppressesGrpcCodes: message.suppressGrpcRequestFailureCodeStats,
    strictHeaders: compileStrictHeaders(message.strictCheckHeaders),
    upstreamLogging: compileLogging(message, context),
    ownAddress: context.server.localAddress,
    policies: new EffectivePolicies(context),
  };
}

function compileLogging(
  message: envoy_extensions_filters_http_router_v3_Router,
  context: CompileContext,
): UpstreamLogging | undefined {
  if (message.upstreamLog.length === 0) return undefined;
  const options = message.upstreamLogOptions;
  return {
    logs: compileAccessLogs(message.upstreamLog, context),
    logsPoolReady: options?.flushUpstreamLogOnUpstreamStream ?? false,
    intervalMs: optionalMs(options?.upstreamLogFlushInterval) ?? 0,
  };
}
