/**
 * What the router and the connection manager read of a matched route: compiled once, with defaults
 * filled in and units in the names. Nothing here is a message.
 */

import type { HeaderMap, RouteInfo, StreamInfo } from "../http/mod.ts";
import type { ProxyTlv } from "../net/mod.ts";
import type { RuntimeFraction } from "../runtime/mod.ts";

/** A matched route: what to do with the request. */
export interface Route extends RouteInfo {
  readonly action: RouteAction | RedirectAction | DirectResponseAction | NonForwardingAction;
  readonly virtualHost: VirtualHostInfo;
  /** Cluster-independent per-filter configuration, most specific level first: look up by filter name. */
  perFilterConfig(filterName: string): PerFilterConfig | undefined;
  /** Request header changes in order: weighted cluster, route, virtual host, route table (or reversed if most_specific wins). */
  applyRequestHeaders(headers: HeaderMap, info: StreamInfo): void;
  applyResponseHeaders(headers: HeaderMap, info: StreamInfo, requestHeaders: HeaderMap): void;
  /** Name of the virtual cluster the request belongs to; undefined if there are none. */
  virtualCluster(headers: HeaderMap): VirtualClusterInfo | undefined;
  /** `vhost.<name>.route.<stat_prefix>` of routes with a stat_prefix. */
  readonly routeStatPrefix: string | undefined;
  readonly decorator: { readonly operation: string; readonly propagate: boolean } | undefined;
  readonly tracing: RouteTracing | undefined;
  /** per_request_buffer_limit_bytes / request_body_buffer_limit; undefined: the connection's. */
  readonly bufferLimitBytes: number | undefined;
}

/** The virtual host of a route, as filters and stats see it. */
export interface VirtualHostInfo {
  readonly name: string;
  /** `vhost.<name>`, as stats begin. */
  readonly statPrefix: string;
  /** envoy.config.route.v3.RateLimit messages, for the filters that act on them. */
  readonly rateLimits: readonly object[];
  readonly includeRequestAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  readonly includeIsTimeoutRetry: boolean;
  /** Virtual clusters exist: stats `vhost.<name>.vcluster.<vc>.…`. */
  readonly hasVirtualClusters: boolean;
}

/** A virtual cluster with the stats of its requests. */
export interface VirtualClusterInfo {
  readonly name: string;
  readonly statPrefix: string;
}

/** A route's own tracing shares, which replace the manager's. */
export interface RouteTracing {
  readonly clientSampling: RuntimeFraction | undefined;
  readonly randomSampling: RuntimeFraction | undefined;
  readonly overallSampling: RuntimeFraction | undefined;
  /** envoy.type.tracing.v3.CustomTag messages, for the tracers. */
  readonly customTags: readonly object[];
  /** Format strings of the span's name, "" if none. */
  readonly operation: string;
  readonly upstreamOperation: string;
}

/** Compiled per-route configuration of one filter. */
export interface PerFilterConfig {
  readonly disabled: boolean | undefined;
  /** Levels from the most specific on, for filters that merge. */
  readonly configs: readonly unknown[];
  /** Message type of each of `configs`: Envoy accepts another filter's type, which has no effect. */
  readonly types: readonly string[];
}

/** How CONNECT requests end here and become TCP connections. */
export interface ConnectTermination {
  /** POST requests, too. */
  readonly allowPost: boolean;
  /** The PROXY header that the connection begins with; undefined: none. */
  readonly proxy: { readonly version: 1 | 2; readonly tlvs: readonly ProxyTlv[] } | undefined;
}

/** The weighted clusters of a route, for retries that may leave the first one. */
export interface ClusterRefresh {
  /** Place of this action's cluster among them. */
  readonly index: number;
  /**
   * The action of a cluster that was not tried, by weight; once all were, `tried` begins anew.
   * @param random in [0, 2^32)
   */
  next(tried: Set<number>, request: RefreshRequest): RouteAction;
}

/** What the choice of a cluster may look at. */
export interface RefreshRequest {
  readonly headers: HeaderMap;
  readonly info: StreamInfo;
  readonly random: number;
}

/** Sends the request to a cluster. */
export interface RouteAction {
  readonly kind: "route";
  /** The cluster for this request; undefined if a cluster_header names none. */
  readonly clusterName: string | undefined;
  readonly clusterNotFoundStatus: number;
  /** For `refresh_cluster_on_retry`: how a retry comes to another of the weighted clusters. */
  readonly clusterRefresh?: ClusterRefresh;
  /** 0: no timeout. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number | undefined;
  readonly flushTimeoutMs: number | undefined;
  readonly maxStreamDuration: {
    readonly maxStreamDurationMs: number | undefined;
    readonly grpcTimeoutHeaderMaxMs: number | undefined;
    readonly grpcTimeoutHeaderOffsetMs: number | undefined;
  } | undefined;
  /** Deprecated max_grpc_timeout and offset. */
  readonly maxGrpcTimeoutMs: number | undefined;
  readonly grpcTimeoutOffsetMs: number | undefined;
  readonly priority: "default" | "high";
  readonly retryPolicy: RetryPolicy | undefined;
  readonly hedgePolicy: {
    readonly hedgeOnPerTryTimeout: boolean;
    readonly initialRequests: number;
    readonly additionalRequestChance: RuntimeFraction | undefined;
  } | undefined;
  readonly mirrorPolicies: readonly MirrorPolicy[];
  readonly internalRedirectPolicy: InternalRedirectPolicy | undefined;
  /** Metadata match criteria (`envoy.lb`) of route and weighted cluster, merged. */
  readonly metadataMatch: { readonly [key: string]: unknown } | undefined;
  readonly hashPolicies: readonly HashPolicy[];
  /** Upgrade types and whether this route allows them; undefined says nothing about the type. */
  upgradeEnabled(type: string): boolean | undefined;
  /** CONNECT is terminated here (connect_config). */
  readonly connectTermination: ConnectTermination | undefined;
  readonly autoHostRewrite: boolean;
  readonly appendXForwardedHost: boolean;
  /** Path and host rewrites; sets x-envoy-original-path / -host as Envoy does. */
  finalizeRequest(headers: HeaderMap, info: StreamInfo, insertOriginalPath: boolean): void;
  readonly includeVirtualHostRateLimits: boolean;
  readonly rateLimits: readonly unknown[];
}

/** Answers with a redirect. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  /** The Location value for this request, after `rewritePath`. */
  location(headers: HeaderMap): string;
  /** Rewrites `:path` (prefix and regex rewrites); sets x-envoy-original-path if asked for. */
  rewritePath(headers: HeaderMap, info: StreamInfo, insertOriginalPath: boolean): void;
}

/** Answers with a fixed status and body. */
export interface DirectResponseAction {
  readonly kind: "direct_response";
  readonly status: number;
  /** The body; binary string. */
  body(headers: HeaderMap, info: StreamInfo): string;
  readonly contentType: string | undefined;
}

/** Forwards nothing: a filter before the router has to answer. */
export interface NonForwardingAction {
  readonly kind: "non_forwarding";
}

/** Where copies of a share of the requests go. */
export interface MirrorPolicy {
  readonly clusterName: string | undefined;
  readonly clusterHeader: string;
  readonly fraction: RuntimeFraction | undefined;
  readonly disableShadowHostSuffix: boolean;
  /** request_headers_mutations and host_rewrite_literal, applied to the copy. */
  apply(headers: HeaderMap, info: StreamInfo): void;
}

/** Which redirects of the upstream are followed here, and how often. */
export interface InternalRedirectPolicy {
  readonly maxRedirects: number;
  readonly statuses: ReadonlySet<number>;
  readonly allowCrossScheme: boolean;
  readonly responseHeadersToCopy: readonly string[];
  /** Predicates by their config name: `previous_routes`, `allow_listed_routes`, `safe_cross_scheme`. */
  readonly predicates: readonly InternalRedirectPredicate[];
}

/** A further condition on the route that an internal redirect leads to. */
export interface InternalRedirectPredicate {
  readonly name: string;
  accepts(target: Route, info: StreamInfo, fromTls: boolean, toTls: boolean): boolean;
}

/** Retry conditions as configured; the request's headers may add to them. */
export interface RetryPolicy {
  /** Bits, see the router's retry conditions. */
  readonly retryOn: string;
  readonly numRetries: number | undefined;
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly retriableStatusCodes: readonly number[];
  /** Response headers that make a response retriable. */
  retriableResponse(headers: HeaderMap): boolean;
  readonly hasRetriableHeaders: boolean;
  /** Whether the request is one that may be retried at all; true without request matchers. */
  retriableRequest(headers: HeaderMap): boolean;
  readonly backOffBaseMs: number | undefined;
  readonly backOffMaxMs: number | undefined;
  readonly rateLimitedBackOff: {
    readonly resetHeaders: readonly {
      readonly name: string;
      readonly format: "seconds" | "unix";
    }[];
    readonly maxIntervalMs: number;
  } | undefined;
  readonly hostSelectionMaxAttempts: number;
  readonly hostPredicates: readonly object[];
  /** Tries after which the priorities of those before are left out; undefined: they never are. */
  readonly priorityUpdateFrequency: number | undefined;
  /** Whether the cluster is looked up and chosen again on each retry. */
  readonly refreshClusterOnRetry: boolean;
}

export type HashPolicy =
  | {
    readonly kind: "header";
    readonly name: string;
    readonly terminal: boolean;
    readonly rewrite: ((value: string) => string) | undefined;
  }
  | {
    readonly kind: "cookie";
    readonly name: string;
    readonly ttlSeconds: number | undefined;
    readonly path: string;
    readonly attributes: readonly (readonly [string, string])[];
    readonly terminal: boolean;
  }
  | { readonly kind: "source_ip"; readonly terminal: boolean }
  | { readonly kind: "query_parameter"; readonly name: string; readonly terminal: boolean }
  | { readonly kind: "filter_state"; readonly key: string; readonly terminal: boolean };
