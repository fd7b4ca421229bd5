/** A compiled virtual host: its routes in order, or its matcher tree. */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import { compileMatcherTree, type MatcherTree } from "../matching/mod.ts";
import type {
  AnyMessage,
  envoy_config_route_v3_Route,
  envoy_config_route_v3_VirtualHost,
  xds_type_matcher_v3_Matcher,
} from "../proto/mod.ts";
import { CompiledRoute } from "./compiled_route.ts";
import { compileLevelChanges } from "./header_changes.ts";
import { compileMirrors } from "./mirror.ts";
import { compileFilterLevel } from "./per_filter_config.ts";
import { TLS_REDIRECT } from "./redirect.ts";
import { compileRetryPolicy } from "./retry_policy.ts";
import type { Route, VirtualHostInfo } from "./route.ts";
import { compileHedgePolicy } from "./route_action.ts";
import {
  bufferLimit,
  compileRouteEntry,
  type RouteEntry,
  type VirtualHostLevel,
} from "./route_entry.ts";
import { RouteList } from "./route_list.ts";
import type { RouteScope } from "./scope.ts";
import { compileVirtualClusters } from "./virtual_cluster.ts";

/** Which plain requests are sent to https; by the numbers of VirtualHost.TlsRequirementType. */
const TLS_REQUIREMENTS = ["none", "external_only", "all"] as const;
type TlsRequirement = typeof TLS_REQUIREMENTS[number];

/**
 * Finds the route of a request whose host name has led here, or the redirect to https it must
 * take.
 */
export class CompiledVirtualHost {
  readonly #routes: RouteList;
  readonly #tree: MatcherTree<RouteList> | undefined;
  readonly #tls: TlsRequirement;
  readonly #tlsRedirect: Route;

  constructor(
    routes: RouteList,
    tree: MatcherTree<RouteList> | undefined,
    options: { readonly tls: TlsRequirement; readonly tlsRedirect: Route },
  ) {
    this.#routes = routes;
    this.#tree = tree;
    this.#tls = options.tls;
    this.#tlsRedirect = options.tlsRedirect;
  }

  match(headers: HeaderMap, info: StreamInfo, random: number): Route | undefined {
    if (this.#tls !== "none" && this.#wantsTls(headers)) return this.#tlsRedirect;
    if (this.#tree === undefined) return this.#routes.match(headers, info, random);
    const routes = this.#tree.match({ requestHeaders: headers, connection: info.connection, info });
    return routes?.match(headers, info, random);
  }

  /** The scheme the client used, as the trusted x-forwarded-proto tells. */
  #wantsTls(headers: HeaderMap): boolean {
    if (headers.getId(H.xForwardedProto) === "https") return false;
    return this.#tls === "all" || headers.getId(H.xEnvoyInternal) !== "true";
  }
}

/** One VirtualHost message compiled; both `matcher` and `routes` in it are an error. */
export function compileVirtualHost(
  message: envoy_config_route_v3_VirtualHost,
  scope: RouteScope,
): CompiledVirtualHost {
  const level = compileVirtualHostLevel(message, scope);
  const { context } = scope;
  if (message.matcher !== undefined && message.routes.length > 0) {
    context.problems.error(
      message,
      "matcher",
      "cannot set both matcher and routes on virtual host",
    );
  }
  for (const specifier of message.routeSpecifiers) {
    const effect = `"${specifier.name}" chooses no route`;
    context.problems.unsupported(message, "route_specifiers", effect, true);
  }
  const routes = new RouteList(
    message.routes.map((route) => compileRouteEntry(route, level, scope)),
    scope.ignoresPathParameters,
  );
  const tree = message.matcher === undefined
    ? undefined
    : compileTree(message.matcher, level, scope);
  return new CompiledVirtualHost(routes, tree, {
    tls: TLS_REQUIREMENTS[message.requireTls] ?? "none",
    tlsRedirect: new CompiledRoute(
      { ...level.parts, requestChanges: [], responseChanges: [] },
      TLS_REDIRECT,
    ),
  });
}

/** What all routes of the virtual host share. */
function compileVirtualHostLevel(
  message: envoy_config_route_v3_VirtualHost,
  scope: RouteScope,
): VirtualHostLevel {
  const { context } = scope;
  const mirrors = compileMirrors(message.requestMirrorPolicies, scope);
  const statPrefix = `vhost.${message.name}`;
  const virtualHost: VirtualHostInfo = {
    name: message.name,
    statPrefix,
    rateLimits: message.rateLimits,
    includeRequestAttemptCount: message.includeRequestAttemptCount,
    includeAttemptCountInResponse: message.includeAttemptCountInResponse,
    includeIsTimeoutRetry: message.includeIsTimeoutRetryHeader,
    hasVirtualClusters: message.virtualClusters.length > 0,
  };
  return {
    changes: compileLevelChanges(message, context),
    filters: compileFilterLevel(message, message.typedPerFilterConfig, context),
    inherited: {
      retryPolicy: message.retryPolicy === undefined
        ? undefined
        : compileRetryPolicy(message.retryPolicy, context),
      hedgePolicy: message.hedgePolicy === undefined
        ? undefined
        : compileHedgePolicy(message.hedgePolicy),
      mirrorPolicies: mirrors.length > 0 ? mirrors : scope.tableMirrors,
    },
    cors: message.cors,
    bufferLimits: message,
    parts: {
      routeName: "",
      metadata: undefined,
      virtualHost,
      virtualClusters: compileVirtualClusters(message, statPrefix, context),
      requestChanges: [],
      responseChanges: [],
      filters: new Map(),
      routeStatPrefix: undefined,
      decorator: undefined,
      tracing: undefined,
      bufferLimitBytes: bufferLimit(undefined, message),
    },
  };
}

const ROUTE = "envoy.config.route.v3.Route";
const ROUTE_LIST = "envoy.config.route.v3.RouteList";

function compileTree(
  message: xds_type_matcher_v3_Matcher,
  level: VirtualHostLevel,
  scope: RouteScope,
): MatcherTree<RouteList> {
  return compileMatcherTree<RouteList>(message, {
    context: scope.context,
    compileAction: (action) => {
      const routes = routesOf(action);
      if (routes === undefined) {
        const effect = `matcher action "${action.$typeName}" is no route`;
        scope.context.problems.unsupported(action, "", effect, true);
        return undefined;
      }
      const entries: RouteEntry[] = routes.map((route) => compileRouteEntry(route, level, scope));
      return new RouteList(entries, scope.ignoresPathParameters);
    },
  });
}

function routesOf(action: AnyMessage): readonly envoy_config_route_v3_Route[] | undefined {
  if (action.$typeName === ROUTE) return [action as envoy_config_route_v3_Route];
  if (action.$typeName !== ROUTE_LIST) return undefined;
  return (action as AnyMessage & { readonly routes: readonly envoy_config_route_v3_Route[] })
    .routes;
}
