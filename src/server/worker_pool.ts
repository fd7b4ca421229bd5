/**
 * The worker threads as main sees them: started before the configuration is read, given every
 * resource in order, watched by their beats, replaced when they die, hang or grow too large.
 */

import { Worker } from "node:worker_threads";
import { logger } from "../base/mod.ts";
import type { StatsUpdate } from "../stats/mod.ts";
import { allocateBeats, Beat, HANG_LIMIT_MS } from "./beats.ts";
import type { FromWorker, ToWorker, WorkerInit } from "./messages.ts";

/** Heap of one worker in MiB; V8 refuses more, and at nine tenths of it main replaces the worker. */
export const WORKER_HEAP_MIB = 2048;
const REPLACE_AT = 0.9;
const WATCH_INTERVAL_MS = 1000;
/** How long a worker may take to answer a question before it counts as silent. */
const ANSWER_LIMIT_MS = 2000;

/** What the pool tells its owner. */
export interface PoolEvents {
  onMessage(worker: number, message: FromWorker): void;
  /** A worker died; its place is being filled, and what it held must be given back. */
  onReplaced(worker: number, reason: string): void;
}

interface Seat {
  readonly index: number;
  readonly beat: Beat;
  thread: Worker;
  /** Sent before "up" came. */
  waiting: ToWorker[] | undefined;
  isEnding: boolean;
}

/**
 * Starts, tells, asks and replaces workers; a replacement is told everything that the others know.
 */
export class WorkerPool {
  readonly beats: SharedArrayBuffer;
  readonly #seats: Seat[] = [];
  readonly #events: PoolEvents;
  /** Everything a replacement needs, in order. */
  #replay: (worker: number) => ToWorker[] = () => [];
  #init: ((worker: number) => WorkerInit) | undefined;
  #nextQuestion = 1;
  readonly #questions = new Map<number, (update: StatsUpdate | undefined) => void>();
  #watch: unknown;

  constructor(count: number, events: PoolEvents) {
    this.#events = events;
    this.beats = allocateBeats(count);
    for (let index = 1; index <= count; index++) {
      const beat = new Beat(this.beats, index);
      const seat: Seat = {
        index,
        beat,
        thread: undefined as unknown as Worker,
        waiting: [],
        isEnding: false,
      };
      this.#seats.push(seat);
      this.#start(seat);
    }
  }

  get size(): number {
    return this.#seats.length;
  }

  beat(worker: number): Beat {
    return this.#seats[worker - 1]!.beat;
  }

  /** Tells the workers who they are; `replay` gives what a replacement must hear to catch up. */
  introduce(init: (worker: number) => WorkerInit, replay: (worker: number) => ToWorker[]): void {
    this.#init = init;
    this.#replay = replay;
    for (const seat of this.#seats) this.send(seat.index, { type: "init", init: init(seat.index) });
    this.#watch = setInterval(() => this.#look(), WATCH_INTERVAL_MS);
  }

  send(worker: number, message: ToWorker): void {
    const seat = this.#seats[worker - 1]!;
    if (seat.waiting !== undefined) seat.waiting.push(message);
    else seat.thread.postMessage(message);
  }

  broadcast(message: ToWorker): void {
    for (const seat of this.#seats) this.send(seat.index, message);
  }

  /** Asks every worker for new stats; silent ones are left out. */
  async collectStats(absorb: (worker: number, update: StatsUpdate) => void): Promise<void> {
    await Promise.all(this.#seats.map(async (seat) => {
      const id = this.#nextQuestion++;
      const answer = Promise.withResolvers<StatsUpdate | undefined>();
      const timer = setTimeout(() => answer.resolve(undefined), ANSWER_LIMIT_MS);
      this.#questions.set(id, answer.resolve);
      this.send(seat.index, { type: "flush_stats", id });
      const update = await answer.promise;
      clearTimeout(timer);
      this.#questions.delete(id);
      if (update !== undefined) absorb(seat.index, update);
    }));
  }

  /** Ends all threads at once. */
  async terminate(): Promise<void> {
    clearInterval(this.#watch as number);
    await Promise.all(this.#seats.map((seat) => {
      seat.isEnding = true;
      return seat.thread.terminate();
    }));
  }

  #start(seat: Seat): void {
    seat.beat.reset(Date.now());
    seat.waiting = [];
    seat.isEnding = false;
    const thread = new Worker(new URL("./worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    });
    seat.thread = thread;
    thread.on("message", (message: FromWorker) => {
      if (seat.thread === thread) this.#hear(seat, message);
    });
    thread.on("error", (error: Error) => this.#lost(seat, thread, error.message));
    thread.on("exit", () => this.#lost(seat, thread, "exited"));
  }

  #hear(seat: Seat, message: FromWorker): void {
    switch (message.type) {
      case "up": {
        const waiting = seat.waiting ?? [];
        seat.waiting = undefined;
        for (const each of waiting) seat.thread.postMessage(each);
        return;
      }
      case "stats":
        this.#questions.get(message.id)?.(message.update);
        return;
      default:
        this.#events.onMessage(seat.index, message);
    }
  }

  #lost(seat: Seat, thread: Worker, reason: string): void {
    if (seat.thread !== thread || seat.isEnding) return;
    seat.isEnding = true;
    void thread.terminate();
    logger("main").error("worker {worker} is lost ({reason}); replacing it", {
      worker: seat.index,
      reason,
    });
    this.#events.onReplaced(seat.index, reason);
    this.#start(seat);
    if (this.#init !== undefined) {
      this.send(seat.index, { type: "init", init: this.#init(seat.index) });
      for (const message of this.#replay(seat.index)) this.send(seat.index, message);
    }
  }

  #look(): void {
    const now = Date.now();
    for (const seat of this.#seats) {
      const silentMs = now - seat.beat.lastMs;
      if (silentMs > HANG_LIMIT_MS) {
        this.#lost(seat, seat.thread, `silent for ${Math.round(silentMs / 1000)} s`);
      } else if (seat.beat.heapBytes > WORKER_HEAP_MIB * 1048576 * REPLACE_AT) {
        this.#lost(seat, seat.thread, `heap of ${Math.round(seat.beat.heapBytes / 1048576)} MiB`);
      }
    }
  }
}
