export * from "./compile_context.ts";
export * from "./layers.ts";
export * from "./runtime.ts";
