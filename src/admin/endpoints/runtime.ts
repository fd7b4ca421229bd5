/** /runtime and /runtime_modify. */

import { type AdminEndpoint, JSON_TYPE, ok, TEXT } from "../endpoint.ts";
import type { Json } from "../host.ts";
import { pretty } from "../json.ts";

export const runtime: AdminEndpoint = {
  path: "/runtime",
  help: "print runtime values",
  mutates: false,
  handle(_request, host) {
    const layers = host.runtimeLayers();
    const keys = new Set(layers.flatMap((layer) => [...layer.values.keys()]));
    const entries: Record<string, Json> = {};
    for (const key of [...keys].sort()) {
      const values = layers.map((layer) => layer.values.get(key) ?? "");
      entries[key] = {
        final_value: values.findLast((value) => value !== "") ?? "",
        layer_values: values,
      };
    }
    return ok(pretty({ layers: layers.map((layer) => layer.name), entries }), JSON_TYPE);
  },
};

export const runtimeModify: AdminEndpoint = {
  path: "/runtime_modify",
  help:
    "Adds or modifies runtime values as passed in query parameters. To delete a previously added key, use an empty string as the value. Note that deletion only applies to overrides added via this endpoint; values loaded from disk can be modified via override but not deleted. E.g. ?key1=value1&key2=value2...",
  mutates: true,
  handle(request, host) {
    if (request.query.size === 0) {
      return {
        status: 400,
        contentType: TEXT,
        body: "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n" +
          "       or send the parameters as form values\n" +
          "use an empty value to remove a previously added override",
      };
    }
    const wrong = host.modifyRuntime(request.query);
    if (wrong !== undefined) return { status: 503, contentType: TEXT, body: wrong };
    return ok("OK\n");
  },
};
