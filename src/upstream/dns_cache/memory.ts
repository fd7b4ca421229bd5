/**
 * Counts of one cache in memory that all threads share, exact over workers:
 *
 *     Int32: waiting requests, names, then per thread its share of the waiting requests
 */

const PENDING = 0;
const HOSTS = 1;
const SHARES = 2;

/** One cache's counts as one thread sees them; main writes the number of names. */
export class DnsCacheMemory {
  readonly #cells: Int32Array;
  readonly #share: number;

  /** @param thread 0 for main */
  constructor(buffer: SharedArrayBuffer, thread: number) {
    this.#cells = new Int32Array(buffer);
    this.#share = SHARES + thread;
  }

  /** @param threads workers and main */
  static allocate(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer((SHARES + threads) * 4);
  }

  get pending(): number {
    return Atomics.load(this.#cells, PENDING);
  }

  get hosts(): number {
    return Atomics.load(this.#cells, HOSTS);
  }

  set hosts(count: number) {
    Atomics.store(this.#cells, HOSTS, count);
  }

  /** Takes first and looks then: two threads can never both have the last place. */
  tryPending(max: number): boolean {
    if (Atomics.add(this.#cells, PENDING, 1) >= max) {
      Atomics.sub(this.#cells, PENDING, 1);
      return false;
    }
    this.#cells[this.#share]!++;
    return true;
  }

  releasePending(): void {
    Atomics.sub(this.#cells, PENDING, 1);
    this.#cells[this.#share]!--;
  }

  /** Gives back what a dead thread held. */
  retire(thread: number): void {
    const at = SHARES + thread;
    Atomics.sub(this.#cells, PENDING, this.#cells[at]!);
    this.#cells[at] = 0;
  }
}
