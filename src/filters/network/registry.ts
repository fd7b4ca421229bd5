/** Network filters by the type of their message, in name order; loaded when configured. */

import type { NetworkFilterFactory } from "../../filter_chain/mod.ts";

interface NetworkFilterRow {
  readonly name: string;
  readonly type: string;
  readonly load: () => Promise<NetworkFilterFactory>;
}

export const NETWORK_FILTERS = [
  {
    name: "envoy.filters.network.direct_response",
    type: "envoy.extensions.filters.network.direct_response.v3.Config",
    load: async () =>
      (await import("./direct_response.ts")).directResponseFactory as NetworkFilterFactory,
  },
  {
    name: "envoy.filters.network.echo",
    type: "envoy.extensions.filters.network.echo.v3.Echo",
    load: async () => (await import("./echo.ts")).echoFactory as NetworkFilterFactory,
  },
  {
    name: "envoy.filters.network.set_filter_state",
    type: "envoy.extensions.filters.network.set_filter_state.v3.Config",
    load: async () =>
      (await import("./set_filter_state.ts")).setFilterStateFactory as NetworkFilterFactory,
  },
  {
    name: "envoy.filters.network.sni_cluster",
    type: "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
    load: async () => (await import("./sni_cluster.ts")).sniClusterFactory as NetworkFilterFactory,
  },
  {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    type: "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
    load: async () =>
      (await import("./sni_dynamic_forward_proxy.ts"))
        .sniDynamicForwardProxyFactory as NetworkFilterFactory,
  },
  {
    name: "envoy.filters.network.tcp_proxy",
    type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    load: async () => (await import("./tcp_proxy.ts")).tcpProxyFactory as NetworkFilterFactory,
  },
] as const satisfies readonly NetworkFilterRow[];
