/** Network filters by the type of their message, in name order; loaded when configured. */

import type { ExtensionRow } from "../../base/mod.ts";
import type { NetworkFilterFactory } from "../../filter_chain/mod.ts";

export const NETWORK_FILTERS = [
  {
    name: "envoy.filters.network.direct_response",
    type: "envoy.extensions.filters.network.direct_response.v3.Config",
    load: async () => (await import("./direct_response.ts")).directResponseFactory,
  },
  {
    name: "envoy.filters.network.echo",
    type: "envoy.extensions.filters.network.echo.v3.Echo",
    load: async () => (await import("./echo.ts")).echoFactory,
  },
  {
    name: "envoy.filters.network.set_filter_state",
    type: "envoy.extensions.filters.network.set_filter_state.v3.Config",
    load: async () => (await import("./set_filter_state.ts")).setFilterStateFactory,
  },
  {
    name: "envoy.filters.network.sni_cluster",
    type: "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
    load: async () => (await import("./sni_cluster.ts")).sniClusterFactory,
  },
  {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    type: "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
    load: async () =>
      (await import("./sni_dynamic_forward_proxy.ts")).sniDynamicForwardProxyFactory,
  },
  {
    name: "envoy.filters.network.tcp_proxy",
    type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    load: async () => (await import("./tcp_proxy.ts")).tcpProxyFactory,
  },
] as const satisfies readonly ExtensionRow<NetworkFilterFactory>[];
