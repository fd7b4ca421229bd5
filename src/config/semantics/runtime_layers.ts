/** Runtime layers: names, at most one for admin, no lists among the values. */

import type { Problems } from "../../base/mod.ts";
import type { Checks } from "./context.ts";

/** Checks by message type. */
export const RUNTIME_CHECKS: Checks = {
  "envoy.config.bootstrap.v3.LayeredRuntime": ({ layers }, { problems }) => {
    const names = new Set<string>();
    let adminLayers = 0;
    for (const layer of layers) {
      if (names.has(layer.name)) problems.error(layer, "name", `duplicate layer "${layer.name}"`);
      names.add(layer.name);
      if (layer.layerSpecifier.case === "adminLayer" && ++adminLayers > 1) {
        problems.error(layer, "admin_layer", "at most one admin layer may be set");
      }
      if (layer.layerSpecifier.case === "staticLayer") {
        checkValues(layer.layerSpecifier.value, { layer, problems, prefix: "" });
      }
    }
  },
};

interface LayerCheck {
  readonly layer: object;
  readonly problems: Problems;
  readonly prefix: string;
}

function checkValues(values: Readonly<Record<string, unknown>>, check: LayerCheck): void {
  for (const [key, value] of Object.entries(values)) {
    const name = `${check.prefix}${key}`;
    if (value === null || Array.isArray(value)) {
      const text = `the runtime entry "${name}" must be a word, a number, a boolean or a map`;
      check.problems.error(check.layer, `static_layer["${name}"]`, text);
    } else if (typeof value === "object") {
      checkValues(value as Record<string, unknown>, { ...check, prefix: `${name}.` });
    }
  }
}
