/** The action that sends a request to a cluster. */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import type {
  envoy_config_core_v3_Metadata,
  envoy_config_route_v3_HedgePolicy,
  envoy_config_route_v3_RouteAction,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { compileHashPolicies } from "./hash_policy.ts";
import { compileHostRewrite, type HostRewrite, updateAuthority } from "./host_rewrite.ts";
import { compileInternalRedirect } from "./internal_redirect.ts";
import { compileMirrors } from "./mirror.ts";
import type { PathMatcher } from "./path_matcher.ts";
import { compilePathRewrite, type PathRewrite, rewritePath } from "./path_rewrite.ts";
import { compileRetryPolicy } from "./retry_policy.ts";
import type { MirrorPolicy, RetryPolicy, RouteAction } from "./route.ts";
import type { RouteScope } from "./scope.ts";
import { fraction, optionalMs, wholeMs } from "./units.ts";

const DEFAULT_TIMEOUT_MS = 15_000;
/** By the numbers of RouteAction.ClusterNotFoundResponseCode. */
const NOT_FOUND_STATUSES: readonly number[] = [503, 404, 500];

/** What a route takes from its virtual host where it says nothing itself. */
export interface InheritedPolicies {
  readonly retryPolicy: RetryPolicy | undefined;
  readonly hedgePolicy: RouteAction["hedgePolicy"];
  readonly mirrorPolicies: readonly MirrorPolicy[];
}

/** An action and the rewrites that its weighted clusters share. */
export interface CompiledAction {
  readonly action: RouteAction;
  /** The same with another cluster, of a weighted choice or a header. */
  withCluster(choice: ClusterChoice): RouteAction;
}

export interface ClusterChoice {
  readonly clusterName: string | undefined;
  readonly metadataMatch?: RouteAction["metadataMatch"];
  /** Host of a weighted cluster's host_rewrite_literal, "" if none. */
  readonly host?: string;
}

/** Compiles the action; `routeName` is for internal redirects. */
export function compileRouteAction(
  message: envoy_config_route_v3_RouteAction,
  place: {
    readonly matcher: PathMatcher;
    readonly routeName: string;
    readonly inherited: InheritedPolicies;
  },
  scope: RouteScope,
): CompiledAction {
  const { context } = scope;
  const rewrites: Rewrites = {
    host: compileHostRewrite(message, context),
    path: compileActionPathRewrite(message, place.matcher, context),
    appendsForwardedHost: message.appendXForwardedHost,
  };
  const mirrors = compileMirrors(message.requestMirrorPolicies, scope);
  const upgrades = compileUpgrades(message, context);
  const action: RouteAction = {
    kind: "route",
    clusterName: message.clusterSpecifier.case === "cluster"
      ? message.clusterSpecifier.value
      : undefined,
    clusterNotFoundStatus: NOT_FOUND_STATUSES[message.clusterNotFoundResponseCode] ?? 503,
    ...compileTimeouts(message),
    priority: message.priority === 1 ? "high" : "default",
    retryPolicy: message.retryPolicy === undefined
      ? place.inherited.retryPolicy
      : compileRetryPolicy(message.retryPolicy, context),
    hedgePolicy: message.hedgePolicy === undefined
      ? place.inherited.hedgePolicy
      : compileHedgePolicy(message.hedgePolicy),
    mirrorPolicies: mirrors.length > 0 ? mirrors : place.inherited.mirrorPolicies,
    internalRedirectPolicy: compileInternalRedirect(message, place.routeName, context),
    metadataMatch: lbMetadata(message.metadataMatch),
    hashPolicies: compileHashPolicies(message.hashPolicy, context),
    upgradeEnabled: (type) => upgrades.enabled.get(type.toLowerCase()),
    connectTermination: upgrades.connectTermination,
    autoHostRewrite: message.hostRewriteSpecifier.case === "autoHostRewrite" &&
      message.hostRewriteSpecifier.value.value,
    appendXForwardedHost: message.appendXForwardedHost,
    finalizeRequest: (headers, info, insertsOriginal) =>
      finalize(rewrites, { headers, info, insertsOriginal, clusterHost: "" }),
    includeVirtualHostRateLimits: message.includeVhRateLimits === true ||
      message.rateLimits.length === 0,
    rateLimits: message.rateLimits,
  };
  reportUnsupported(message, context);
  return {
    action,
    withCluster: ({ clusterName, metadataMatch, host = "" }) => ({
      ...action,
      clusterName,
      metadataMatch: mergeMetadata(action.metadataMatch, metadataMatch),
      finalizeRequest: host === ""
        ? action.finalizeRequest
        : (headers, info, insertsOriginal) =>
          finalize(rewrites, { headers, info, insertsOriginal, clusterHost: host }),
    }),
  };
}

function compileTimeouts(message: envoy_config_route_v3_RouteAction) {
  return {
    timeoutMs: optionalMs(message.timeout) ?? DEFAULT_TIMEOUT_MS,
    idleTimeoutMs: optionalMs(message.idleTimeout),
    flushTimeoutMs: optionalMs(message.flushTimeout),
    maxStreamDuration: maxStreamDuration(message),
    maxGrpcTimeoutMs: optionalMs(message.maxGrpcTimeout),
    grpcTimeoutOffsetMs: optionalMs(message.grpcTimeoutOffset),
  };
}

interface Rewrites {
  readonly host: HostRewrite | undefined;
  readonly path: PathRewrite | undefined;
  readonly appendsForwardedHost: boolean;
}

interface Finalization {
  readonly headers: HeaderMap;
  readonly info: StreamInfo;
  readonly insertsOriginal: boolean;
  /** Host of the weighted cluster, "" if none. */
  readonly clusterHost: string;
}

/** The weighted cluster's host comes first and leaves no trace; then host and path of the route. */
function finalize(rewrites: Rewrites, request: Finalization): void {
  const { headers, info } = request;
  if (request.clusterHost !== "") headers.setId(H.authority, request.clusterHost);
  if (rewrites.host !== undefined) {
    const host = rewrites.host(headers, info);
    if (host !== undefined && host !== "") {
      updateAuthority(headers, host, {
        appendsForwardedHost: rewrites.appendsForwardedHost,
        keepsOriginal: request.insertsOriginal,
      });
    }
  }
  if (rewrites.path !== undefined) rewritePath(rewrites.path, headers, request);
}

function compileActionPathRewrite(
  message: envoy_config_route_v3_RouteAction,
  matcher: PathMatcher,
  context: CompileContext,
): PathRewrite | undefined {
  const { prefixRewrite, regexRewrite, pathRewritePolicy: policy, pathRewrite: format } = message;
  const forms = { message, prefixRewrite, regexRewrite, policy, format };
  return compilePathRewrite(forms, matcher, context);
}

/** Compiles a hedge policy; initial and additional requests are not acted on by Envoy either. */
export function compileHedgePolicy(
  message: envoy_config_route_v3_HedgePolicy,
): NonNullable<RouteAction["hedgePolicy"]> {
  return {
    hedgeOnPerTryTimeout: message.hedgeOnPerTryTimeout,
    initialRequests: message.initialRequests ?? 1,
    additionalRequestChance: message.additionalRequestChance === undefined
      ? undefined
      : fraction(message.additionalRequestChance),
  };
}

function maxStreamDuration(
  message: envoy_config_route_v3_RouteAction,
): RouteAction["maxStreamDuration"] {
  const given = message.maxStreamDuration;
  if (given === undefined) return undefined;
  return {
    maxStreamDurationMs: optionalMs(given.maxStreamDuration),
    grpcTimeoutHeaderMaxMs: optionalMs(given.grpcTimeoutHeaderMax),
    grpcTimeoutHeaderOffsetMs: optionalMs(given.grpcTimeoutHeaderOffset),
  };
}

interface Upgrades {
  readonly enabled: ReadonlyMap<string, boolean>;
  readonly connectTermination: RouteAction["connectTermination"];
}

function compileUpgrades(
  message: envoy_config_route_v3_RouteAction,
  context: CompileContext,
): Upgrades {
  const enabled = new Map<string, boolean>();
  let connectTermination: RouteAction["connectTermination"];
  for (const upgrade of message.upgradeConfigs) {
    const type = upgrade.upgradeType.toLowerCase();
    if (enabled.has(type)) {
      context.problems.error(upgrade, "upgrade_type", `Duplicate upgrade ${upgrade.upgradeType}`);
    }
    enabled.set(type, upgrade.enabled ?? true);
    const connect = upgrade.connectConfig;
    if (connect === undefined) continue;
    if (type !== "connect" && type !== "connect-udp") {
      const text = `Non-CONNECT upgrade type ${upgrade.upgradeType} has ConnectConfig`;
      context.problems.error(upgrade, "connect_config", text);
    }
    const proxy = connect.proxyProtocolConfig;
    if (proxy?.passThroughTlvs !== undefined) {
      context.problems.unsupported(proxy, "pass_through_tlvs", "only added_tlvs are written", true);
    }
    connectTermination = {
      allowPost: connect.allowPost,
      proxy: proxy === undefined ? undefined : {
        // V1 is 0 in the message, V2 is 1.
        version: proxy.version === 1 ? 2 : 1,
        tlvs: proxy.addedTlvs.map(({ type, value }) => ({ type, value })),
      },
    };
  }
  return { enabled, connectTermination };
}

/** The `envoy.lb` part of a metadata match, which load balancers read. */
export function lbMetadata(
  message: envoy_config_core_v3_Metadata | undefined,
): RouteAction["metadataMatch"] {
  return message?.filterMetadata["envoy.lb"];
}

function mergeMetadata(
  route: RouteAction["metadataMatch"],
  cluster: RouteAction["metadataMatch"],
): RouteAction["metadataMatch"] {
  if (cluster === undefined) return route;
  return route === undefined ? cluster : { ...route, ...cluster };
}

function reportUnsupported(
  message: envoy_config_route_v3_RouteAction,
  context: CompileContext,
): void {
  if (message.earlyDataPolicy !== undefined) {
    context.problems.unsupported(message, "early_data_policy", "no early data is sent upstream");
  }
  if (message.timeout !== undefined && wholeMs(message.timeout) < 0) {
    context.problems.error(message, "timeout", "Invalid duration: Expected positive duration");
  }
}
