export * from "./chain.ts";
export * from "./http.ts";
export * from "./local_reply.ts";
export * from "./manager.ts";
export * from "./network.ts";
export * from "./listener.ts";
