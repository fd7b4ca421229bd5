/** The streams of one connection by id, which ids were used, and how the latest ones ended. */

import { ClosedStreams, type Ending } from "./closed_streams.ts";
import { MAX_STREAM_ID } from "./frame.ts";
import type { Http2Stream } from "./stream.ts";

/** Open streams by id, the highest ids of both sides, and the endings of closed streams. */
export class StreamTable {
  readonly #isServer: boolean;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #closed = new ClosedStreams();
  /** The highest id that the peer opened, 0 for none. */
  lastPeerId = 0;
  /** The highest id that we opened, 0 for none. */
  lastLocalId = 0;
  /** When the peer last opened a stream, in milliseconds. */
  lastOpenedMs = -Infinity;
  /** The highest id that our final GOAWAY lets through. */
  goAwayId = MAX_STREAM_ID;

  constructor(isServer: boolean) {
    this.#isServer = isServer;
  }

  get size(): number {
    return this.#streams.size;
  }

  get(streamId: number): Http2Stream | undefined {
    return this.#streams.get(streamId);
  }

  values(): IterableIterator<Http2Stream> {
    return this.#streams.values();
  }

  add(stream: Http2Stream): void {
    this.#streams.set(stream.id, stream);
  }

  /** @returns false if the stream was not open */
  remove(stream: Http2Stream, ending: Ending): boolean {
    if (!this.#streams.delete(stream.id)) return false;
    this.#closed.add(stream.id, ending);
    return true;
  }

  clear(): void {
    this.#streams.clear();
  }

  /** Whether nobody has opened a stream of this id yet (RFC 9113 §5.1, §5.1.1). */
  isIdle(streamId: number): boolean {
    if ((streamId & 1) === 0) return true; // a server's id: push is off
    return streamId > (this.#isServer ? this.lastPeerId : this.lastLocalId);
  }

  endingOf(streamId: number): Ending {
    return this.#closed.endingOf(streamId);
  }
}
