/**
 * denvoy's own log: Envoy's components and levels over LogTape. The thread that logs decides the
 * sink; `server/` configures it, everyone else asks for a component's logger.
 */

import { getLogger, type Logger } from "@logtape/logtape";

/** Envoy's names of levels, from most to least talkative. */
export const LOG_LEVELS = [
  "trace",
  "debug",
  "info",
  "warning",
  "error",
  "critical",
  "off",
] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** Envoy's logger components that denvoy has; `/logging` lists them. */
export const LOG_COMPONENTS = [
  "admin",
  "assert",
  "client",
  "config",
  "connection",
  "conn_handler",
  "dns",
  "file",
  "filter",
  "health_checker",
  "http",
  "http2",
  "init",
  "main",
  "misc",
  "pool",
  "router",
  "runtime",
  "stats",
  "tls",
  "upstream",
] as const;
export type LogComponent = typeof LOG_COMPONENTS[number];

/** The logger of one component. Never log header values, bodies or secrets. */
export function logger(component: LogComponent): Logger {
  return getLogger(["denvoy", component]);
}
