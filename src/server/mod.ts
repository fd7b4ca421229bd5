export type { LoadOptions } from "./load.ts";
export { logLevels } from "./log.ts";
export { installSignals, type Process } from "./process.ts";
export { serve, type ServeOptions } from "./serve.ts";
export { findProblems } from "./validate.ts";
