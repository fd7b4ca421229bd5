export * from "./context.ts";
export * from "./default_format.ts";
export * from "./grpc_status.ts";
export * from "./header_mutation.ts";
export * from "./json_format.ts";
export { quote as quoteJson, stringify as stringifyJson } from "./json.ts";
export * from "./substitution.ts";
export { compileFormat, type FormatPlace } from "./text.ts";
export * from "./time.ts";
