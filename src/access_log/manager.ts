/** The log files of one thread, by path: each thread has its own descriptors and buffers. */

import type { Dispatcher } from "../base/mod.ts";
import type { Scope, StatGroup } from "../stats/mod.ts";
import { LogFile } from "./log_file.ts";
import { LogStream } from "./log_stream.ts";
import { FILE_STAT, FILE_STATS, type LogWriter } from "./log_writer.ts";

export interface AccessLogManagerOptions {
  /** Longest time that a line waits, in milliseconds (`--file-flush-interval-msec`). */
  readonly flushIntervalMs: number;
  readonly scope: Scope;
}

/** Names of the process's own streams, which a file descriptor opened by path would bypass. */
const STDOUT_PATHS: ReadonlySet<string> = new Set(["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]);
const STDERR_PATHS: ReadonlySet<string> = new Set(["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"]);

/** The service "access_log_manager" of a thread. */
export class AccessLogManager {
  readonly #dispatcher: Dispatcher;
  readonly #options: AccessLogManagerOptions;
  readonly #stats: StatGroup;
  readonly #writers = new Map<string, LogWriter>();

  constructor(dispatcher: Dispatcher, options: AccessLogManagerOptions) {
    this.#dispatcher = dispatcher;
    this.#options = options;
    this.#stats = options.scope.scope("filesystem").group(FILE_STATS);
    this.#stats.set(FILE_STAT.totalBuffered, 0);
  }

  /**
   * The writer of a path, opened at its first use; logs with one path share it.
   * @throws {Error} what the system says if the file cannot be opened
   */
  open(path: string): LogWriter {
    const name = STDOUT_PATHS.has(path)
      ? "/dev/stdout"
      : STDERR_PATHS.has(path)
      ? "/dev/stderr"
      : path;
    let writer = this.#writers.get(name);
    if (writer === undefined) {
      writer = this.#create(name);
      this.#writers.set(name, writer);
    }
    return writer;
  }

  /** SIGUSR1 and `POST /reopen_logs`. */
  reopenAll(): void {
    for (const writer of this.#writers.values()) writer.reopen();
  }

  flushAll(): void {
    for (const writer of this.#writers.values()) writer.flush();
  }

  closeAll(): void {
    for (const writer of this.#writers.values()) writer.close();
    this.#writers.clear();
  }

  #create(path: string): LogWriter {
    if (path === "/dev/stdout" || path === "/dev/stderr") {
      const dropped = this.#options.scope.counter("access_log.stream_lines_dropped");
      return new LogStream(path === "/dev/stdout" ? Deno.stdout : Deno.stderr, dropped);
    }
    return new LogFile(path, {
      timers: this.#dispatcher.timers,
      flushIntervalMs: this.#options.flushIntervalMs,
      stats: this.#stats,
    });
  }
}
