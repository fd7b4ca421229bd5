export * from "./http1/client_connection.ts";
export * from "./http1/server_connection.ts";
export * from "./options.ts";
export * from "./http2/client_connection.ts";
export * from "./http2/server_connection.ts";
