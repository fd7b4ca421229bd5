/** Extensions by category and type, out of the registries of all rooms. */

import type { ExtensionCategory, ExtensionRow } from "../base/mod.ts";
import { loadRegexEngine, REGEX_TYPES } from "../matching/mod.ts";

/** Rows by the category that they belong to. */
export type Registries = readonly (readonly [ExtensionCategory, readonly ExtensionRow[]])[];

function typesOf({ type, routeType }: ExtensionRow): readonly string[] {
  return routeType === undefined ? [type] : [type, routeType];
}

/** The extensions loaded so far, by category and message type. */
export class Extensions {
  readonly #registries: Registries;
  readonly #loaded = new Map<string, unknown>();

  constructor(registries: Registries) {
    this.#registries = registries;
  }

  /** Loads what `typeNames` need; unknown types are left to the compile steps to report. */
  async load(typeNames: Iterable<string>): Promise<void> {
    const wanted = new Set(typeNames);
    const loads: Promise<void>[] = [];
    if (REGEX_TYPES.some((type) => wanted.has(type))) loads.push(loadRegexEngine());
    for (const [category, rows] of this.#registries) {
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
