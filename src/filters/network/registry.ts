/** Network filters by the type of their message, in name order; loaded when configured. */

import type { NetworkFilterFactory } from "../../filter_chain/mod.ts";

interface NetworkFilterRow {
  readonly name: string;
  readonly type: string;
  readonly load: () => Promise<NetworkFilterFactory>;
}

export const NETWORK_FILTERS = [
  {
    name: "envoy.filters.network.tcp_proxy",
    type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    load: async () => (await import("./tcp_proxy.ts")).tcpProxyFactory as NetworkFilterFactory,
  },
] as const satisfies readonly NetworkFilterRow[];
