/**
 * Joins the registries of all rooms. A row loads its file only when a configuration names its
 * type, so that an extension nobody uses costs neither start-up time nor memory.
 */

import type { ExtensionCategory } from "../base/mod.ts";
import { ACCESS_LOGGERS } from "../access_log/mod.ts";
import { HTTP_FILTERS, LISTENER_FILTERS, NETWORK_FILTERS } from "../filters/mod.ts";
import { CLUSTER_TYPES } from "../upstream/mod.ts";

/** One extension: `load` resolves to its factory. */
export interface ExtensionRow {
  readonly name: string;
  readonly type: string;
  /** Another message that names it: an HTTP filter's per-route configuration. */
  readonly routeType?: string;
  readonly load: () => Promise<unknown>;
}

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

const REGISTRIES: readonly (readonly [ExtensionCategory, readonly ExtensionRow[]])[] = [
  ["http_filter", [...HTTP_FILTERS, ...ROOM_ROWS]],
  ["network_filter", [...NETWORK_FILTERS, ...HCM_ROWS]],
  ["listener_filter", LISTENER_FILTERS],
  ["access_logger", ACCESS_LOGGERS],
  ["cluster_type", CLUSTER_TYPES],
];

function typesOf({ type, routeType }: ExtensionRow): readonly string[] {
  return routeType === undefined ? [type] : [type, routeType];
}

/** The extensions loaded so far, by category and message type. */
export class Extensions {
  readonly #loaded = new Map<string, unknown>();

  /**
   * Loads what `typeNames` need; unknown types are left to the compile steps to report.
   * @param only the one category that the thread compiles
   */
  async load(typeNames: Iterable<string>, only?: ExtensionCategory): Promise<void> {
    const wanted = new Set(typeNames);
    const loads: Promise<void>[] = [];
    for (const [category, rows] of REGISTRIES) {
      if (only !== undefined && category !== only) continue;
      for (const row of rows) {
        const types = typesOf(row);
        if (!types.some((type) => wanted.has(type))) continue;
        if (this.#loaded.has(`${category}/${row.type}`)) continue;
        loads.push(
          row.load().then((factory) => {
            for (const type of types) this.put(category, type, factory);
          }),
        );
      }
    }
    await Promise.all(loads);
  }

  /** Puts in an extension that no registry has: the server's own. */
  put(category: ExtensionCategory, typeName: string, factory: unknown): void {
    this.#loaded.set(`${category}/${typeName}`, factory);
  }

  get<Factory>(category: ExtensionCategory, typeName: string): Factory | undefined {
    return this.#loaded.get(`${category}/${typeName}`) as Factory | undefined;
  }
}
