/**
 * The worker threads as main sees them: started before the configuration is read, given every
 * resource in order, watched by their beats, replaced when they die, hang or grow too large.
 */

import { Worker } from "node:worker_threads";
import { fileExists, logger } from "../base/mod.ts";
import type { StatsUpdate } from "../stats/mod.ts";
import { allocateBeats, Beat, HANG_LIMIT_MS } from "./beats.ts";
import type { FromWorker, ToWorker, WorkerInit } from "./messages.ts";

/**
 * Semi-spaces of 3 MiB: an idle connection costs 2 KiB less than with V8's own size. With 1 MiB
 * HTTP/2 took half as much CPU again: what 256 requests under way hold no longer died young.
 */
const WORKER_YOUNG_MIB = 9;
const REPLACE_AT = 0.9;
/** How long a worker may take to answer a question before it counts as silent. */
const ANSWER_LIMIT_MS = 2000;

/** How workers are made and watched. */
export interface PoolOptions {
  readonly entry: URL;
  /** V8 refuses more, and at nine tenths of it main replaces the worker. */
  readonly heapMiB: number;
  readonly watchIntervalMs: number;
  /** Silence after which a worker counts as hung. */
  readonly hangLimitMs: number;
  /** The same before it accepts for the first time. */
  readonly startLimitMs: number;
  /** Time that a thread has to end once it was told to. */
  readonly endLimitMs: number;
  /** A worker that was lost sooner after its start is replaced only after as long again. */
  readonly minLifeMs: number;
}

const DEFAULTS: PoolOptions = {
  entry: new URL("./worker.ts", import.meta.url),
  heapMiB: 2048,
  watchIntervalMs: 1000,
  hangLimitMs: HANG_LIMIT_MS,
  startLimitMs: 60_000,
  endLimitMs: 2000,
  minLifeMs: 1000,
};

/** What the pool tells its owner. */
export interface PoolEvents {
  onMessage(worker: number, message: FromWorker): void;
  /**
   * A worker has ended that should not have; what it held must be given back. Its place is filled
   * unless `isReplaced` is false.
   */
  onLost(worker: number, isReplaced: boolean): void;
  /**
   * A worker spins and cannot be ended, for the runtime does not interrupt it: its listening sockets
   * go on taking their share of connections, and nobody answers them.
   */
  onStuck(worker: number): void;
}

interface Seat {
  readonly index: number;
  readonly beat: Beat;
  thread: Worker;
  /** Its place below /proc; "" if unknown. */
  task: string;
  /** Sent before "up" came. */
  waiting: ToWorker[] | undefined;
  isEnding: boolean;
  /** Until it accepts: loading and compiling take their time, and no beat comes meanwhile. */
  isStarting: boolean;
  startedMs: number;
}

/** Somebody waits for the stats of a worker. */
interface Question {
  readonly worker: number;
  readonly answer: (update: StatsUpdate | undefined) => void;
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
  readonly #questions = new Map<number, Question>();
  readonly #options: PoolOptions;
  #replaces = true;
  #watch: unknown;

  constructor(count: number, events: PoolEvents, options: Partial<PoolOptions> = {}) {
    this.#events = events;
    this.#options = { ...DEFAULTS, ...options };
    this.beats = allocateBeats(count);
    for (let index = 1; index <= count; index++) {
      const beat = new Beat(this.beats, index);
      const seat: Seat = {
        index,
        beat,
        thread: undefined as unknown as Worker,
        task: "",
        waiting: [],
        isEnding: false,
        isStarting: true,
        startedMs: 0,
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
    this.#watch = setInterval(() => this.#look(), this.#options.watchIntervalMs);
  }

  send(worker: number, message: ToWorker): void {
    const seat = this.#seats[worker - 1]!;
    // A replacement hears of everything anyway.
    if (seat.isEnding) return;
    if (seat.waiting !== undefined) seat.waiting.push(message);
    else seat.thread.postMessage(message);
  }

  /** @param except a worker that is left out */
  broadcast(message: ToWorker, except?: number): void {
    for (const { index } of this.#seats) if (index !== except) this.send(index, message);
  }

  /** Asks every worker for new stats; silent ones are left out. */
  async collectStats(absorb: (worker: number, update: StatsUpdate) => void): Promise<void> {
    await Promise.all(this.#seats.map(async (seat) => {
      const id = this.#nextQuestion++;
      const answer = Promise.withResolvers<StatsUpdate | undefined>();
      const timer = setTimeout(() => answer.resolve(undefined), ANSWER_LIMIT_MS);
      this.#questions.set(id, { worker: seat.index, answer: answer.resolve });
      this.send(seat.index, { type: "flush_stats", id });
      const update = await answer.promise;
      clearTimeout(timer);
      this.#questions.delete(id);
      if (update !== undefined) absorb(seat.index, update);
    }));
  }

  /** The process ends: whoever is lost from now on stays so. */
  stopReplacing(): void {
    this.#replaces = false;
  }

  /** Every worker makes way for one that is told the state as it is now. */
  replaceAll(reason: string): void {
    for (const seat of this.#seats) void this.#lost(seat, seat.thread, reason);
  }

  /** Ends all threads at once. */
  async terminate(): Promise<void> {
    this.#replaces = false;
    clearInterval(this.#watch as number);
    await Promise.all(this.#seats.map((seat) => {
      seat.isEnding = true;
      return seat.thread.terminate();
    }));
  }

  #start(seat: Seat): void {
    seat.beat.reset(Date.now());
    seat.waiting = [];
    seat.task = "";
    seat.isEnding = false;
    seat.isStarting = true;
    seat.startedMs = performance.now();
    const thread = new Worker(this.#options.entry, {
      resourceLimits: {
        maxOldGenerationSizeMb: this.#options.heapMiB,
        maxYoungGenerationSizeMb: WORKER_YOUNG_MIB,
      },
    });
    seat.thread = thread;
    thread.on("message", (message: FromWorker) => {
      if (seat.thread === thread) this.#hear(seat, message);
    });
    thread.on("error", (error: Error) => void this.#lost(seat, thread, error.message));
    thread.on("exit", () => void this.#lost(seat, thread, "exited"));
  }

  #hear(seat: Seat, message: FromWorker): void {
    switch (message.type) {
      case "up": {
        const waiting = seat.waiting ?? [];
        seat.waiting = undefined;
        seat.task = message.thread;
        for (const each of waiting) seat.thread.postMessage(each);
        return;
      }
      case "stats":
        this.#questions.get(message.id)?.answer(message.update);
        return;
      default:
        if (message.type === "accepting") seat.isStarting = false;
        this.#events.onMessage(seat.index, message);
    }
  }

  async #lost(seat: Seat, thread: Worker, reason: string): Promise<void> {
    if (seat.thread !== thread || seat.isEnding) return;
    seat.isEnding = true;
    logger("main").error("worker {worker} is lost ({reason})", { worker: seat.index, reason });
    for (const { worker, answer } of this.#questions.values()) {
      if (worker === seat.index) answer(undefined);
    }
    const lifeMs = performance.now() - seat.startedMs;
    // Its sockets must be closed before another binds them, its last charges made before they are
    // given back.
    await thread.terminate();
    if (!await this.#isGone(seat.task)) {
      this.#replaces = false;
      this.#events.onStuck(seat.index);
    }
    this.#events.onLost(seat.index, this.#replaces);
    const { minLifeMs } = this.#options;
    if (lifeMs >= minLifeMs) return this.#replace(seat);
    setTimeout(() => this.#replace(seat), minLifeMs);
  }

  /** Whether a thread ends within its time; one that is nowhere to be seen counts as gone. */
  async #isGone(task: string): Promise<boolean> {
    const until = performance.now() + this.#options.endLimitMs;
    while (task !== "" && fileExists(`/proc/${task}`)) {
      if (performance.now() > until) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return true;
  }

  #replace(seat: Seat): void {
    if (!this.#replaces) return;
    logger("main").warn("worker {worker} is replaced", { worker: seat.index });
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
      const { hangLimitMs, startLimitMs } = this.#options;
      if (silentMs > (seat.isStarting ? startLimitMs : hangLimitMs)) {
        void this.#lost(seat, seat.thread, `silent for ${Math.round(silentMs / 1000)} s`);
      } else if (seat.beat.heapBytes > this.#options.heapMiB * 1048576 * REPLACE_AT) {
        void this.#lost(
          seat,
          seat.thread,
          `heap of ${Math.round(seat.beat.heapBytes / 1048576)} MiB`,
        );
      }
    }
  }
}
