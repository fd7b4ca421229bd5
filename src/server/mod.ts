export { hasErrors, loadConfig, type LoadedConfig, type LoadOptions } from "./load.ts";
export { configureLog, logLevels } from "./log.ts";
export { installSignals, type Process } from "./process.ts";
export { mayServe, Server } from "./server.ts";
export { WorkerPool } from "./worker_pool.ts";
