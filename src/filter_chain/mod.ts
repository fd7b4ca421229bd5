export * from "./http.ts";
export * from "./network.ts";
