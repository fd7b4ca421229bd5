export * from "./arena.ts";
export * from "./histogram.ts";
export * from "./scope.ts";
export * from "./store.ts";
export * from "./tags.ts";
