/** HTTP filters by the type of their message, in name order; loaded when configured. The router has its own room. */

import type { ExtensionRow } from "../../base/mod.ts";
import type { HttpFilterFactory } from "../../filter_chain/mod.ts";

export const HTTP_FILTERS = [
  {
    name: "envoy.filters.http.dynamic_forward_proxy",
    type: "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
    routeType: "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig",
    load: async () => (await import("./dynamic_forward_proxy.ts")).dynamicForwardProxyFactory,
  },
  {
    name: "envoy.filters.http.header_mutation",
    type: "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
    routeType: "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
    load: async () => (await import("./header_mutation.ts")).headerMutationFactory,
  },
  {
    name: "envoy.filters.http.header_to_metadata",
    type: "envoy.extensions.filters.http.header_to_metadata.v3.Config",
    routeType: "envoy.extensions.filters.http.header_to_metadata.v3.Config",
    load: async () => (await import("./header_to_metadata.ts")).headerToMetadataFactory,
  },
  {
    name: "envoy.filters.http.health_check",
    type: "envoy.extensions.filters.http.health_check.v3.HealthCheck",
    load: async () => (await import("./health_check.ts")).healthCheckFactory,
  },
  {
    name: "envoy.filters.http.set_filter_state",
    type: "envoy.extensions.filters.http.set_filter_state.v3.Config",
    routeType: "envoy.extensions.filters.http.set_filter_state.v3.Config",
    load: async () => (await import("./set_filter_state.ts")).setFilterStateFactory,
  },
] as const satisfies readonly ExtensionRow<HttpFilterFactory>[];
