/**
 * Cells of hosts in memory that all threads share: health flags, and per thread what it counted.
 * Main gives out the slots; each thread writes its own block only, so that a dead worker's share
 * can be wiped and /clusters is read without asking anybody.
 *
 *     segment: Float64[thread][slot][stat], then Int32[slot] of health flags, then
 *     Int32[slot][cell] of what is counted over all threads: for outlier detection, and
 *     connections
 */

import type { Clock } from "../base/mod.ts";
import { StatGroup, type StatTemplate, statTemplate } from "../stats/mod.ts";
import type { HostSegment } from "./resource.ts";

/** Per host, in the order of Envoy's /clusters. */
export const HOST_STATS: StatTemplate = statTemplate(
  "cx_connect_fail cx_total rq_error rq_success rq_timeout rq_total",
  "cx_active rq_active rq_pending_active",
);

/** Indices into HOST_STATS. */
export const HOST_STAT = {
  cxConnectFail: 0,
  cxTotal: 1,
  rqError: 2,
  rqSuccess: 3,
  rqTimeout: 4,
  rqTotal: 5,
  cxActive: 6,
  rqActive: 7,
  rqPendingActive: 8,
} as const;

/** What outlier detection counts of a host. */
export const OUTLIER_CELL = {
  consecutive5xx: 0,
  consecutiveGateway: 1,
  consecutiveLocal: 2,
  total: 3,
  success: 4,
  localTotal: 5,
  localSuccess: 6,
  /** Connections of all threads, where a cluster limits those of a host. */
  connections: 7,
} as const;

const OUTLIER_CELLS = 8;
const CELLS = HOST_STATS.length;
/** The first segment is small, so that a small configuration stays small. */
const FIRST_CAPACITY = 32;
const CAPACITY = 256;

/** One segment as a thread sees it. */
export class HostSegmentView {
  readonly #cells: Float64Array;
  readonly #flags: Int32Array;
  readonly #outlier: Int32Array;
  readonly #capacity: number;
  readonly #threads: number;

  constructor(segment: HostSegment, threads: number) {
    const floats = threads * segment.capacity * CELLS;
    this.#cells = new Float64Array(segment.buffer, 0, floats);
    this.#flags = new Int32Array(segment.buffer, floats * 8, segment.capacity);
    const outliers = floats * 8 + segment.capacity * 4;
    this.#outlier = new Int32Array(segment.buffer, outliers, segment.capacity * OUTLIER_CELLS);
    this.#capacity = segment.capacity;
    this.#threads = threads;
  }

  /** What `thread` counts of a slot. */
  group(thread: number, slot: number): StatGroup {
    return new StatGroup(this.#cells, (thread * this.#capacity + slot) * CELLS);
  }

  /** Sum of a stat over all threads. */
  sum(slot: number, stat: number): number {
    let sum = 0;
    const step = this.#capacity * CELLS;
    let at = slot * CELLS + stat;
    for (let thread = 0; thread < this.#threads; thread++, at += step) sum += this.#cells[at]!;
    return sum;
  }

  flags(slot: number): number {
    return Atomics.load(this.#flags, slot);
  }

  setFlags(slot: number, flags: number): void {
    Atomics.store(this.#flags, slot, flags);
  }

  /** Sets and clears bits at once. @returns the flags before */
  changeFlags(slot: number, set: number, clear: number): number {
    const before = Atomics.or(this.#flags, slot, set);
    if (clear !== 0) Atomics.and(this.#flags, slot, ~clear);
    return before;
  }

  /** @returns the count with this one */
  addOutlier(slot: number, cell: number): number {
    return Atomics.add(this.#outlier, slot * OUTLIER_CELLS + cell, 1) + 1;
  }

  /** @returns the count before */
  resetOutlier(slot: number, cell: number): number {
    return Atomics.exchange(this.#outlier, slot * OUTLIER_CELLS + cell, 0);
  }

  /** Takes a connection if the host has fewer than `max` on all threads. */
  tryConnection(slot: number, max: number): boolean {
    const at = slot * OUTLIER_CELLS + OUTLIER_CELL.connections;
    let count = Atomics.load(this.#outlier, at);
    for (;;) {
      if (count >= max) return false;
      const seen = Atomics.compareExchange(this.#outlier, at, count, count + 1);
      if (seen === count) return true;
      count = seen;
    }
  }

  releaseConnections(slot: number, count: number): void {
    Atomics.sub(this.#outlier, slot * OUTLIER_CELLS + OUTLIER_CELL.connections, count);
  }

  clear(slot: number): void {
    this.#outlier.fill(0, slot * OUTLIER_CELLS, (slot + 1) * OUTLIER_CELLS);
    for (let thread = 0; thread < this.#threads; thread++) {
      const base = (thread * this.#capacity + slot) * CELLS;
      this.#cells.fill(0, base, base + CELLS);
    }
    this.setFlags(slot, 0);
  }

  /** Takes away the gauges of a thread that died; its counters stay. */
  retire(thread: number): void {
    for (let slot = 0; slot < this.#capacity; slot++) {
      const base = (thread * this.#capacity + slot) * CELLS;
      const counted = this.#outlier[slot * OUTLIER_CELLS + OUTLIER_CELL.connections]!;
      // Where connections are not limited they are not counted either.
      this.releaseConnections(slot, Math.min(counted, this.#cells[base + HOST_STAT.cxActive]!));
      this.#cells.fill(0, base + HOST_STAT.cxActive, base + CELLS);
    }
  }
}

/** A segment with nothing in it. */
export function newSegment(id: number, capacity: number, threads: number): HostSegment {
  const bytes = threads * capacity * CELLS * 8 + capacity * 4 * (1 + OUTLIER_CELLS);
  return { id, buffer: new SharedArrayBuffer(bytes), capacity };
}

/** A slot given back waits this long, and until nothing is under way in it any more. */
const QUARANTINE_MS = 10_000;

interface Slot {
  readonly segment: number;
  readonly slot: number;
}

/** Main's allocator of slots. */
export class HostMemory {
  readonly threads: number;
  readonly #clock: Clock;
  readonly #segments: HostSegment[] = [];
  readonly #views: HostSegmentView[] = [];
  /** Oldest first. */
  readonly #given: (Slot & { readonly sinceMs: number })[] = [];
  #used = 0;

  /** @param threads workers and main */
  constructor(threads: number, clock: Clock) {
    this.threads = threads;
    this.#clock = clock;
  }

  take(): Slot {
    const oldest = this.#given[0];
    if (oldest !== undefined && this.#isReusable(oldest)) {
      this.#given.shift();
      this.view(oldest.segment).clear(oldest.slot);
      return oldest;
    }
    const last = this.#segments[this.#segments.length - 1];
    if (last === undefined || this.#used === last.capacity) this.#grow();
    return { segment: this.#segments.length - 1, slot: this.#used++ };
  }

  give(slot: Slot): void {
    this.#given.push({ ...slot, sinceMs: this.#clock.nowMs() });
  }

  view(segment: number): HostSegmentView {
    return this.#views[segment]!;
  }

  /** The segments behind these ids, to be posted. */
  segments(ids: Iterable<number>): HostSegment[] {
    return [...ids].map((id) => this.#segments[id]!);
  }

  /** Takes away the gauges of a thread that died. */
  retire(thread: number): void {
    for (const view of this.#views) view.retire(thread);
  }

  #isReusable(given: Slot & { readonly sinceMs: number }): boolean {
    if (this.#clock.nowMs() - given.sinceMs < QUARANTINE_MS) return false;
    return this.view(given.segment).sum(given.slot, HOST_STAT.cxActive) === 0;
  }

  #grow(): void {
    const capacity = this.#segments.length === 0 ? FIRST_CAPACITY : CAPACITY;
    const segment = newSegment(this.#segments.length, capacity, this.threads);
    this.#segments.push(segment);
    this.#views.push(new HostSegmentView(segment, this.threads));
    this.#used = 0;
  }
}
