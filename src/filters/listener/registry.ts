/** Listener filters, in order of their names; each is loaded when a configuration names its type. */

import type { ExtensionRow } from "../../base/mod.ts";
import type { ListenerFilterFactory } from "../../filter_chain/mod.ts";

export const LISTENER_FILTERS = [
  {
    name: "envoy.filters.listener.http_inspector",
    type: "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
    load: async () => (await import("./http_inspector.ts")).httpInspector,
  },
  {
    name: "envoy.filters.listener.local_ratelimit",
    type: "envoy.extensions.filters.listener.local_ratelimit.v3.LocalRateLimit",
    load: async () => (await import("./local_ratelimit.ts")).localRatelimit,
  },
  {
    name: "envoy.filters.listener.proxy_protocol",
    type: "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
    load: async () => (await import("./proxy_protocol.ts")).proxyProtocol,
  },
  {
    name: "envoy.filters.listener.tls_inspector",
    type: "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    load: async () => (await import("./tls_inspector.ts")).tlsInspector,
  },
] as const satisfies readonly ExtensionRow<ListenerFilterFactory>[];
