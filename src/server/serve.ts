/**
 * Entry of the main thread. The workers are started before anything else is loaded, and this thread
 * loads its rooms in the order it needs them: start-up is module loading more than work.
 */

import { Introduction } from "./introduction.ts";
import type { LoadOptions } from "./load.ts";
import { configureLog } from "./log.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { Process } from "./process.ts";
import type { Server } from "./server.ts";
import { mayServe } from "./verdict.ts";
import { type PoolOptions, WorkerPool } from "./worker_pool.ts";

export interface ServeOptions {
  readonly load: LoadOptions;
  readonly process: Process;
  readonly concurrency: number;
  /** Ends once the configuration is known to be good. */
  readonly isInitOnly: boolean;
  /** Leaves warnings out. */
  readonly isQuiet: boolean;
  /** Another worker entry and other limits than the usual. */
  readonly pool?: Partial<PoolOptions>;
}

/** Serves until told to end. @returns the exit code */
export async function serve(options: ServeOptions): Promise<number> {
  const { process } = options;
  configureLog({ ...process.logOptions, levels: process.logLevels, thread: "0" });
  let server: Server | undefined;
  /** Said before there was a server to hear it. */
  const early: (readonly [worker: number, message: FromWorker])[] = [];
  const pool = new WorkerPool(options.concurrency, {
    onMessage: (worker, message) => {
      if (server === undefined) early.push([worker, message]);
      else server.onWorkerMessage(worker, message);
    },
    onLost: (worker, isReplaced) => server?.onWorkerLost(worker, isReplaced),
    onStuck: (worker) => server?.onWorkerStuck(worker),
  }, options.pool);
  try {
    const { loadConfig } = await import("./load.ts");
    const config = await loadConfig(options.load);
    const complain = (line: string): void => {
      if (!options.isQuiet || line.startsWith("error")) process.complain(line);
    };
    if (!("bootstrap" in config)) {
      mayServe(config.problems, complain);
      return 1;
    }
    // From here on the workers compile, while this thread loads the rest of its rooms.
    const introduction = new Introduction(config, process, pool);
    introduce(pool, introduction, (worker) => server?.replay(worker));
    server = new (await import("./server.ts")).Server({ config, introduction, pool, process });
    for (const [worker, message] of early) server.onWorkerMessage(worker, message);
    await server.prepare();
    if (!mayServe(config.problems, complain)) return 1;
    config.release();
    if (options.isInitOnly) return 0;
    return await server.run();
  } catch (error) {
    process.complain(`denvoy: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await pool.terminate();
  }
}

/** @param replay what a replacement hears; undefined as long as all have heard the same */
function introduce(
  pool: WorkerPool,
  introduction: Introduction,
  replay: (worker: number) => ToWorker[] | undefined,
): void {
  pool.introduce(
    (worker) => introduction.init(worker),
    (worker) => replay(worker) ?? introduction.messages(worker === 1),
  );
  for (let worker = 1; worker <= pool.size; worker++) {
    for (const message of introduction.messages(worker === 1)) pool.send(worker, message);
  }
}
