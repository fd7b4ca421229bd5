export * from "./compile.ts";
export * from "./manager.ts";
