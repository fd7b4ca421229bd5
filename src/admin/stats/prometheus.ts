/** Stats in Prometheus text format 0.0.4 with Envoy's names, labels and order. */

import {
  extractTags,
  type HistogramValue,
  type StatTag,
  type StatValue,
  type TaggedName,
} from "../../stats/mod.ts";
import type { StatSelection } from "./selection.ts";
import { BUCKET_BOUNDS, QUANTILES } from "./text.ts";

interface Family {
  readonly lines: string[];
}

/** Counters, gauges, text readouts (as gauges of 0) and histograms, families by name. */
export function statsPrometheus(stats: StatSelection, withTexts: boolean): string {
  const parts = [numbers(stats.counters, "counter"), numbers(stats.gauges, "gauge")];
  if (withTexts) parts.push(texts(stats.texts));
  parts.push(histograms(stats.histograms, stats.buckets === "summary"));
  return parts.join("");
}

function numbers(stats: readonly StatValue[], type: string): string {
  return families(
    type,
    stats,
    (stat) => stat.tagged ?? extractTags(stat.name),
    (stat, name, tags) => [
      `${name}${labels(tags)} ${stat.value}\n`,
    ],
  );
}

function texts(readouts: StatSelection["texts"]): string {
  return families("gauge", readouts, ([name]) => extractTags(name), ([, text], name, tags) => [
    `${name}${labels([...tags, { name: "text_value", value: text }])} 0\n`,
  ]);
}

function histograms(stats: readonly HistogramValue[], asSummary: boolean): string {
  return families(
    asSummary ? "summary" : "histogram",
    stats.filter((stat) => stat.cumulative.count > 0),
    (stat) => extractTags(stat.name),
    (stat, name, tags) => asSummary ? summary(stat, name, tags) : buckets(stat, name, tags),
  );
}

function buckets(stat: HistogramValue, name: string, tags: readonly StatTag[]): string[] {
  const { cumulative } = stat;
  const lines = BUCKET_BOUNDS.map((bound) =>
    `${name}_bucket${labels([...tags, { name: "le", value: String(bound) }])} ${
      cumulative.countAtMost(bound)
    }\n`
  );
  lines.push(
    `${name}_bucket${labels([...tags, { name: "le", value: "+Inf" }])} ${cumulative.count}\n`,
  );
  lines.push(`${name}_sum${labels(tags)} ${sum(cumulative.sum)}\n`);
  lines.push(`${name}_count${labels(tags)} ${cumulative.count}\n`);
  return lines;
}

function summary(stat: HistogramValue, name: string, tags: readonly StatTag[]): string[] {
  const { interval, cumulative } = stat;
  const lines = QUANTILES.map((q) =>
    `${name}${labels([...tags, { name: "quantile", value: String(q) }])} ${interval.quantile(q)}\n`
  );
  lines.push(`${name}_sum${labels(tags)} ${sum(cumulative.sum)}\n`);
  lines.push(`${name}_count${labels(tags)} ${cumulative.count}\n`);
  return lines;
}

function families<Stat>(
  type: string,
  stats: readonly Stat[],
  tag: (stat: Stat) => TaggedName,
  render: (stat: Stat, name: string, tags: readonly StatTag[]) => string[],
): string {
  const byName = new Map<string, Family>();
  for (const stat of stats) {
    const tagged = tag(stat);
    const name = metricName(tagged.name);
    let family = byName.get(name);
    if (family === undefined) byName.set(name, family = { lines: [] });
    family.lines.push(...render(stat, name, tagged.tags));
  }
  return [...byName].sort((a, b) => a[0] < b[0] ? -1 : 1)
    .map(([name, { lines }]) => `# TYPE ${name} ${type}\n${lines.join("")}`).join("");
}

/** `envoy_` and the name with all but letters, digits, `_` and `:` replaced. */
function metricName(name: string): string {
  return `envoy_${name.replaceAll(/[^a-zA-Z0-9_:]/g, "_")}`;
}

function labels(tags: readonly StatTag[]): string {
  if (tags.length === 0) return "{}";
  const pairs = tags.map(({ name, value }) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return `${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escaped}"`;
  });
  return `{${pairs.join(",")}}`;
}

function sum(value: number): string {
  return String(Number(value.toPrecision(12)));
}
