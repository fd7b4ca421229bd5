export * from "./compile_context.ts";
export * from "./runtime.ts";
