/** Main's view of all stats: sums the cells of every thread by name, merges histograms at each flush. */

import type { StatGroupRecord, StatKind, StatTemplate } from "./arena.ts";
import { binLow, binWidth, type HistogramBins, type HistogramUnit } from "./histogram.ts";
import type { StatsUpdate } from "./scope.ts";
import type { TaggedName } from "./tags.ts";

/** Where one thread counts a group. */
interface Part {
  readonly cells: Float64Array;
  readonly base: number;
}

/** The stats of one owner over all threads. Names are made when they are read: most never are. */
interface MergedGroup {
  readonly prefix: string;
  readonly template: StatTemplate;
  parts: Part[];
  /** What dead threads counted, less what /reset_counters subtracted, by index. */
  offsets: Float64Array | undefined;
}

/** One counter or gauge at one moment. */
export interface StatValue {
  readonly name: string;
  readonly kind: StatKind;
  readonly value: number;
  /** Whether it was ever changed: what `usedonly` shows. */
  readonly used: boolean;
  /** Its tags, where they are known and need not be taken out of the name. */
  readonly tagged?: TaggedName;
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
  /** Undefined where there is nothing, as it is for most histograms of most intervals. */
  pending: HistogramBins | undefined;
  interval: HistogramBins | undefined;
  cumulative: HistogramBins | undefined;
}

const NO_BINS: HistogramBins = new Map();

/** Hard cap on names, so that no configuration can exhaust memory; what goes beyond is counted. */
const MAX_NAMES = 2_000_000;

/** Sums, histograms and texts of all threads by full name; at most two million names. */
export class StatsStore {
  readonly #groups = new Map<string, MergedGroup>();
  /** Of all groups. */
  #names = 0;
  readonly #templates = new Map<string, StatTemplate>();
  readonly #histograms = new Map<string, MergedHistogram>();
  readonly #segments = new Map<number, Float64Array[]>();
  readonly #sources: (() => readonly StatValue[])[] = [];
  /** Text readouts: main sets them. */
  readonly texts = new Map<string, string>();
  /** Names refused by the cap. */
  dropped = 0;

  /** Adds values that are kept elsewhere and read whenever all are asked for. */
  addSource(read: () => readonly StatValue[]): void {
    this.#sources.push(read);
  }

  /** Takes over what a thread has told. Updates of one thread come in order. */
  absorb(thread: number, update: StatsUpdate): void {
    let segments = this.#segments.get(thread);
    if (segments === undefined) this.#segments.set(thread, segments = []);
    for (const segment of update.segments) segments.push(new Float64Array(segment));
    for (const group of update.groups) {
      this.#add(group, { cells: segments[group.segment]!, base: group.base });
    }
    for (const { name, unit, bins } of update.histograms) this.#merge(name, unit, bins);
  }

  /** A thread died: its counters stay, its gauges go. */
  retire(thread: number): void {
    const segments = new Set(this.#segments.get(thread) ?? []);
    this.#segments.delete(thread);
    for (const group of this.#groups.values()) {
      const kept = group.parts.filter((part) => !segments.has(part.cells));
      if (kept.length === group.parts.length) continue;
      const lost = group.parts.filter((part) => segments.has(part.cells));
      group.template.forEach(({ kind }, i) => {
        if (kind !== "counter") return;
        const sum = lost.reduce((total, { cells, base }) => total + cells[base + i]!, 0);
        if (sum !== 0) offsetsOf(group)[i]! += sum;
      });
      group.parts = kept;
    }
  }

  /** All counters and gauges, in order of their names. */
  values(): StatValue[] {
    const values = new Map<string, StatValue>();
    for (const group of this.#groups.values()) {
      for (let i = 0; i < group.template.length; i++) {
        const value = valueOf(group, i);
        const other = values.get(value.name);
        values.set(value.name, other === undefined ? value : joined(other, value));
      }
    }
    for (const read of this.#sources) {
      for (const value of read()) values.set(value.name, value);
    }
    return [...values.values()].sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  /** One counter or gauge; undefined if there is none of that name. */
  value(name: string): StatValue | undefined {
    let found: StatValue | undefined;
    for (const group of this.#groups.values()) {
      if (!name.startsWith(group.prefix)) continue;
      for (let i = 0; i < group.template.length; i++) {
        if (join(group.prefix, group.template[i]!.name) !== name) continue;
        const value = valueOf(group, i);
        found = found === undefined ? value : joined(found, value);
      }
    }
    return found;
  }

  /** Sets all counters to zero (POST /reset_counters). */
  resetCounters(): void {
    for (const group of this.#groups.values()) {
      for (let i = 0; i < group.template.length; i++) {
        const { kind, value } = valueOf(group, i);
        if (kind === "counter" && value !== 0) offsetsOf(group)[i]! -= value;
      }
    }
  }

  /** Closes the interval of the histograms; only now do new values show. */
  flush(): void {
    for (const histogram of this.#histograms.values()) {
      const { pending } = histogram;
      histogram.interval = pending;
      histogram.pending = undefined;
      if (pending === undefined) continue;
      histogram.cumulative = addBins(histogram.cumulative, pending);
    }
  }

  /** Histograms as of the last flush (empty before the first), in order of their names. */
  histograms(): HistogramValue[] {
    const values: HistogramValue[] = [];
    for (const [name, histogram] of this.#histograms) {
      values.push({
        name,
        unit: histogram.unit,
        interval: new HistogramSummary(histogram.interval ?? NO_BINS),
        cumulative: new HistogramSummary(histogram.cumulative ?? NO_BINS),
      });
    }
    return values.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  }

  #add({ prefix, template }: StatGroupRecord, part: Part): void {
    const first = template[0];
    if (first === undefined) return;
    const key = `${prefix}\0${first.name}\0${first.kind}\0${template.length}`;
    const group = this.#groups.get(key);
    if (group !== undefined) {
      group.parts.push(part);
      return;
    }
    if (this.#names + template.length > MAX_NAMES) {
      this.dropped += template.length;
      return;
    }
    this.#names += template.length;
    this.#groups.set(key, {
      prefix,
      template: this.#templateLike(template),
      parts: [part],
      offsets: undefined,
    });
  }

  /** Every update brings templates of its own; equal ones are kept once. */
  #templateLike(template: StatTemplate): StatTemplate {
    const key = `${template.length}\0${template[0]!.name}\0${template[0]!.kind}`;
    const known = this.#templates.get(key);
    if (known?.every((spec, i) => spec.name === template[i]!.name) === true) return known;
    this.#templates.set(key, template);
    return template;
  }

  #merge(name: string, unit: HistogramUnit, bins: HistogramBins): void {
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = { unit, pending: undefined, interval: undefined, cumulative: undefined };
      this.#histograms.set(name, histogram);
    }
    if (bins.size > 0) histogram.pending = addBins(histogram.pending, bins);
  }
}

function addBins(to: HistogramBins | undefined, bins: HistogramBins): HistogramBins {
  const sum: HistogramBins = to ?? new Map();
  for (const [bin, count] of bins) sum.set(bin, (sum.get(bin) ?? 0) + count);
  return sum;
}

function offsetsOf(group: MergedGroup): Float64Array {
  return group.offsets ??= new Float64Array(group.template.length);
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : name === "" ? prefix : `${prefix}.${name}`;
}

function valueOf({ prefix, template, parts, offsets }: MergedGroup, i: number): StatValue {
  const { name, kind } = template[i]!;
  let value = offsets?.[i] ?? 0;
  let used = kind === "counter" && value !== 0;
  for (const { cells, base } of parts) {
    const cell = cells[base + i]!;
    if (Number.isNaN(cell)) continue;
    value += cell;
    used ||= kind === "gauge" || cell !== 0;
  }
  return { name: join(prefix, name), kind, value, used };
}

/** Two groups may hold one name. */
function joined(a: StatValue, b: StatValue): StatValue {
  return { ...a, value: a.value + b.value, used: a.used || b.used };
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
