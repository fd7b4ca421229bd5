/** HTTP filters by the type of their message, in name order; loaded when configured. The router has its own room. */

import type { HttpFilterFactory } from "../../filter_chain/mod.ts";

interface HttpFilterRow {
  readonly name: string;
  readonly type: string;
  readonly load: () => Promise<HttpFilterFactory>;
}

export const HTTP_FILTERS = [
  {
    name: "envoy.filters.http.health_check",
    type: "envoy.extensions.filters.http.health_check.v3.HealthCheck",
    load: async () => (await import("./health_check.ts")).healthCheckFactory as HttpFilterFactory,
  },
] as const satisfies readonly HttpFilterRow[];
