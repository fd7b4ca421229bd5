/**
 * How the latest streams came to their end, so that late frames get the right answer
 * (RFC 9113 §5.1). A ring: streams beyond it count as forgotten, and their frames are dropped.
 */

/** Ended by both sides, reset by the peer, reset by us; or not known any more. */
export type Ending = "finished" | "remote_reset" | "local_reset" | "forgotten";

const SLOTS = 128;
const ENDINGS: readonly Ending[] = ["forgotten", "finished", "remote_reset", "local_reset"];

/** The endings of the latest 128 streams by id, in 640 bytes; the ring never grows. */
export class ClosedStreams {
  readonly #ids = new Int32Array(SLOTS);
  readonly #endings = new Uint8Array(SLOTS);

  add(streamId: number, ending: Ending): void {
    const slot = (streamId >>> 1) & (SLOTS - 1);
    this.#ids[slot] = streamId;
    this.#endings[slot] = ENDINGS.indexOf(ending);
  }

  endingOf(streamId: number): Ending {
    const slot = (streamId >>> 1) & (SLOTS - 1);
    return this.#ids[slot] === streamId ? ENDINGS[this.#endings[slot]!]! : "forgotten";
  }
}
