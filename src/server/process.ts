/** The process around the server: its options, its signals, its last words. */

import inspector from "node:inspector";
import type { LogComponent, LogLevel } from "../base/mod.ts";
import type { LogOptions } from "./log.ts";

/** What the command line settled. */
export interface Process {
  readonly drainTimeMs: number;
  /** `--drain-strategy immediate`. */
  readonly drainsAtOnce: boolean;
  readonly fileFlushIntervalMs: number;
  readonly adminAddressPath: string | undefined;
  readonly logLevels: ReadonlyMap<LogComponent, LogLevel>;
  readonly logOptions: Omit<LogOptions, "levels" | "thread">;
  /** `command_line_options` of /server_info. */
  readonly commandLine: { readonly [key: string]: boolean | number | string };
  /** Writes a line to stderr, whatever the log level is. */
  complain(line: string): void;
  onSignals(handlers: SignalHandlers): void;
}

export interface SignalHandlers {
  /** SIGTERM, SIGINT. */
  terminate(): void;
  /** The second of them. */
  terminateNow(): void;
  /** SIGUSR1. */
  reopenLogs(): void;
}

/** How long the inspector that SIGUSR1 opens is looked for, and how often (ms). */
const INSPECTOR_WATCH_MS = 50;

/** Installs the handlers; SIGHUP is ignored, as Envoy does. */
export function installSignals(handlers: SignalHandlers): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return handlers.terminateNow();
    isEnding = true;
    handlers.terminate();
  };
  Deno.addSignalListener("SIGTERM", end);
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGHUP", () => {});
  Deno.addSignalListener("SIGUSR1", () => {
    closeInspector(INSPECTOR_WATCH_MS);
    handlers.reopenLogs();
  });
}

/** The runtime opens V8's inspector on loopback at SIGUSR1: an open door to the process; shut it. */
function closeInspector(triesLeft: number): void {
  if (inspector.url() !== undefined) {
    inspector.close();
    return;
  }
  if (triesLeft > 0) setTimeout(() => closeInspector(triesLeft - 1), 1);
}
