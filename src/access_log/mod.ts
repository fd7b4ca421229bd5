export * from "./access_log.ts";
export * from "./filter.ts";
export * from "./log_writer.ts";
export * from "./manager.ts";
export * from "./sinks/registry.ts";
