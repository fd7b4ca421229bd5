/**
 * Signs of life in shared memory: each worker writes the time and its heap, main looks. A worker
 * that is silent or over its limit is ended and replaced (DESIGN §2).
 */

const CELLS = 8;
const BEAT = 0;
const HEAP = 1;
const CONNECTIONS = 2;
const FAULTS = 3;

/** How often a worker writes, and how long main waits before it calls a worker hung. */
export const BEAT_INTERVAL_MS = 500;
export const HANG_LIMIT_MS = 10_000;

/** How long after start-up a thread collects what start-up left behind: 10 to 20 MiB each. */
export const SETTLE_MS = 100;

/** Memory for `workers` workers and main; a line of 64 bytes each. */
export function allocateBeats(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer((workers + 1) * CELLS * Float64Array.BYTES_PER_ELEMENT);
}

/** One worker's line. */
export class Beat {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#cells = new Float64Array(memory, worker * CELLS * 8, CELLS);
  }

  /** Written by the worker; `wallMs` is Unix time, the one clock all threads share. */
  write(wallMs: number, heapBytes: number, connections: number): void {
    this.#cells[BEAT] = wallMs;
    this.#cells[HEAP] = heapBytes;
    this.#cells[CONNECTIONS] = connections;
  }

  /** Counts an exception of our own that a turn caught. */
  countFault(): void {
    this.#cells[FAULTS]!++;
  }

  /** Main, before it starts a worker in this place: gives it time to come up; faults stay counted. */
  reset(wallMs: number): void {
    this.#cells[BEAT] = wallMs;
    this.#cells[HEAP] = this.#cells[CONNECTIONS] = 0;
  }

  get lastMs(): number {
    return this.#cells[BEAT]!;
  }

  get heapBytes(): number {
    return this.#cells[HEAP]!;
  }

  get connections(): number {
    return this.#cells[CONNECTIONS]!;
  }

  get faults(): number {
    return this.#cells[FAULTS]!;
  }
}
