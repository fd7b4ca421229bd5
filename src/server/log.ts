/**
 * denvoy's own log: LogTape configured per thread with Envoy's format and levels. Lines go to
 * stderr or to `--log-path` asynchronously and bounded, so that a stuck pipe cannot stop a thread.
 */

import {
  configureSync,
  type LogLevel as TapeLevel,
  type LogRecord,
  resetSync,
} from "@logtape/logtape";
import { LOG_COMPONENTS, type LogComponent, type LogLevel } from "../base/mod.ts";

const TAPE_LEVELS: Readonly<Record<Exclude<LogLevel, "off">, TapeLevel>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
  critical: "fatal",
};
/** Envoy's default; `%g:%#` (file and line) have no meaning here. */
const DEFAULT_FORMAT = "[%Y-%m-%d %T.%e][%t][%l][%n] %v";
/** Lines beyond are dropped and counted: a log must not eat the memory. */
const MAX_PENDING_BYTES = 1 << 20;

export interface LogOptions {
  readonly levels: ReadonlyMap<LogComponent, LogLevel>;
  readonly format: string | undefined;
  readonly path: string | undefined;
  /** Stands for %t. */
  readonly thread: string;
}

/** Levels of all components from `--log-level` and `--component-log-level`. */
export function logLevels(
  all: LogLevel,
  components: ReadonlyMap<string, LogLevel>,
): Map<LogComponent, LogLevel> {
  return new Map(LOG_COMPONENTS.map((name) => [name, components.get(name) ?? all]));
}

/** (Re)configures this thread's log. */
export function configureLog(options: LogOptions): void {
  const sink = new LineSink(options.path);
  const format = options.format ?? DEFAULT_FORMAT;
  const write = (record: LogRecord): void => {
    sink.write(formatLine(format, record, options.thread));
  };
  resetSync();
  configureSync({
    sinks: { denvoy: write },
    loggers: [
      { category: ["logtape", "meta"], sinks: ["denvoy"], lowestLevel: "error" },
      ...[...options.levels].map(([component, level]) => ({
        category: ["denvoy", component],
        sinks: level === "off" ? [] : ["denvoy"],
        lowestLevel: level === "off" ? "fatal" as const : TAPE_LEVELS[level],
      })),
    ],
  });
}

/** One line of the log; control characters of the message are escaped, so that a line stays one. */
export function formatLine(format: string, record: LogRecord, thread: string): string {
  const time = new Date(record.timestamp).toISOString();
  const message = record.message.map((part) => typeof part === "string" ? part : String(part))
    .join("");
  const level = record.level === "fatal" ? "critical" : record.level;
  const values: Readonly<Record<string, string>> = {
    Y: time.slice(0, 4),
    m: time.slice(5, 7),
    d: time.slice(8, 10),
    H: time.slice(11, 13),
    M: time.slice(14, 16),
    S: time.slice(17, 19),
    T: time.slice(11, 19),
    e: time.slice(20, 23),
    f: `${time.slice(20, 23)}000`,
    t: thread,
    l: level,
    L: level.slice(0, 1).toUpperCase(),
    n: record.category[record.category.length - 1] ?? "",
    v: escapeControls(message),
    g: "",
    "#": "",
    "%": "%",
  };
  return format.replaceAll(/%([A-Za-z#%])/g, (all, key: string) => values[key] ?? all) + "\n";
}

function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, (c) => {
    return c === "\n" ? "\\n" : `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** Writes lines one after the other without blocking; drops what a stuck reader leaves no room for. */
class LineSink {
  readonly #path: string | undefined;
  readonly #encoder = new TextEncoder();
  #pending: string[] = [];
  #pendingLength = 0;
  #isWriting = false;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  write(line: string): void {
    if (this.#path !== undefined) {
      Deno.writeTextFileSync(this.#path, line, { append: true });
      return;
    }
    if (this.#pendingLength + line.length > MAX_PENDING_BYTES) return;
    this.#pending.push(line);
    this.#pendingLength += line.length;
    if (!this.#isWriting) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#pending.length > 0) {
        const bytes = this.#encoder.encode(this.#pending.join(""));
        this.#pending = [];
        this.#pendingLength = 0;
        for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
      }
    } catch {
      // Nobody reads our stderr any more: there is no place left to say so.
    } finally {
      this.#isWriting = false;
    }
  }
}
