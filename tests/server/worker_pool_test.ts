import type { FromWorker, ToWorker, WorkerInit } from "../../src/server/messages.ts";
import { WorkerPool } from "../../src/server/worker_pool.ts";
import { assertEquals } from "../support/assert.ts";

const ENTRY = new URL("../support/fake_worker.ts", import.meta.url);

/** A pool of fake workers, and what it told. */
class PoolHarness {
  readonly pool: WorkerPool;
  /** `accepting N`, `lost N`, `lost N for good`, in order. */
  readonly events: string[] = [];
  #wake: () => void = () => {};

  constructor(workers: number) {
    this.pool = new WorkerPool(workers, {
      onMessage: (worker: number, message: FromWorker) => this.#add(`${message.type} ${worker}`),
      onLost: (worker: number, isReplaced: boolean) =>
        this.#add(`lost ${worker}${isReplaced ? "" : " for good"}`),
      onStuck: (worker: number) => this.#add(`stuck ${worker}`),
    }, { entry: ENTRY, watchIntervalMs: 10, hangLimitMs: 400, endLimitMs: 50, minLifeMs: 10 });
    this.pool.introduce(
      (index) => ({ index, beats: this.pool.beats }) as WorkerInit,
      () => [{ type: "accept" }],
    );
    this.pool.broadcast({ type: "accept" });
  }

  /** What happened up to `event`, which it waits for. */
  async until(event: string): Promise<string[]> {
    while (!this.events.includes(event)) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.events.splice(0, this.events.indexOf(event) + 1);
  }

  /** Until all workers are up. */
  async ready(): Promise<void> {
    for (let worker = 1; worker <= this.pool.size; worker++) {
      while (!this.events.includes(`accepting ${worker}`)) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
    this.events.length = 0;
  }

  /** Lets a worker do one of the fake's faults. */
  cause(worker: number, fault: string): void {
    this.pool.send(worker, runtime(fault));
  }

  #add(event: string): void {
    this.events.push(event);
    this.#wake();
  }
}

function runtime(key: string): ToWorker {
  return { type: "runtime", values: new Map([[key, true]]) };
}

function poolTest(name: string, workers: number, run: (harness: PoolHarness) => Promise<void>) {
  // Terminated threads leave their last messages to the runtime, which is no leak of ours.
  Deno.test({
    name: `WorkerPool ${name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const harness = new PoolHarness(workers);
      try {
        await harness.ready();
        await run(harness);
      } finally {
        await harness.pool.terminate();
      }
    },
  });
}

for (const fault of ["throw", "exit", "grow"]) {
  poolTest(`replaces a worker after: ${fault}; the other goes on`, 2, async (harness) => {
    harness.cause(2, fault);
    assertEquals(await harness.until("accepting 2"), ["lost 2", "accepting 2"]);
    // Both answer: this does not last as long as a silent worker is waited for.
    await harness.pool.collectStats(() => {});
  });
}

poolTest(
  "tells of a worker that spins and cannot be ended; nobody waits for its stats",
  2,
  async (harness) => {
    harness.cause(1, "hang");
    await harness.pool.collectStats(() => {});
    assertEquals(await harness.until("lost 1 for good"), ["stuck 1", "lost 1 for good"]);
  },
);

poolTest("replaces all of them when told to", 2, async (harness) => {
  harness.pool.replaceAll("in a test");
  const events = [...await harness.until("accepting 1")];
  if (!events.includes("accepting 2")) events.push(...await harness.until("accepting 2"));
  assertEquals(events.sort(), ["accepting 1", "accepting 2", "lost 1", "lost 2"]);
});

poolTest("lets go of lost workers once the process ends", 2, async (harness) => {
  harness.pool.stopReplacing();
  harness.cause(1, "exit");
  assertEquals(await harness.until("lost 1 for good"), ["lost 1 for good"]);
});

poolTest("keeps the faults of a worker that was replaced", 1, async (harness) => {
  harness.cause(1, "fault");
  harness.cause(1, "exit");
  await harness.until("accepting 1");
  assertEquals(harness.pool.beat(1).faults, 1);
  assertEquals(harness.pool.beat(1).connections, 3);
});
