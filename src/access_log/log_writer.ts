/** What takes log lines, and what is counted about it. */

import { type StatTemplate, statTemplate } from "../stats/mod.ts";

/** Takes whole lines; binary strings, newline included. Never throws. */
export interface LogWriter {
  write(line: string): void;
  /** Writes out what is gathered. */
  flush(): void;
  /** Opens the path anew, after log rotation has moved the file. */
  reopen(): void;
  close(): void;
}

/** Under `filesystem`, as in Envoy. Counted by lines (buffered) and by writes (completed, failed). */
export const FILE_STATS: StatTemplate = statTemplate(
  "flushed_by_timer reopen_failed write_buffered write_completed write_failed",
  "write_total_buffered",
);

/** Indices into the group of `filesystem` stats. */
export const FILE_STAT = {
  flushedByTimer: 0,
  reopenFailed: 1,
  writeBuffered: 2,
  writeCompleted: 3,
  writeFailed: 4,
  /** Gauge in bytes. */
  totalBuffered: 5,
} as const;
