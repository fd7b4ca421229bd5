/**
 * The sending half of a connection: bodies against the windows of stream and connection
 * (RFC 9113 §5.2). What does not fit waits with its stream; streams that wait for the connection's
 * window stand in line and get one frame each in turn.
 */

import type { HeaderMap } from "../../http/mod.ts";
import { SendWindow } from "./flow_window.ts";
import type { InboundLimits } from "./flood_limits.ts";
import { DEFAULT_WINDOW, FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from "./frame.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { PendingData } from "./pending_data.ts";
import type { Http2Stream } from "./stream.ts";

/** What the sender tells its session. */
export interface SenderEvents {
  /** The frame with END_STREAM is out. */
  onEndSent(stream: Http2Stream): void;
  nowMs(): number;
}

/** What a sender writes with, and whom it tells. */
export interface SenderOptions {
  readonly writer: FrameWriter;
  readonly limits: InboundLimits;
  readonly events: SenderEvents;
  /** Bytes that may wait for one stream before its user is told to stop. */
  readonly streamBufferLimitBytes: number;
}

/**
 * Sends bodies and trailers as far as the peer's windows allow, and raises and lowers the streams'
 * watermarks.
 */
export class Sender {
  readonly #writer: FrameWriter;
  readonly #limits: InboundLimits;
  readonly #events: SenderEvents;
  readonly #highBytes: number;
  readonly #window = new SendWindow(DEFAULT_WINDOW);
  /** Streams whose own window is open while the connection's is not, the next one first. */
  readonly #line: Http2Stream[] = [];

  constructor(options: SenderOptions) {
    this.#writer = options.writer;
    this.#limits = options.limits;
    this.#events = options.events;
    this.#highBytes = options.streamBufferLimitBytes;
  }

  /** The connection's window in bytes. */
  get window(): number {
    return this.#window.size;
  }

  headers(stream: Http2Stream, headers: HeaderMap, endStream: boolean): void {
    if (endStream) stream.isLocalEndQueued = true;
    this.#writeHeaders(stream, headers, endStream);
  }

  data(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    if (endStream) stream.isLocalEndQueued = true;
    if (stream.hasPending) {
      this.#wait(stream, bytes, 0);
      return;
    }
    let at = 0;
    while (at < bytes.length) {
      const size = this.#frameSize(stream, bytes.length - at);
      if (size <= 0) {
        this.#wait(stream, bytes, at);
        return;
      }
      this.#writeData(stream, bytes, at, at + size, endStream && at + size === bytes.length);
      at += size;
    }
    if (bytes.length === 0 && endStream) this.#writeData(stream, bytes, 0, 0, true);
  }

  trailers(stream: Http2Stream, trailers: HeaderMap): void {
    stream.isLocalEndQueued = true;
    if (stream.bufferedBytes > 0) stream.pendingTrailers = trailers;
    else this.#writeHeaders(stream, trailers, true);
  }

  /** WINDOW_UPDATE on the connection. @returns false if the window overflows */
  onConnectionWindow(increment: number): boolean {
    if (!this.#window.add(increment)) return false;
    while (this.#window.size > 0) {
      const stream = this.#line.shift();
      if (stream === undefined) break;
      stream.isInLine = false;
      this.#writePending(stream);
      if (stream.bufferedBytes > 0 && stream.sendWindow.size > 0) this.#standInLine(stream);
    }
    return true;
  }

  /** WINDOW_UPDATE or another initial window on a stream. @returns false if it overflows */
  onStreamWindow(stream: Http2Stream, increment: number): boolean {
    if (!stream.sendWindow.add(increment)) return false;
    if (stream.isInLine) return true;
    while (stream.bufferedBytes > 0 && stream.sendWindow.size > 0) {
      if (this.#window.size <= 0) {
        this.#standInLine(stream);
        break;
      }
      this.#writePending(stream);
    }
    return true;
  }

  /** The stream is gone: so is all that waits for it. */
  forget(stream: Http2Stream): void {
    stream.pending?.clear();
    stream.pendingTrailers = undefined;
    if (!stream.isInLine) return;
    stream.isInLine = false;
    this.#line.splice(this.#line.indexOf(stream), 1);
  }

  #wait(stream: Http2Stream, bytes: Uint8Array, start: number): void {
    const pending = stream.pending ??= new PendingData();
    if (start < bytes.length) pending.append(bytes, start, bytes.length);
    if (!stream.isInLine && stream.sendWindow.size > 0) this.#standInLine(stream);
    if (!stream.isOverLimit && pending.length > this.#highBytes) {
      stream.isOverLimit = true;
      stream.raiseWatermark();
    }
  }

  #standInLine(stream: Http2Stream): void {
    stream.isInLine = true;
    this.#line.push(stream);
  }

  /** Bytes of the next DATA frame; 0 or less if a window is shut. */
  #frameSize(stream: Http2Stream, wanted: number): number {
    return Math.min(wanted, MAX_FRAME_BYTES, stream.sendWindow.size, this.#window.size);
  }

  /** Sends one frame of what waits, and what follows the last one. */
  #writePending(stream: Http2Stream): void {
    const pending = stream.pending!;
    const size = this.#frameSize(stream, pending.length);
    if (size <= 0) return;
    const bytes = pending.peek(size);
    const isLast = bytes.length === pending.length;
    const endsHere = isLast && stream.isLocalEndQueued && stream.pendingTrailers === undefined;
    // Dropped before: the stream's end may come back to us through `onEndSent`.
    pending.drop(bytes.length);
    this.#writeData(stream, bytes, 0, bytes.length, endsHere);
    const trailers = stream.pendingTrailers;
    if (isLast && trailers !== undefined) {
      stream.pendingTrailers = undefined;
      this.#writeHeaders(stream, trailers, true);
    }
    if (stream.isOverLimit && pending.length <= this.#highBytes >>> 1) {
      stream.isOverLimit = false;
      stream.lowerWatermark();
    }
  }

  #writeData(
    stream: Http2Stream,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const size = end - start;
    this.#window.take(size);
    stream.sendWindow.take(size);
    stream.wireBytesSent += size + FRAME_HEAD_BYTES;
    stream.progressMs = this.#events.nowMs();
    this.#limits.onDataSent();
    this.#writer.data(stream.id, bytes, start, end, endStream);
    if (endStream) this.#events.onEndSent(stream);
  }

  #writeHeaders(stream: Http2Stream, headers: HeaderMap, endStream: boolean): void {
    const size = this.#writer.headers(stream.id, headers, endStream);
    stream.headerBytesSent += size;
    stream.wireBytesSent += size + FRAME_HEAD_BYTES;
    if (endStream) this.#events.onEndSent(stream);
  }
}
