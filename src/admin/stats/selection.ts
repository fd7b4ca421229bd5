/** What /stats was asked for, and the stats that answer it. */

import type { HistogramValue, StatsStore, StatValue } from "../../stats/mod.ts";
import { type AdminRequest, type AdminResponse, TEXT } from "../endpoint.ts";
import { compileNameFilter } from "../name_filter.ts";

const TYPES = ["All", "Counters", "Gauges", "Histograms", "TextReadouts"];
const BUCKETS = ["cumulative", "disjoint", "detailed", "summary", "prometheusnative"];

export interface StatSelection {
  readonly counters: readonly StatValue[];
  readonly gauges: readonly StatValue[];
  readonly texts: readonly (readonly [name: string, text: string])[];
  readonly histograms: readonly HistogramValue[];
  readonly buckets: string | undefined;
}

/** @returns the stats asked for, or the refusal */
export function selectStats(
  request: AdminRequest,
  store: StatsStore,
): StatSelection | AdminResponse {
  const { query } = request;
  const type = query.get("type") ?? "All";
  if (!TYPES.includes(type)) return refuse("invalid &type= param");
  const buckets = query.get("histogram_buckets");
  if (buckets !== undefined && !BUCKETS.includes(buckets)) {
    return refuse(
      "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary|prometheusnative)\n",
    );
  }
  const filter = compileNameFilter(query.get("filter"));
  if (typeof filter === "string") return refuse(filter);
  const inverted = query.has("invert_filter");
  const shows = (name: string): boolean => filter(name) !== inverted;
  const usedOnly = query.has("usedonly");
  const wants = (kind: string): boolean => type === "All" || type === kind;
  const values = store.values().filter((stat) => shows(stat.name) && (!usedOnly || stat.used));
  return {
    counters: wants("Counters") ? values.filter((stat) => stat.kind === "counter") : [],
    gauges: wants("Gauges") ? values.filter((stat) => stat.kind === "gauge") : [],
    texts: wants("TextReadouts") ? [...store.texts].filter(([name]) => shows(name)).sort() : [],
    histograms: wants("Histograms")
      ? store.histograms().filter((histogram) =>
        shows(histogram.name) && (!usedOnly || histogram.cumulative.count > 0)
      )
      : [],
    buckets,
  };
}

function refuse(body: string): AdminResponse {
  return { status: 400, contentType: TEXT, body };
}
