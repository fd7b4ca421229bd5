export * from "./codec.ts";
export * from "./grpc.ts";
export * from "./header_map.ts";
export * from "./header_names.ts";
export * from "./response_flags.ts";
export * from "./status.ts";
export * from "./stream_info.ts";
