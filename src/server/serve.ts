/**
 * Entry of the main thread. The workers are started before anything else is loaded, and this thread
 * loads its rooms in the order it needs them: start-up is module loading more than work.
 */

import type { LoadOptions } from "./load.ts";
import { configureLog } from "./log.ts";
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
  const pool = new WorkerPool(options.concurrency, {
    onMessage: (worker, message) => server?.onWorkerMessage(worker, message),
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
    server = new (await import("./server.ts")).Server({ config, pool, process });
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
