/** `typed_per_filter_config`: types that some filter takes for a route. */

import type {
  AnyMessage,
  envoy_config_route_v3_FilterConfig as FilterConfig,
} from "../../proto/mod.ts";
import type { Checks, SemanticContext } from "./context.ts";

const FILTER_CONFIG = "envoy.config.route.v3.FilterConfig";
/** Filters whose configuration for a route is of the same type as for the chain. */
const NEVER_PER_ROUTE: ReadonlySet<string> = new Set([
  "envoy.extensions.filters.http.router.v3.Router",
]);

interface Holder {
  readonly typedPerFilterConfig: { readonly [name: string]: AnyMessage };
}

function check(holder: Holder & object, context: SemanticContext): void {
  for (const [name, config] of Object.entries(holder.typedPerFilterConfig)) {
    const at = `typed_per_filter_config["${name}"]`;
    if (config.$typeName !== FILTER_CONFIG) {
      checkType(config, { holder, at, isOptional: false }, context);
      continue;
    }
    const wrapper = config as FilterConfig;
    if (wrapper.config === undefined) {
      if (wrapper.disabled || wrapper.isOptional) continue;
      context.problems.error(holder, at, "a FilterConfig needs a config or disabled: true");
    } else if (wrapper.config.$typeName !== "google.protobuf.Any") {
      // An empty config is how a route switches a filter on that is disabled in the chain.
      checkType(wrapper.config, { holder, at, isOptional: wrapper.isOptional }, context);
    }
  }
}

function checkType(
  config: AnyMessage,
  where: { readonly holder: object; readonly at: string; readonly isOptional: boolean },
  { decoder, problems }: SemanticContext,
): void {
  const { holder, at, isOptional } = where;
  const type = config.$typeName;
  const isFilter = decoder.knownTypes().extensionsOf(type).some((extension) =>
    extension.category === "envoy.filters.http"
  );
  if (!isFilter && !isOptional) {
    problems.error(holder, at, `${type} is no HTTP filter's configuration`);
  } else if (NEVER_PER_ROUTE.has(type)) {
    problems.error(holder, at, "this filter takes no configuration for a route");
  }
}

/** Checks by message type. */
export const PER_ROUTE_CHECKS: Checks = {
  "envoy.config.route.v3.RouteConfiguration": check,
  "envoy.config.route.v3.VirtualHost": check,
  "envoy.config.route.v3.Route": check,
  "envoy.config.route.v3.WeightedCluster.ClusterWeight": check,
};
