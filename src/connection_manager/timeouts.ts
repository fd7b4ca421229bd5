/**
 * Deadlines of one stream. They are numbers that the connection's one timer looks at, so that a
 * request arms no timer of its own: the timer stands at the earliest deadline of all streams and is
 * set again when it finds that activity has moved it.
 */

/** Bounds in milliseconds; 0 switches one off. */
export interface TimeoutOptions {
  readonly requestMs: number;
  readonly requestHeadersMs: number;
  readonly streamIdleMs: number;
  readonly streamFlushMs: number;
  readonly maxStreamDurationMs: number;
  readonly connectionIdleMs: number;
  readonly maxConnectionDurationMs: number;
  /** Share of maxConnectionDuration added at random, 0–1. */
  readonly maxConnectionJitter: number;
  readonly drainMs: number;
  readonly drainJitter: number;
  readonly delayedCloseMs: number;
  readonly accessLogFlushMs: number;
  /** http1_safe_max_connection_duration: only `connection: close` on the next response. */
  readonly isHttp1DurationSafe: boolean;
}

/** What ran out. */
export type Expired = "headers" | "request" | "idle" | "duration" | "log";

/**
 * The deadlines of one stream in milliseconds of the turn clock; `Infinity` for one that is off.
 */
export class StreamDeadlines {
  #idleMs: number;
  #activeAtMs: number;
  #headersAtMs: number;
  #requestAtMs: number;
  #durationAtMs: number;
  #logAtMs: number;
  readonly #logEveryMs: number;

  constructor(options: TimeoutOptions, nowMs: number) {
    this.#activeAtMs = nowMs;
    this.#idleMs = options.streamIdleMs;
    this.#headersAtMs = deadline(nowMs, options.requestHeadersMs);
    this.#requestAtMs = deadline(nowMs, options.requestMs);
    this.#durationAtMs = deadline(nowMs, options.maxStreamDurationMs);
    this.#logEveryMs = options.accessLogFlushMs;
    this.#logAtMs = deadline(nowMs, options.accessLogFlushMs);
  }

  /** Something was sent or received. */
  touch(nowMs: number): void {
    this.#activeAtMs = nowMs;
  }

  headersArrived(): void {
    this.#headersAtMs = Infinity;
  }

  requestCompleted(): void {
    this.#headersAtMs = Infinity;
    this.#requestAtMs = Infinity;
  }

  setIdle(timeoutMs: number, nowMs: number): void {
    this.#idleMs = timeoutMs;
    this.#activeAtMs = nowMs;
  }

  /** @param atMs monotonic milliseconds; Infinity: none */
  setDuration(atMs: number): void {
    this.#durationAtMs = atMs;
  }

  /** The earliest deadline, Infinity if there is none. */
  next(): number {
    const idle = this.#idleMs === 0 ? Infinity : this.#activeAtMs + this.#idleMs;
    return Math.min(
      idle,
      this.#headersAtMs,
      this.#requestAtMs,
      this.#durationAtMs,
      this.#logAtMs,
    );
  }

  /** What has run out by now, and will not be reported again; undefined if nothing. */
  take(nowMs: number): Expired | undefined {
    if (this.#headersAtMs <= nowMs) {
      this.#headersAtMs = Infinity;
      return "headers";
    }
    if (this.#requestAtMs <= nowMs) {
      this.#requestAtMs = Infinity;
      return "request";
    }
    if (this.#durationAtMs <= nowMs) {
      this.#durationAtMs = Infinity;
      return "duration";
    }
    if (this.#idleMs !== 0 && this.#activeAtMs + this.#idleMs <= nowMs) {
      this.#idleMs = 0;
      return "idle";
    }
    if (this.#logAtMs <= nowMs) {
      this.#logAtMs = nowMs + this.#logEveryMs;
      return "log";
    }
    return undefined;
  }
}

function deadline(nowMs: number, timeoutMs: number): number {
  return timeoutMs === 0 ? Infinity : nowMs + timeoutMs;
}
