export * from "./connect.ts";
export * from "./connection.ts";
export * from "./listen.ts";
export * from "./self_test.ts";
export * from "./socket_connection.ts";
export * from "./transport.ts";
