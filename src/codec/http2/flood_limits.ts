/**
 * Bounds on what a peer may make us do for nothing: Envoy's protocol constraints on inbound
 * frames, and its budget of streams that end before they had an answer.
 */

import type { Http2Options } from "../options.ts";
import { DETAILS } from "./details.ts";
import { FRAME, FRAME_FLAG } from "./frame.ts";

/** A limit that was passed: the counter to raise and Envoy's words for it. */
export interface Flood {
  readonly counter: string;
  readonly message: string;
  /** Response-code detail of the frame's stream, if there is one. */
  readonly details?: string;
}

const EMPTY_FRAMES: Flood = {
  counter: "inbound_empty_frames_flood",
  message: "Too many consecutive frames with an empty payload",
  details: DETAILS.emptyFrames,
};
const PRIORITY_FRAMES: Flood = {
  counter: "inbound_priority_frames_flood",
  message: "Too many PRIORITY frames",
};
const WINDOW_UPDATE_FRAMES: Flood = {
  counter: "inbound_window_update_frames_flood",
  message: "Too many WINDOW_UPDATE frames",
};

/** Frames that cost us work and the peer nothing (CVE-2019-9511, -9513, -9518). */
export class InboundLimits {
  readonly #options: Http2Options;
  /** HEADERS, CONTINUATION and DATA in a row without content; back to 0 by one with content. */
  #emptyFrames = 0;
  #priorityFrames = 0;
  #windowUpdateFrames = 0;
  /** Streams opened on the connection, never lowered. */
  #openedStreams = 0;
  /** DATA frames sent, never lowered. */
  #dataFramesSent = 0;

  constructor(options: Http2Options) {
    this.#options = options;
  }

  onStreamOpened(): void {
    this.#openedStreams++;
  }

  onDataSent(): void {
    this.#dataFramesSent++;
  }

  /** Counts a frame by its head. @returns the limit it passed, if any */
  onFrame(type: number, flags: number, length: number): Flood | undefined {
    switch (type) {
      case FRAME.data:
      case FRAME.headers:
      case FRAME.continuation:
        return this.#onContent(type, flags, length);
      case FRAME.priority:
        return ++this.#priorityFrames >
            this.#options.maxInboundPriorityFramesPerStream * (1 + this.#openedStreams)
          ? PRIORITY_FRAMES
          : undefined;
      case FRAME.windowUpdate:
        return ++this.#windowUpdateFrames > this.#maxWindowUpdates()
          ? WINDOW_UPDATE_FRAMES
          : undefined;
    }
    return undefined;
  }

  /** A padded DATA frame has come to its end. */
  onPaddedData(hasContent: boolean): Flood | undefined {
    if (!hasContent) return this.#countEmpty();
    this.#emptyFrames = 0;
    return undefined;
  }

  #onContent(type: number, flags: number, length: number): Flood | undefined {
    // END_STREAM alone is what it is for. CONTINUATION has no such flag (§6.10).
    const isEnd = type !== FRAME.continuation && (flags & FRAME_FLAG.endStream) !== 0;
    const isPaddedData = type === FRAME.data && (flags & FRAME_FLAG.padded) !== 0;
    if (isPaddedData && !isEnd) return undefined; // its end will tell
    if (length > 0 || isEnd) {
      this.#emptyFrames = 0;
      return undefined;
    }
    return this.#countEmpty();
  }

  #countEmpty(): Flood | undefined {
    return ++this.#emptyFrames > this.#options.maxConsecutiveInboundFramesWithEmptyPayload
      ? EMPTY_FRAMES
      : undefined;
  }

  #maxWindowUpdates(): number {
    return 5 + 2 * (this.#openedStreams +
          this.#options.maxInboundWindowUpdateFramesPerDataFrameSent * this.#dataFramesSent);
  }
}

/**
 * Streams that were reset young and without an answer, by either side: rapid reset
 * (CVE-2023-44487) and MadeYouReset (CVE-2025-8671). As Envoy does, a connection of which half
 * the streams end so is closed after `maxStreams`, or as soon as it cannot recover before.
 */
export class ResetBudget {
  readonly #maxStreams: number;
  readonly #minLifetimeMs: number;
  #closed = 0;
  #premature = 0;

  constructor(maxStreams: number, minLifetimeMs: number) {
    this.#maxStreams = maxStreams;
    this.#minLifetimeMs = minLifetimeMs;
  }

  /**
   * Counts a stream that closed.
   * @param wasReset whether RST_STREAM ended it before a response began
   * @returns whether the budget is spent
   */
  onStreamClosed(wasReset: boolean, lifetimeMs: number): boolean {
    this.#closed++;
    if (!wasReset || lifetimeMs > this.#minLifetimeMs) return false;
    this.#premature++;
    return this.#closed < this.#maxStreams
      ? this.#premature * 2 >= this.#maxStreams
      : this.#premature * 2 >= this.#closed;
  }
}
