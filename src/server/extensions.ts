/**
 * Joins the registries of all rooms. A row loads its file only when a configuration names its
 * type, so that an extension nobody uses costs neither start-up time nor memory.
 */

import type { ExtensionCategory } from "../base/mod.ts";
import { ACCESS_LOGGERS } from "../access_log/mod.ts";
import { HTTP_FILTERS, LISTENER_FILTERS, NETWORK_FILTERS } from "../filters/mod.ts";

/** One extension: `load` resolves to its factory. */
export interface ExtensionRow {
  readonly name: string;
  readonly type: string;
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
];

/** The extensions loaded so far, by category and message type. */
export class Extensions {
  readonly #loaded = new Map<string, unknown>();

  /** Loads what `typeNames` need; unknown types are left to the compile steps to report. */
  async load(typeNames: Iterable<string>): Promise<void> {
    const wanted = new Set(typeNames);
    const loads: Promise<void>[] = [];
    for (const [category, rows] of REGISTRIES) {
      for (const row of rows) {
        const key = `${category}/${row.type}`;
        if (!wanted.has(row.type) || this.#loaded.has(key)) continue;
        loads.push(
          row.load().then((factory) => {
            this.#loaded.set(key, factory);
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
