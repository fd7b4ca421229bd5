/** Body and trailers of a request that cannot be sent yet: no connection, or no accepted upgrade. */

import { copyBytes } from "../base/mod.ts";
import type { HeaderMap } from "../http/mod.ts";

/** Where they go in the end. */
export interface BodySink {
  writeData(bytes: Uint8Array, endStream: boolean): void;
  writeTrailers(trailers: HeaderMap): void;
  /** Whether there is still someone to take them. */
  readonly isFinished: boolean;
}

const EMPTY = new Uint8Array(0);

/** Copies of the chunks in order, with the trailers; `sendTo` writes them to a sink. */
export class HeldBody {
  readonly #chunks: Uint8Array[] = [];
  #endStream = false;
  #trailers: HeaderMap | undefined;
  /** Bytes held. */
  length = 0;

  /** Keeps a copy: the caller's bytes live only during the call. */
  push(bytes: Uint8Array, endStream: boolean): void {
    if (bytes.length > 0) this.#chunks.push(copyBytes(bytes));
    this.length += bytes.length;
    this.#endStream ||= endStream;
  }

  end(trailers: HeaderMap): void {
    this.#trailers = trailers;
  }

  /** Hands everything on. */
  sendTo(sink: BodySink): void {
    const last = this.#chunks.length - 1;
    for (let i = 0; i <= last && !sink.isFinished; i++) {
      sink.writeData(this.#chunks[i]!, this.#endStream && i === last);
    }
    if (last < 0 && this.#endStream) sink.writeData(EMPTY, true);
    if (this.#trailers !== undefined && !sink.isFinished) sink.writeTrailers(this.#trailers);
  }
}
