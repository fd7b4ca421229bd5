/** Joins the registries of all rooms: what a worker compiles. Main has clusters' types only. */

import type { ExtensionRow } from "../base/mod.ts";
import { ACCESS_LOGGERS } from "../access_log/mod.ts";
import { HTTP_FILTERS, LISTENER_FILTERS, NETWORK_FILTERS } from "../filters/mod.ts";
import { CLUSTER_TYPES } from "../upstream/mod.ts";
import type { Registries } from "./extensions.ts";

const ROOM_ROWS: readonly ExtensionRow[] = [
  {
    name: "envoy.filters.http.router",
    type: "envoy.extensions.filters.http.router.v3.Router",
    load: async () => (await import("../router/mod.ts")).routerFactory,
  },
];

const HCM_ROWS: readonly ExtensionRow[] = [
  {
    name: "envoy.filters.network.http_connection_manager",
    type: "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    load: async () => (await import("../connection_manager/mod.ts")).httpConnectionManagerFactory,
  },
];

/** Every extension there is. */
export const REGISTRIES: Registries = [
  ["http_filter", [...HTTP_FILTERS, ...ROOM_ROWS]],
  ["network_filter", [...NETWORK_FILTERS, ...HCM_ROWS]],
  ["listener_filter", LISTENER_FILTERS],
  ["access_logger", ACCESS_LOGGERS],
  ["cluster_type", CLUSTER_TYPES],
];
