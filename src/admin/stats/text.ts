/** Stats as text and as JSON, in Envoy's forms. */

import type { HistogramSummary, HistogramValue } from "../../stats/mod.ts";
import type { Json } from "../host.ts";
import type { StatSelection } from "./selection.ts";

/** The quantiles Envoy supports, as fractions. */
export const QUANTILES: readonly number[] = [
  0,
  0.25,
  0.5,
  0.75,
  0.9,
  0.95,
  0.99,
  0.995,
  0.999,
  1,
];

/** `name: value` lines: text readouts, then counters and gauges by name, then histograms. */
export function statsText(stats: StatSelection): string {
  const lines: string[] = [];
  for (const [name, text] of stats.texts) lines.push(`${name}: "${text}"\n`);
  const numbers = [...stats.counters, ...stats.gauges].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, value } of numbers) lines.push(`${name}: ${value}\n`);
  for (const histogram of stats.histograms) {
    lines.push(`${histogram.name}: ${histogramText(histogram, stats.buckets)}\n`);
  }
  return lines.join("");
}

/** The JSON form: counters and gauges by name, one entry for all histograms. */
export function statsJson(stats: StatSelection): Json {
  const entries: Json[] = stats.texts.map(([name, value]) => ({ name, value }));
  const numbers = [...stats.counters, ...stats.gauges].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, value } of numbers) entries.push({ name, value });
  if (stats.histograms.length > 0) {
    entries.push({ histograms: histogramsJson(stats.histograms, stats.buckets) });
  }
  return { stats: entries };
}

function histogramText(histogram: HistogramValue, buckets: string | undefined): string {
  const { interval, cumulative } = histogram;
  if (buckets === "cumulative" || buckets === "disjoint") {
    return bucketCounts(cumulative, buckets).map(([bound, all], i) => {
      const recent = bucketCounts(interval, buckets)[i]![1];
      return `B${bound}(${recent},${all})`;
    }).join(" ");
  }
  if (cumulative.count === 0) return "No recorded values";
  return QUANTILES.map((q) =>
    `P${percent(q)}(${number(interval.quantile(q))},${number(cumulative.quantile(q))})`
  ).join(" ");
}

function histogramsJson(histograms: readonly HistogramValue[], buckets: string | undefined): Json {
  if (buckets === "cumulative" || buckets === "disjoint") {
    return histograms.map(({ name, interval, cumulative }): Json => ({
      name,
      buckets: bucketCounts(cumulative, buckets).map(([upper_bound, all], i) => ({
        upper_bound,
        interval: bucketCounts(interval, buckets)[i]![1],
        cumulative: all,
      })),
    }));
  }
  return {
    supported_quantiles: QUANTILES.map((q) => Number(percent(q))),
    computed_quantiles: histograms.map(({ name, interval, cumulative }) => ({
      name,
      values: QUANTILES.map((q) => ({
        interval: jsonNumber(interval.quantile(q)),
        cumulative: jsonNumber(cumulative.quantile(q)),
      })),
    })),
  };
}

/** Upper bounds of Envoy's default buckets. */
export const BUCKET_BOUNDS: readonly number[] = [
  0.5,
  1,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1000,
  2500,
  5000,
  10000,
  30000,
  60000,
  300000,
  600000,
  1800000,
  3600000,
];

function bucketCounts(summary: HistogramSummary, mode: string): [number, number][] {
  let before = 0;
  return BUCKET_BOUNDS.map((bound) => {
    const count = summary.countAtMost(bound);
    const shown = mode === "disjoint" ? count - before : count;
    before = count;
    return [bound, shown];
  });
}

function percent(q: number): string {
  return String(Number((q * 100).toPrecision(6)));
}

function number(value: number): string {
  return Number.isNaN(value) ? "nan" : String(Number(value.toPrecision(12)));
}

function jsonNumber(value: number): Json {
  return Number.isNaN(value) ? null : Number(value.toPrecision(12));
}
