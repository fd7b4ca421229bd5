/** /stats and /stats/prometheus. */

import {
  type AdminEndpoint,
  type AdminRequest,
  type AdminResponse,
  JSON_TYPE,
  ok,
  TEXT,
} from "../endpoint.ts";
import type { AdminHost } from "../host.ts";
import { statsPrometheus } from "../stats/prometheus.ts";
import { selectStats } from "../stats/selection.ts";
import { statsJson, statsText } from "../stats/text.ts";
import { escapeHtml } from "./help.ts";

export const stats: AdminEndpoint = {
  path: "/stats",
  help: "print server stats",
  mutates: false,
  params: [
    "usedonly: Only include stats that have been written by system since restart",
    "filter: Regular expression (Google re2) for filtering stats",
    "invert_filter: Invert the filter regex",
    "format: Format to use; One of (html, active-html, text, json)",
    "type: Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)",
    "histogram_buckets: Histogram bucket display mode; One of (cumulative, disjoint, detailed, summary)",
  ],
  handle: (request, host) => answer(request, host, request.query.get("format") ?? "text"),
};

export const prometheus: AdminEndpoint = {
  path: "/stats/prometheus",
  help: "print server stats in prometheus format",
  mutates: false,
  params: [
    "usedonly: Only include stats that have been written by system since restart",
    "text_readouts: Render text_readouts as new gaugues with value 0 (increases Prometheus data size)",
    "filter: Regular expression (Google re2) for filtering stats",
    "invert_filter: Invert the filter regex",
    "histogram_buckets: Histogram bucket display mode; One of (cumulative, summary)",
  ],
  handle: (request, host) => answer(request, host, "prometheus"),
};

async function answer(
  request: AdminRequest,
  host: AdminHost,
  format: string,
): Promise<AdminResponse> {
  if (!["text", "json", "html", "active-html", "prometheus"].includes(format)) {
    return {
      status: 400,
      contentType: TEXT,
      body: "usage: /stats?format=(html|active-html|json|prometheus|text)\n\n",
    };
  }
  await host.collectStats();
  host.refreshServerStats();
  const selection = selectStats(request, host.store);
  if ("status" in selection) return selection;
  switch (format) {
    case "json":
      return ok(JSON.stringify(statsJson(selection)), JSON_TYPE);
    case "prometheus":
      return ok(statsPrometheus(selection, request.query.has("text_readouts")));
    case "text":
      return ok(statsText(selection));
    default:
      return ok(statsPage(request, statsText(selection)), "text/html; charset=UTF-8");
  }
}

function statsPage(request: AdminRequest, text: string): string {
  const filter = escapeHtml(request.query.get("filter") ?? "");
  const usedOnly = request.query.has("usedonly") ? " checked" : "";
  return `<!DOCTYPE html>
<html lang="en">
<head><title>denvoy stats</title></head>
<body>
<form action="stats" method="get">
<input type="hidden" name="format" value="html">
filter <input name="filter" value="${filter}" size="40">
<label><input type="checkbox" name="usedonly"${usedOnly}> used only</label>
<button>Show</button>
</form>
<pre>${escapeHtml(text)}</pre>
</body>
</html>
`;
}
