export * from "./route.ts";
export * from "./table.ts";
