/**
 * The cells of one thread's counters and gauges: Float64 in shared memory, one writer each, read by
 * main (a plain `++` costs 0.6 ns, `Atomics.add` 14 ns). Each thread has an arena of its own; main
 * sums by name. Names come from configuration only, never from a client's bytes.
 */

/** How values of several threads become one. */
export type StatKind =
  /** Only rises; summed. */
  | "counter"
  /** May fall; summed over threads. NaN in its cell means "never set". */
  | "gauge";

/** One stat of a template: its name below the group's prefix. */
export interface StatSpec {
  readonly name: string;
  readonly kind: StatKind;
}

/** A list of stats that many owners have (every cluster, every listener): shared, so that an owner costs one prefix. */
export type StatTemplate = readonly StatSpec[];

/** A template from two space-separated lists of names; counters come first. */
export function statTemplate(counters: string, gauges = ""): StatTemplate {
  const specs = (names: string, kind: StatKind): StatSpec[] =>
    names.split(/\s+/).filter((name) => name !== "").map((name) => ({ name, kind }));
  return [...specs(counters, "counter"), ...specs(gauges, "gauge")];
}

/** Index of each name in the template of these counters and gauges. */
export function statIndices<Name extends string>(
  counters: readonly Name[],
  gauges: readonly Name[] = [],
): Readonly<Record<Name, number>> {
  const entries = [...counters, ...gauges].map((name, index) => [name, index]);
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** Where a group of stats lies; structured-clonable, sent from a worker to main. */
export interface StatGroupRecord {
  readonly prefix: string;
  readonly template: StatTemplate;
  readonly segment: number;
  readonly base: number;
}

const SEGMENT_CELLS = 8192;
/** Hard cap on cells of a thread: 64 MiB. What goes beyond shares one cell nobody reads. */
const MAX_SEGMENTS = 1024;

/** Allocates groups of cells, 64 KiB segments at a time, and tells main of what is new. */
export class StatsArena {
  readonly #segments: SharedArrayBuffer[] = [];
  #cells: Float64Array = new Float64Array(0);
  #used = 0;
  #newGroups: StatGroupRecord[] = [];
  #sentSegments = 0;
  /** Groups that found no room. */
  dropped = 0;

  /** Allocates the cells of `template` under `prefix` ("" or ending without a dot). */
  group(prefix: string, template: StatTemplate): StatGroup {
    const needed = template.length;
    if (this.#used + needed > this.#cells.length && !this.#grow(needed)) {
      this.dropped++;
      return new StatGroup(new Float64Array(needed), 0);
    }
    const base = this.#used;
    this.#used += needed;
    for (let i = 0; i < needed; i++) {
      if (template[i]!.kind === "gauge") this.#cells[base + i] = NaN;
    }
    this.#newGroups.push({ prefix, template, segment: this.#segments.length - 1, base });
    return new StatGroup(this.#cells, base);
  }

  /** What has been allocated since the last call, for main; undefined if nothing. */
  takeNew(): { segments: SharedArrayBuffer[]; groups: StatGroupRecord[] } | undefined {
    if (this.#newGroups.length === 0) return undefined;
    const groups = this.#newGroups;
    this.#newGroups = [];
    const segments = this.#segments.slice(this.#sentSegments);
    this.#sentSegments = this.#segments.length;
    return { segments, groups };
  }

  #grow(needed: number): boolean {
    if (this.#segments.length >= MAX_SEGMENTS) return false;
    const cells = Math.max(SEGMENT_CELLS, needed);
    const segment = new SharedArrayBuffer(cells * Float64Array.BYTES_PER_ELEMENT);
    this.#segments.push(segment);
    this.#cells = new Float64Array(segment);
    this.#used = 0;
    return true;
  }
}

/** The stats of one owner, by index into its template. */
export class StatGroup {
  readonly cells: Float64Array;
  readonly base: number;

  constructor(cells: Float64Array, base: number) {
    this.cells = cells;
    this.base = base;
  }

  inc(index: number): void {
    this.cells[this.base + index]!++;
  }

  /** Adds to a counter; `amount` ≥ 0. */
  add(index: number, amount: number): void {
    this.cells[this.base + index]! += amount;
  }

  /** Changes a gauge by `amount`, which may be negative. */
  change(index: number, amount: number): void {
    const value = this.cells[this.base + index]!;
    // NaN (never set) is the only value that differs from itself.
    this.cells[this.base + index] = value === value ? value + amount : amount;
  }

  set(index: number, value: number): void {
    this.cells[this.base + index] = value;
  }

  get(index: number): number {
    const value = this.cells[this.base + index]!;
    return value === value ? value : 0;
  }

  counter(index: number): Counter {
    return new Counter(this.cells, this.base + index);
  }

  gauge(index: number): Gauge {
    return new Gauge(this.cells, this.base + index);
  }
}

/** One counter. */
export class Counter {
  readonly #cells: Float64Array;
  readonly #index: number;

  constructor(cells: Float64Array, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  inc(): void {
    this.#cells[this.#index]!++;
  }

  add(amount: number): void {
    this.#cells[this.#index]! += amount;
  }

  get value(): number {
    return this.#cells[this.#index]!;
  }
}

/** One gauge. */
export class Gauge {
  readonly #cells: Float64Array;
  readonly #index: number;

  constructor(cells: Float64Array, index: number) {
    this.#cells = cells;
    this.#index = index;
  }

  inc(): void {
    this.add(1);
  }

  dec(): void {
    this.add(-1);
  }

  add(amount: number): void {
    const value = this.#cells[this.#index]!;
    this.#cells[this.#index] = value === value ? value + amount : amount;
  }

  set(value: number): void {
    this.#cells[this.#index] = value;
  }

  get value(): number {
    const value = this.#cells[this.#index]!;
    return value === value ? value : 0;
  }
}
