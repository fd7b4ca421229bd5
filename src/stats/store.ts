/** Main's view of all stats: sums the cells of every thread by name, merges histograms at each flush. */

import type { StatKind } from "./arena.ts";
import { binLow, binWidth, type HistogramBins, type HistogramUnit } from "./histogram.ts";
import type { StatsUpdate } from "./scope.ts";

interface Cell {
  readonly cells: Float64Array;
  readonly index: number;
}

interface Merged {
  readonly kind: StatKind;
  cells: Cell[];
  /** What dead threads counted, less what /reset_counters subtracted. */
  offset: number;
}

/** One counter or gauge at one moment. */
export interface StatValue {
  readonly name: string;
  readonly kind: StatKind;
  readonly value: number;
  /** Whether it was ever changed: what `usedonly` shows. */
  readonly used: boolean;
}

/** One histogram at the last flush. */
export interface HistogramValue {
  readonly name: string;
  readonly unit: HistogramUnit;
  readonly interval: HistogramSummary;
  readonly cumulative: HistogramSummary;
}

interface MergedHistogram {
  readonly unit: HistogramUnit;
  pending: HistogramBins;
  interval: HistogramBins;
  cumulative: HistogramBins;
}

/** Hard cap on names, so that no configuration can exhaust memory; what goes beyond is counted. */
const MAX_NAMES = 2_000_000;

/** Sums, histograms and texts of all threads by full name; at most two million names. */
export class StatsStore {
  readonly #stats = new Map<string, Merged>();
  readonly #histograms = new Map<string, MergedHistogram>();
  readonly #segments = new Map<number, Float64Array[]>();
  /** Text readouts: main sets them. */
  readonly texts = new Map<string, string>();
  /** Names refused by the cap. */
  dropped = 0;

  /** Takes over what a thread has told. Updates of one thread come in order. */
  absorb(thread: number, update: StatsUpdate): void {
    let segments = this.#segments.get(thread);
    if (segments === undefined) this.#segments.set(thread, segments = []);
    for (const segment of update.segments) segments.push(new Float64Array(segment));
    for (const group of update.groups) {
      const cells = segments[group.segment]!;
      for (let i = 0; i < group.template.length; i++) {
        const spec = group.template[i]!;
        this.#add(join(group.prefix, spec.name), spec.kind, { cells, index: group.base + i });
      }
    }
    for (const { name, unit, bins } of update.histograms) this.#merge(name, unit, bins);
  }

  /** A thread died: its counters stay, its gauges go. */
  retire(thread: number): void {
    const segments = new Set(this.#segments.get(thread) ?? []);
    this.#segments.delete(thread);
    for (const stat of this.#stats.values()) {
      const kept: Cell[] = [];
      for (const cell of stat.cells) {
        if (!segments.has(cell.cells)) kept.push(cell);
        else if (stat.kind === "counter") stat.offset += cell.cells[cell.index]!;
      }
      stat.cells = kept;
    }
  }

  /** All counters and gauges, in order of their names. */
  values(): StatValue[] {
    const values: StatValue[] = [];
    for (const [name, stat] of this.#stats) values.push(valueOf(name, stat));
    return values.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  /** One counter or gauge; undefined if there is none of that name. */
  value(name: string): StatValue | undefined {
    const stat = this.#stats.get(name);
    return stat === undefined ? undefined : valueOf(name, stat);
  }

  /** Sets all counters to zero (POST /reset_counters). */
  resetCounters(): void {
    for (const [name, stat] of this.#stats) {
      if (stat.kind === "counter") stat.offset -= valueOf(name, stat).value;
    }
  }

  /** Closes the interval of the histograms; only now do new values show. */
  flush(): void {
    for (const histogram of this.#histograms.values()) {
      histogram.interval = histogram.pending;
      for (const [bin, count] of histogram.pending) {
        histogram.cumulative.set(bin, (histogram.cumulative.get(bin) ?? 0) + count);
      }
      histogram.pending = new Map();
    }
  }

  /** Histograms as of the last flush (empty before the first), in order of their names. */
  histograms(): HistogramValue[] {
    const values: HistogramValue[] = [];
    for (const [name, histogram] of this.#histograms) {
      values.push({
        name,
        unit: histogram.unit,
        interval: new HistogramSummary(histogram.interval),
        cumulative: new HistogramSummary(histogram.cumulative),
      });
    }
    return values.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  #add(name: string, kind: StatKind, cell: Cell): void {
    const stat = this.#stats.get(name);
    if (stat !== undefined) stat.cells.push(cell);
    else if (this.#stats.size >= MAX_NAMES) this.dropped++;
    else this.#stats.set(name, { kind, cells: [cell], offset: 0 });
  }

  #merge(name: string, unit: HistogramUnit, bins: HistogramBins): void {
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = {
        unit,
        pending: new Map(),
        interval: new Map(),
        cumulative: new Map(),
      };
      this.#histograms.set(name, histogram);
    }
    for (const [bin, count] of bins) {
      histogram.pending.set(bin, (histogram.pending.get(bin) ?? 0) + count);
    }
  }
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : name === "" ? prefix : `${prefix}.${name}`;
}

function valueOf(name: string, stat: Merged): StatValue {
  let value = stat.offset;
  let used = stat.kind === "counter" && stat.offset !== 0;
  for (const { cells, index } of stat.cells) {
    const cell = cells[index]!;
    if (Number.isNaN(cell)) continue;
    value += cell;
    used ||= stat.kind === "gauge" || cell !== 0;
  }
  return { name, kind: stat.kind, value, used };
}

/** Quantiles, count and sum over bins, computed as libcircllhist does. */
export class HistogramSummary {
  readonly bins: readonly (readonly [bin: number, count: number])[];
  readonly count: number;
  /** Approximate: bins hold ranges. */
  readonly sum: number;

  constructor(bins: HistogramBins) {
    this.bins = [...bins].sort((a, b) => binLow(a[0]) - binLow(b[0]));
    let count = 0;
    let sum = 0;
    for (const [bin, n] of this.bins) {
      count += n;
      sum += n * binMidpoint(bin);
    }
    this.count = count;
    this.sum = sum;
  }

  /** Value at `q` (0–1), interpolated within its bin; NaN if there are no values. */
  quantile(q: number): number {
    if (this.count === 0) return NaN;
    const wanted = q * this.count;
    let below = 0;
    for (let i = 0; i < this.bins.length; i++) {
      const [bin, count] = this.bins[i]!;
      if (below + count >= wanted && (count > 0 && (wanted > 0 || q === 0))) {
        const low = binLow(bin);
        if (bin === 0) return 0;
        return low + binWidth(bin) * Math.max(0, (wanted - below) / count);
      }
      below += count;
    }
    const last = this.bins[this.bins.length - 1]![0];
    return binLow(last) + binWidth(last);
  }

  /** How many values are at most `bound`, bins counted whole by their lower bounds. */
  countAtMost(bound: number): number {
    let count = 0;
    for (const [bin, n] of this.bins) {
      const top = bin === 0 ? 0 : binLow(bin) + binWidth(bin);
      if (top <= bound || bin === 0) count += n;
    }
    return count;
  }
}

/** circllhist's midpoint: harmonic within the bin. */
function binMidpoint(bin: number): number {
  const low = binLow(bin);
  if (low === 0) return 0;
  const high = low + binWidth(bin);
  return high === 0 ? low : 2 / (1 / low + 1 / high);
}
