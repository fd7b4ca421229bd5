/**
 * Earliest-deadline-first choice by weight, as Envoy's EdfScheduler: an entry of weight w comes
 * back 1/w later; equal deadlines keep their order. A binary heap in parallel arrays.
 */

interface Scheduled<Entry> {
  readonly entry: Entry;
  /** The weight it has had since `sinceTime`, and how often it was scheduled with it. */
  weight: number;
  sinceTime: number;
  count: number;
}

/**
 * Entries by deadline: `pick` takes the earliest and puts it back 1/weight later; both are O(log
 * n).
 */
export class EdfScheduler<Entry> {
  readonly #entries: Scheduled<Entry>[] = [];
  readonly #deadlines: number[] = [];
  readonly #orders: number[] = [];
  #now = 0;
  #order = 0;

  /**
   * A scheduler in the state after about `picks` picks of `entries`, so that workers and updates
   * do not all begin at the same host.
   */
  static afterPicks<Entry>(
    entries: readonly Entry[],
    weightOf: (entry: Entry) => number,
    picks: number,
  ): EdfScheduler<Entry> {
    const scheduler = new EdfScheduler<Entry>();
    const total = entries.reduce((sum, entry) => sum + weightOf(entry), 0);
    const begun = entries.map((entry) => {
      const weight = weightOf(entry);
      return { entry, weight, own: Math.floor(picks * weight / total) };
    });
    // Equal deadlines keep the order of the picks before them.
    begun.sort((a, b) => a.own / a.weight - b.own / b.weight);
    let done = 0;
    for (const { entry, weight, own } of begun) {
      done += own;
      scheduler.#push({ entry, weight, sinceTime: 0, count: own + 1 });
    }
    for (; done < picks; done++) scheduler.pick(weightOf);
    return scheduler;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(weight: number, entry: Entry): void {
    this.#push({ entry, weight, sinceTime: this.#now, count: 1 });
  }

  /** The next entry; it is put back with the weight it has now. */
  pick(weightOf: (entry: Entry) => number): Entry | undefined {
    const scheduled = this.#entries[0];
    if (scheduled === undefined) return undefined;
    this.#now = this.#deadlines[0]!;
    const weight = weightOf(scheduled.entry);
    if (weight === scheduled.weight) scheduled.count++;
    else {
      scheduled.weight = weight;
      scheduled.sinceTime = this.#now;
      scheduled.count = 1;
    }
    this.#deadlines[0] = deadlineOf(scheduled);
    this.#orders[0] = this.#order++;
    this.#siftDown(0);
    return scheduled.entry;
  }

  #push(scheduled: Scheduled<Entry>): void {
    let at = this.#entries.length;
    this.#entries.push(scheduled);
    this.#deadlines.push(deadlineOf(scheduled));
    this.#orders.push(this.#order++);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #siftDown(from: number): void {
    const length = this.#entries.length;
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= length) return;
      const right = left + 1;
      const least = right < length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const da = this.#deadlines[a]!;
    const db = this.#deadlines[b]!;
    return da < db || (da === db && this.#orders[a]! < this.#orders[b]!);
  }

  #swap(a: number, b: number): void {
    swap(this.#entries, a, b);
    swap(this.#deadlines, a, b);
    swap(this.#orders, a, b);
  }
}

/** One division instead of a sum of many: 3 × 1/3 must be 1, or ties break and cycles drift. */
function deadlineOf(scheduled: Scheduled<unknown>): number {
  return scheduled.sinceTime + scheduled.count / scheduled.weight;
}

function swap<Item>(items: Item[], a: number, b: number): void {
  const item = items[a]!;
  items[a] = items[b]!;
  items[b] = item;
}
