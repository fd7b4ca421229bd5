/** Names to stats: one root a thread, scopes add a prefix. Asking twice for a name gives the same stat. */

import {
  type Counter,
  type Gauge,
  type StatGroup,
  type StatGroupRecord,
  StatsArena,
  type StatTemplate,
} from "./arena.ts";
import { Histogram, type HistogramBins, type HistogramUnit } from "./histogram.ts";

const ONE_COUNTER: StatTemplate = [{ name: "", kind: "counter" }];
const ONE_GAUGE: StatTemplate = [{ name: "", kind: "gauge" }];

/** What a thread has to tell main; structured-clonable. */
export interface StatsUpdate {
  readonly segments: SharedArrayBuffer[];
  readonly groups: StatGroupRecord[];
  readonly histograms: { name: string; unit: HistogramUnit; bins: HistogramBins }[];
}

/** All stats of one thread. */
export class StatsRoot {
  readonly #arena = new StatsArena();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #groups = new Map<string, StatGroup>();
  /** Histograms main has not heard of; it lists them though they are empty. */
  #newHistograms: Histogram[] = [];

  /** The scope with no prefix. */
  readonly scope: Scope = new Scope(this, "");

  counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = this.#arena.group(name, ONE_COUNTER).counter(0);
      this.#counters.set(name, counter);
    }
    return counter;
  }

  gauge(name: string): Gauge {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = this.#arena.group(name, ONE_GAUGE).gauge(0);
      this.#gauges.set(name, gauge);
    }
    return gauge;
  }

  histogram(name: string, unit: HistogramUnit): Histogram {
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = new Histogram(name, unit);
      this.#histograms.set(name, histogram);
      this.#newHistograms.push(histogram);
    }
    return histogram;
  }

  group(prefix: string, template: StatTemplate): StatGroup {
    const key = `${prefix}\0${template[0]?.name}\0${template.length}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#arena.group(prefix, template);
      this.#groups.set(key, group);
    }
    return group;
  }

  /** New names and the histogram bins since the last call; undefined if there is nothing to tell. */
  takeUpdate(): StatsUpdate | undefined {
    const fresh = this.#arena.takeNew();
    const histograms: StatsUpdate["histograms"] = this.#newHistograms.map(({ name, unit }) => ({
      name,
      unit,
      bins: new Map(),
    }));
    this.#newHistograms = [];
    for (const histogram of this.#histograms.values()) {
      const bins = histogram.take();
      if (bins !== undefined) histograms.push({ name: histogram.name, unit: histogram.unit, bins });
    }
    if (fresh === undefined && histograms.length === 0) return undefined;
    return { segments: fresh?.segments ?? [], groups: fresh?.groups ?? [], histograms };
  }
}

/** Stats below a prefix. Names are joined with a dot. */
export class Scope {
  readonly #root: StatsRoot;
  readonly prefix: string;

  constructor(root: StatsRoot, prefix: string) {
    this.#root = root;
    this.prefix = prefix;
  }

  /** A scope one step down: `root.scope("cluster").scope("web")` counts `cluster.web.…`. */
  scope(name: string): Scope {
    return new Scope(this.#root, this.#name(name));
  }

  counter(name: string): Counter {
    return this.#root.counter(this.#name(name));
  }

  gauge(name: string): Gauge {
    return this.#root.gauge(this.#name(name));
  }

  histogram(name: string, unit: HistogramUnit = "unspecified"): Histogram {
    return this.#root.histogram(this.#name(name), unit);
  }

  /** The stats of one owner under this scope's prefix. */
  group(template: StatTemplate): StatGroup {
    return this.#root.group(this.prefix, template);
  }

  #name(name: string): string {
    return this.prefix === "" ? name : `${this.prefix}.${name}`;
  }
}

/** Envoy's way with names in stat names: `:` and other delimiters become `_`. */
export function sanitizeStatName(name: string): string {
  return name.replaceAll(/:|\0/g, "_");
}
