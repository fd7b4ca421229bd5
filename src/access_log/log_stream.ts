/**
 * Log lines to stdout or stderr, asynchronously: a reader that has stopped blocks a synchronous
 * write, and with it the worker. What does not fit in 1 MiB is dropped and counted.
 */

import { Buffer as NodeBuffer } from "node:buffer";
import type { Counter } from "../stats/mod.ts";
import type { LogWriter } from "./log_writer.ts";

const MAX_PENDING_BYTES = 1_048_576;

/** What a LogStream writes to. */
export interface StreamTarget {
  write(bytes: Uint8Array): Promise<number>;
}

/** A writer of lines that never waits for its target; one write is under way at most. */
export class LogStream implements LogWriter {
  readonly #target: StreamTarget;
  readonly #dropped: Counter;
  #pending = "";
  #isWriting = false;

  constructor(target: StreamTarget, dropped: Counter) {
    this.#target = target;
    this.#dropped = dropped;
  }

  write(line: string): void {
    if (this.#pending.length + line.length > MAX_PENDING_BYTES) {
      this.#dropped.inc();
      return;
    }
    this.#pending += line;
    if (this.#isWriting) return;
    this.#isWriting = true;
    // Lines of the same turn leave in one write.
    queueMicrotask(() => this.#drain());
  }

  /** Nothing waits here but for the reader. */
  flush(): void {}

  reopen(): void {}

  close(): void {}

  async #drain(): Promise<void> {
    while (this.#pending !== "") {
      const bytes = NodeBuffer.from(this.#pending, "latin1");
      this.#pending = "";
      try {
        for (let at = 0; at < bytes.length;) at += await this.#target.write(bytes.subarray(at));
      } catch {
        this.#dropped.inc(); // the reader is gone: nobody misses the rest
      }
    }
    this.#isWriting = false;
  }
}
