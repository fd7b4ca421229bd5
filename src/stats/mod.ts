export * from "./arena.ts";
export * from "./histogram.ts";
export * from "./scope.ts";
