/** One route of a virtual host: what it asks for, and the route objects it may yield. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import { binaryText, headerName } from "../matching/mod.ts";
import type {
  AnyMessage,
  envoy_config_route_v3_CorsPolicy,
  envoy_config_route_v3_Route,
  envoy_config_route_v3_RouteAction,
  envoy_config_route_v3_Tracing,
  envoy_config_route_v3_WeightedCluster_ClusterWeight,
} from "../proto/mod.ts";
import { CompiledRoute, type RouteParts } from "./compiled_route.ts";
import { compileConditions, type Condition } from "./conditions.ts";
import { compileDirectResponse } from "./direct_response.ts";
import { compileLevelChanges, type HeaderChanges } from "./header_changes.ts";
import { compilePathMatcher, type PathMatcher } from "./path_matcher.ts";
import { compileFilterLevel, type FilterLevel, mergeFilterLevels } from "./per_filter_config.ts";
import { compileRedirect } from "./redirect.ts";
import type { ClusterRefresh, Route, RouteAction, RouteTracing } from "./route.ts";
import {
  type CompiledAction,
  compileRouteAction,
  type InheritedPolicies,
  lbMetadata,
} from "./route_action.ts";
import type { LevelChanges, RouteScope } from "./scope.ts";
import { fraction } from "./units.ts";
import { checkWeights, compileWeightedChoice, type WeightedChoice } from "./weighted.ts";

/** What routes take from their virtual host. */
export interface VirtualHostLevel {
  readonly changes: LevelChanges;
  readonly filters: FilterLevel;
  readonly inherited: InheritedPolicies;
  readonly cors: envoy_config_route_v3_CorsPolicy | undefined;
  readonly bufferLimits: BufferLimits;
  /** Parts of a route that says nothing itself. */
  readonly parts: RouteParts;
}

/** Yields the route of a request that matches. */
type Selection = (headers: HeaderMap, info: StreamInfo, random: number) => Route;

/** A path matcher with further conditions, and the route a request gets that meets them all. */
export class RouteEntry {
  readonly path: PathMatcher;
  /** Whether requests without a path may match: CONNECT. */
  readonly #allowsNoPath: boolean;
  readonly #conditions: readonly Condition[];
  readonly select: Selection;

  constructor(
    path: PathMatcher,
    conditions: readonly Condition[],
    options: { readonly select: Selection; readonly allowsNoPath: boolean },
  ) {
    this.path = path;
    this.#conditions = conditions;
    this.select = options.select;
    this.#allowsNoPath = options.allowsNoPath;
  }

  /** @param path without query and fragment; undefined if the request has none */
  matchesPath(path: string | undefined, headers: HeaderMap): boolean {
    if (path === undefined) return this.#allowsNoPath && this.path.matches("", headers);
    return this.path.matches(path, headers);
  }

  holds(headers: HeaderMap, info: StreamInfo, random: number): boolean {
    const conditions = this.#conditions;
    for (let i = 0; i < conditions.length; i++) {
      if (!conditions[i]!(headers, info, random)) return false;
    }
    return true;
  }
}

/**
 * One Route message compiled within its virtual host.
 * @throws {RangeError} if validation let one without `match` pass.
 */
export function compileRouteEntry(
  message: envoy_config_route_v3_Route,
  level: VirtualHostLevel,
  scope: RouteScope,
): RouteEntry {
  const { context } = scope;
  const match = message.match;
  if (match === undefined) {
    context.problems.error(message, "match", "value is required");
    throw new RangeError("A route without a match passed the validation rules");
  }
  const path = compilePathMatcher(match, context);
  for (const specifier of message.routeSpecifiers) {
    const effect = `"${specifier.name}" does not change the route`;
    context.problems.unsupported(message, "route_specifiers", effect, true);
  }
  return new RouteEntry(path, compileConditions(match, context), {
    select: compileSelection(message, path, { level, scope }),
    allowsNoPath: match.pathSpecifier.case === "connectMatcher",
  });
}

interface Surroundings {
  readonly level: VirtualHostLevel;
  readonly scope: RouteScope;
}

function compileSelection(
  message: envoy_config_route_v3_Route,
  path: PathMatcher,
  { level, scope }: Surroundings,
): Selection {
  const { context } = scope;
  const builder = new RouteBuilder(message, level, scope);
  const action = message.action;
  switch (action.case) {
    case "route": {
      const place = { matcher: path, routeName: message.name, inherited: level.inherited };
      const compiled = compileRouteAction(action.value, place, scope);
      return compileClusterSelection(action.value, compiled, { builder, scope });
    }
    case "redirect":
      return builder.fixed(compileRedirect(action.value, path, context));
    case "directResponse":
      return builder.fixed(
        compileDirectResponse(action.value, scope.maxDirectResponseBodyBytes, context),
      );
    case "nonForwardingAction":
      return builder.fixed({ kind: "non_forwarding" });
    case "filterAction":
      context.problems.unsupported(message, "filter_action", "requests are not answered", true);
      return builder.fixed({ kind: "non_forwarding" });
    case undefined:
      context.problems.error(message, "action", "value is required");
      return builder.fixed({ kind: "non_forwarding" });
  }
}

/** Builds route objects of one route message. */
class RouteBuilder {
  readonly #message: envoy_config_route_v3_Route;
  readonly #level: VirtualHostLevel;
  readonly #scope: RouteScope;
  readonly #changes: LevelChanges;
  readonly #filters: FilterLevel;

  constructor(message: envoy_config_route_v3_Route, level: VirtualHostLevel, scope: RouteScope) {
    this.#message = message;
    this.#level = level;
    this.#scope = scope;
    this.#changes = compileLevelChanges(message, scope.context);
    this.#filters = this.#compileFilters();
  }

  fixed(action: Route["action"]): Selection {
    const route = this.build(action);
    return () => route;
  }

  /** @param cluster the weighted cluster whose route this is */
  build(
    action: Route["action"],
    cluster?: envoy_config_route_v3_WeightedCluster_ClusterWeight,
  ): CompiledRoute {
    const { context } = this.#scope;
    const changes = cluster === undefined ? undefined : compileLevelChanges(cluster, context);
    const filters = cluster === undefined
      ? undefined
      : compileFilterLevel(cluster, cluster.typedPerFilterConfig, context);
    const message = this.#message;
    const { parts } = this.#level;
    return new CompiledRoute({
      ...parts,
      routeName: message.name,
      metadata: message.metadata?.filterMetadata,
      requestChanges: this.#ordered("request", changes),
      responseChanges: this.#ordered("response", changes),
      filters: mergeFilterLevels([
        ...(filters === undefined ? [] : [filters]),
        this.#filters,
        this.#level.filters,
        this.#scope.tableFilters,
      ]),
      routeStatPrefix: message.statPrefix === ""
        ? undefined
        : `${parts.virtualHost.statPrefix}.route.${message.statPrefix}`,
      decorator: message.decorator === undefined ? undefined : {
        operation: binaryText(message.decorator.operation),
        propagate: message.decorator.propagate ?? true,
      },
      tracing: message.tracing === undefined ? undefined : compileTracing(message.tracing),
      bufferLimitBytes: bufferLimit(message, this.#level.bufferLimits),
    }, action);
  }

  /** Changes of all levels in the order they apply: what comes later wins. */
  #ordered(
    direction: "request" | "response",
    cluster: LevelChanges | undefined,
  ): readonly HeaderChanges[] {
    const levels = [
      cluster?.[direction],
      this.#changes[direction],
      this.#level.changes[direction],
      this.#scope.tableChanges[direction],
    ].filter((changes) => changes !== undefined);
    return this.#scope.mostSpecificWins ? levels.reverse() : levels;
  }

  #compileFilters(): FilterLevel {
    const message = this.#message;
    const { context } = this.#scope;
    const level = new Map(compileFilterLevel(message, message.typedPerFilterConfig, context));
    const cors = message.action.case === "route" ? message.action.value.cors : undefined;
    const policy = cors ?? this.#level.cors;
    if (policy !== undefined && !level.has(CORS_FILTER)) {
      const compiled = compileFilterLevel(message, { [CORS_FILTER]: corsMessage(policy) }, context);
      for (const [name, config] of compiled) level.set(name, config);
    }
    return level;
  }
}

const CORS_FILTER = "envoy.filters.http.cors";

/** The deprecated `cors` of routes and virtual hosts, as the filter's own message. */
function corsMessage(policy: envoy_config_route_v3_CorsPolicy): AnyMessage {
  const { enabledSpecifier, ...rest } = policy;
  const converted = {
    ...rest,
    $typeName: "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    filterEnabled: enabledSpecifier.value,
  };
  return converted;
}

function compileClusterSelection(
  message: envoy_config_route_v3_RouteAction,
  compiled: CompiledAction,
  { builder, scope }: { readonly builder: RouteBuilder; readonly scope: RouteScope },
): Selection {
  const { context, clusters } = scope;
  const specifier = message.clusterSpecifier;
  switch (specifier.case) {
    case "cluster":
      if (clusters !== undefined && !clusters.has(specifier.value)) {
        const text = `route: unknown cluster '${specifier.value}'`;
        context.problems.error(message, "cluster", text);
      }
      return builder.fixed(compiled.action);
    case "clusterHeader":
      return clusterFromHeader(specifier.value, compiled.action, builder.build(compiled.action));
    case "weightedClusters": {
      checkWeights(specifier.value, context);
      const choose = compileWeightedChoice(
        specifier.value,
        compiled.action.hashPolicies,
        context,
      );
      const refresh = compiled.action.retryPolicy?.refreshClusterOnRetry === true
        ? new WeightedRefresh(choose)
        : undefined;
      const selections = specifier.value.clusters.map((cluster) =>
        compileWeight(cluster, compiled, { builder, scope, refresh })
      );
      return (headers, info, random) =>
        selections[choose(headers, info, random)]!(headers, info, random);
    }
    case "clusterSpecifierPlugin":
    case "inlineClusterSpecifierPlugin": {
      const effect = "the route's requests are answered with 503";
      context.problems.unsupported(message, "cluster_specifier_plugin", effect, true);
      return builder.fixed(compiled.action);
    }
    case undefined:
      context.problems.error(message, "cluster_specifier", "value is required");
      return builder.fixed(compiled.action);
  }
}

function compileWeight(
  cluster: envoy_config_route_v3_WeightedCluster_ClusterWeight,
  compiled: CompiledAction,
  { builder, scope, refresh }: {
    readonly builder: RouteBuilder;
    readonly scope: RouteScope;
    readonly refresh: WeightedRefresh | undefined;
  },
): Selection {
  const { context, clusters } = scope;
  if (cluster.name !== "" && clusters !== undefined && !clusters.has(cluster.name)) {
    const text = `route: unknown weighted cluster '${cluster.name}'`;
    context.problems.error(cluster, "name", text);
  }
  const host = cluster.hostRewriteSpecifier;
  const choice = {
    clusterName: cluster.name === "" ? undefined : cluster.name,
    metadataMatch: lbMetadata(cluster.metadataMatch),
    host: host.case === "hostRewriteLiteral" ? binaryText(host.value) : "",
  };
  const plain = compiled.withCluster(choice);
  const action = refresh === undefined ? plain : refresh.add(plain);
  const route = builder.build(action, cluster);
  if (cluster.clusterHeader === "") return () => route;
  return clusterFromHeader(cluster.clusterHeader, action, route);
}

/** Gathers the actions of a route's weighted clusters and chooses again among them for retries. */
class WeightedRefresh {
  readonly #choose: WeightedChoice;
  readonly #actions: RouteAction[] = [];

  constructor(choose: WeightedChoice) {
    this.#choose = choose;
  }

  /** The action with what a retry needs to leave it. */
  add(action: RouteAction): RouteAction {
    const index = this.#actions.length;
    const refresh: ClusterRefresh = {
      index,
      next: (tried, { headers, info, random }) => {
        let next = this.#choose(headers, info, random, tried);
        if (tried.has(next)) {
          tried.clear();
          next = this.#choose(headers, info, random);
        }
        return this.#actions[next]!;
      },
    };
    const refreshing = { ...action, clusterRefresh: refresh };
    this.#actions.push(refreshing);
    return refreshing;
  }
}

/** The first value of the header names the cluster: one route object a request. */
function clusterFromHeader(
  header: string,
  action: RouteAction,
  route: CompiledRoute,
): Selection {
  const name = headerName(header);
  return (headers) => {
    const clusterName = headers.get(name);
    return clusterName === undefined || clusterName === ""
      ? route
      : route.withAction({ ...action, clusterName });
  };
}

function compileTracing(message: envoy_config_route_v3_Tracing): RouteTracing {
  return {
    clientSampling: message.clientSampling && fraction(message.clientSampling),
    randomSampling: message.randomSampling && fraction(message.randomSampling),
    overallSampling: message.overallSampling && fraction(message.overallSampling),
    customTags: message.customTags,
    operation: message.operation,
    upstreamOperation: message.upstreamOperation,
  };
}

/** What a route or virtual host says of request bodies that may be kept, in bytes. */
export interface BufferLimits {
  readonly perRequestBufferLimitBytes?: number;
  readonly requestBodyBufferLimit?: bigint;
}

/** The limit that counts: the newer field wins, on whatever level it stands. */
export function bufferLimit(
  route: BufferLimits | undefined,
  host: BufferLimits,
): number | undefined {
  const newer = route?.requestBodyBufferLimit ?? host.requestBodyBufferLimit;
  if (newer !== undefined) return Number(newer);
  return route?.perRequestBufferLimitBytes ?? host.perRequestBufferLimitBytes;
}
