/**
 * Counts the frames that wait in the connection's output, so that a peer which asks for answers
 * and does not read them cannot make the queue grow (CVE-2019-9512, -9514, -9515, -9517). The
 * output only knows bytes; marks every few KiB tell how many frames have left it.
 */

import type { OutputBuffer } from "../../base/mod.ts";

/** Bytes between two marks. */
const MARK_BYTES = 4096;

interface Mark {
  /** Bytes written on the connection up to here. */
  readonly end: number;
  readonly frames: number;
  readonly controlFrames: number;
}

/** Frames queued in one connection's output, in all and of control type, for the flood limits. */
export class OutboundTally {
  readonly #output: OutputBuffer;
  /** Frames that wait, and of these PING, SETTINGS and RST_STREAM; raised by `add`, lowered by marks. */
  #frames = 0;
  #controlFrames = 0;
  /** Of these, frames that no mark covers yet. */
  #openFrames = 0;
  #openControlFrames = 0;
  #marks: Mark[] = [];
  #writtenBytes = 0;
  #lastMark = 0;

  constructor(output: OutputBuffer) {
    this.#output = output;
  }

  get frames(): number {
    return this.#frames;
  }

  get controlFrames(): number {
    return this.#controlFrames;
  }

  /** Counts a frame that was just written; `bytes` with its head. */
  add(bytes: number, isControl: boolean): void {
    if (this.#output.length <= bytes) this.#reset();
    this.#writtenBytes += bytes;
    this.#frames++;
    this.#openFrames++;
    if (isControl) {
      this.#controlFrames++;
      this.#openControlFrames++;
    }
    if (this.#writtenBytes - this.#lastMark >= MARK_BYTES) this.#mark();
  }

  /** All before this frame has left. */
  #reset(): void {
    this.#frames =
      this.#controlFrames =
      this.#openFrames =
      this.#openControlFrames =
        0;
    this.#lastMark = this.#writtenBytes;
    if (this.#marks.length > 0) this.#marks = [];
  }

  #mark(): void {
    this.#marks.push({
      end: this.#writtenBytes,
      frames: this.#openFrames,
      controlFrames: this.#openControlFrames,
    });
    this.#openFrames = this.#openControlFrames = 0;
    this.#lastMark = this.#writtenBytes;
    const gone = this.#writtenBytes - this.#output.length;
    while (this.#marks.length > 0 && this.#marks[0]!.end <= gone) {
      const mark = this.#marks.shift()!;
      this.#frames -= mark.frames;
      this.#controlFrames -= mark.controlFrames;
    }
  }
}
