/**
 * Earliest-deadline-first choice by weight, as Envoy's EdfScheduler: an entry of weight w comes
 * back 1/w later; equal deadlines keep their order. A binary heap in parallel arrays.
 */

export class EdfScheduler<Entry> {
  readonly #entries: Entry[] = [];
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
    let done = 0;
    for (const entry of entries) {
      const weight = weightOf(entry);
      const own = Math.floor(picks * weight / total);
      done += own;
      scheduler.#push(entry, (own + 1) / weight);
    }
    for (; done < picks; done++) scheduler.pick(weightOf);
    return scheduler;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(weight: number, entry: Entry): void {
    this.#push(entry, this.#now + 1 / weight);
  }

  /** The next entry; it is put back with the weight it has now. */
  pick(weightOf: (entry: Entry) => number): Entry | undefined {
    const entry = this.#entries[0];
    if (entry === undefined) return undefined;
    this.#now = this.#deadlines[0]!;
    this.#deadlines[0] = this.#now + 1 / weightOf(entry);
    this.#orders[0] = this.#order++;
    this.#siftDown(0);
    return entry;
  }

  #push(entry: Entry, deadline: number): void {
    let at = this.#entries.length;
    this.#entries.push(entry);
    this.#deadlines.push(deadline);
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

function swap<Item>(items: Item[], a: number, b: number): void {
  const item = items[a]!;
  items[a] = items[b]!;
  items[b] = item;
}
