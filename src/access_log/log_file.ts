/**
 * One log file of one thread. Lines are gathered and appended whole by one `write` of at most
 * 64 KiB, so that several threads may share a file: O_APPEND keeps their pieces apart. A line after
 * a quiet interval is written at once, which whoever watches the file sees before the connection
 * closes; those that follow within the interval share a write.
 */

import { allocateLatin1, type Latin1Bytes, type Timer, type TimerWheel } from "../base/mod.ts";
import type { StatGroup } from "../stats/mod.ts";
import { FILE_STAT, type LogWriter } from "./log_writer.ts";

const BUFFER_BYTES = 65_536;

export interface LogFileOptions {
  readonly timers: TimerWheel;
  readonly flushIntervalMs: number;
  /** The `filesystem` group. */
  readonly stats: StatGroup;
}

/** Opens for appending, created if it is not there. */
export function openLogFile(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true });
}

/**
 * A file that lines are appended to, flushed by size, by timer and at close; it can be reopened.
 */
export class LogFile implements LogWriter {
  readonly #path: string;
  readonly #stats: StatGroup;
  readonly #flushIntervalMs: number;
  readonly #timer: Timer;
  #file: Deno.FsFile;
  /** Allocated with the first line: a file nobody writes to costs nothing. */
  #buffer: Latin1Bytes | undefined;
  #used = 0;

  constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#stats = options.stats;
    this.#flushIntervalMs = options.flushIntervalMs;
    this.#timer = options.timers.create({
      onTimer: () => {
        if (this.#used === 0) return;
        this.#stats.inc(FILE_STAT.flushedByTimer);
        this.flush();
        this.#timer.arm(this.#flushIntervalMs);
      },
    });
    this.#file = openLogFile(path);
  }

  write(line: string): void {
    this.#stats.inc(FILE_STAT.writeBuffered);
    const size = line.length;
    if (this.#used + size > BUFFER_BYTES) this.flush();
    if (size > BUFFER_BYTES) {
      // Larger than the buffer, yet in one piece, or it could not be told from its neighbours'.
      const bytes = allocateLatin1(size);
      bytes.latin1Write(line, 0, size);
      return this.#append(bytes);
    }
    const buffer = this.#buffer ??= allocateLatin1(BUFFER_BYTES);
    buffer.latin1Write(line, this.#used, size);
    this.#used += size;
    this.#stats.change(FILE_STAT.totalBuffered, size);
    if (this.#timer.isArmed) return;
    this.flush();
    this.#timer.arm(this.#flushIntervalMs);
  }

  flush(): void {
    const size = this.#used;
    if (size === 0) return;
    this.#used = 0;
    this.#stats.change(FILE_STAT.totalBuffered, -size);
    this.#append(this.#buffer!.subarray(0, size));
  }

  reopen(): void {
    this.flush();
    let file: Deno.FsFile;
    try {
      file = openLogFile(this.#path);
    } catch {
      // The old descriptor still takes lines, wherever the file is now.
      this.#stats.inc(FILE_STAT.reopenFailed);
      return;
    }
    this.#file.close();
    this.#file = file;
  }

  close(): void {
    this.#timer.cancel();
    this.flush();
    this.#file.close();
  }

  /** A full disk loses these lines, is counted, and never reaches the stream that is logged. */
  #append(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
      this.#stats.inc(FILE_STAT.writeCompleted);
    } catch {
      this.#stats.inc(FILE_STAT.writeFailed);
    }
  }
}
