/** google.protobuf.FieldMask over JSON: `cluster.name,last_updated`. Masks do not go into lists. */

import type { Json } from "./host.ts";

type JsonObject = { readonly [key: string]: Json | undefined };

/** Paths as lists of field names; camelCase becomes snake_case. */
export function parseMask(mask: string): readonly (readonly string[])[] {
  return mask.split(",").filter((path) => path !== "").map((path) =>
    path.split(".").map((name) => name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`))
  );
}

/** Keeps the fields that `paths` name, and `@type` of every object on the way. */
export function applyMask(value: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  const kept: Record<string, Json | undefined> = {};
  for (const [key, field] of Object.entries(value)) {
    if (key === "@type") {
      kept[key] = field;
      continue;
    }
    const below = paths.filter((path) => path[0] === key).map((path) => path.slice(1));
    if (below.length === 0) continue;
    if (below.some((path) => path.length === 0)) kept[key] = field;
    else if (typeof field === "object" && field !== null && !Array.isArray(field)) {
      kept[key] = applyMask(field as JsonObject, below);
    }
  }
  return kept;
}
