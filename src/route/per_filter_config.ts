/**
 * `typed_per_filter_config` of all levels. The most specific level that names a filter decides
 * whether it runs; filters that merge get every level's configuration, the most specific first.
 */

import type { AnyMessage, envoy_config_route_v3_FilterConfig } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { PerFilterConfig } from "./route.ts";

/** What one level says of one filter. */
export interface LevelConfig {
  readonly disabled: boolean;
  /** The compiled configuration; undefined if the level only switches the filter. */
  readonly config: unknown;
  readonly type: string;
}

/** One level (weighted cluster, route, virtual host or table) by filter name. */
export type FilterLevel = ReadonlyMap<string, LevelConfig>;

/** The part of an HTTP filter's factory that compiles its per-route message. */
interface RouteConfigFactory {
  readonly routeType?: string;
  compileRoute?(message: object, context: CompileContext): unknown;
}

const FILTER_CONFIG = "envoy.config.route.v3.FilterConfig";

/** Compiles one level's map. */
export function compileFilterLevel(
  owner: object,
  configs: { readonly [name: string]: AnyMessage },
  context: CompileContext,
): FilterLevel {
  const level = new Map<string, LevelConfig>();
  for (const [name, message] of Object.entries(configs)) {
    const field = `typed_per_filter_config["${name}"]`;
    const compiled = message.$typeName === FILTER_CONFIG
      ? compileFilterConfig(
        message as envoy_config_route_v3_FilterConfig,
        { owner, field },
        context,
      )
      : compileConfig(message, { owner, field, isOptional: false }, context);
    if (compiled !== undefined) level.set(name, compiled);
  }
  return level;
}

interface Place {
  readonly owner: object;
  readonly field: string;
}

function compileFilterConfig(
  message: envoy_config_route_v3_FilterConfig,
  place: Place,
  context: CompileContext,
): LevelConfig | undefined {
  if (message.disabled) return { disabled: true, config: undefined, type: "" };
  if (message.config !== undefined) {
    return compileConfig(message.config, { ...place, isOptional: message.isOptional }, context);
  }
  const text = "FilterConfig must have either config or disabled";
  context.problems.error(message, "", text);
  return undefined;
}

function compileConfig(
  message: AnyMessage,
  place: Place & { readonly isOptional: boolean },
  context: CompileContext,
): LevelConfig | undefined {
  const factory = context.extension<RouteConfigFactory>("http_filter", message.$typeName);
  if (factory?.compileRoute === undefined) {
    if (!place.isOptional) {
      const effect = `"${message.$typeName}" has no effect on this route`;
      context.problems.unsupported(place.owner, place.field, effect, true);
    }
    return undefined;
  }
  if (message.$typeName !== factory.routeType) {
    const text = `Unable to unpack ${message.$typeName} as ${factory.routeType}`;
    context.problems.error(place.owner, place.field, text);
    return undefined;
  }
  const config = factory.compileRoute(message, context);
  return { disabled: false, config, type: message.$typeName };
}

/** Joins levels, the most specific first, into one look-up; undefined where none says anything. */
export function mergeFilterLevels(
  levels: readonly FilterLevel[],
): ReadonlyMap<string, PerFilterConfig> {
  const merged = new Map<string, PerFilterConfig>();
  const names = new Set(levels.flatMap((level) => [...level.keys()]));
  for (const name of names) {
    const given = levels.flatMap((level) => level.get(name) ?? []);
    const withConfig = given.filter((entry) => entry.config !== undefined);
    merged.set(name, {
      disabled: given[0]!.disabled,
      configs: withConfig.map((entry) => entry.config),
      types: withConfig.map((entry) => entry.type),
    });
  }
  return merged;
}
