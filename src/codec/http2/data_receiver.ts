/** DATA frames (RFC 9113 §6.1): windows, lengths, and the bytes to their user as they arrive. */

import type { Latin1Bytes } from "../../base/mod.ts";
import { ReceiveWindow } from "./flow_window.ts";
import { DEFAULT_WINDOW, ERROR_CODE, FRAME_FLAG, FRAME_HEAD_BYTES } from "./frame.ts";
import type { SessionCore } from "./session_core.ts";
import type { Http2Stream } from "./stream.ts";
import { nextState } from "./stream_state.ts";

/**
 * Takes DATA off both receive windows, hands it to the stream's decoder and gives windows back
 * once it was used.
 */
export class DataReceiver {
  readonly #core: SessionCore;
  /** The connection's window. */
  readonly #window: ReceiveWindow;
  /** The stream of the current frame, and the frame's bytes that no window got back yet. */
  #stream: Http2Stream | undefined;
  #owedBytes = 0;

  constructor(core: SessionCore) {
    this.#core = core;
    // A window below the default cannot be announced (§6.9.2).
    this.#window = new ReceiveWindow(
      Math.max(DEFAULT_WINDOW, core.options.initialConnectionWindowSize),
    );
  }

  /** A frame's head: takes all of its length off the windows. @returns false to stop reading */
  onHead(streamId: number, length: number): boolean {
    const core = this.#core;
    this.#stream = undefined;
    if (streamId === 0) return core.fail(ERROR_CODE.protocolError);
    if (!this.#window.take(length)) return core.fail(ERROR_CODE.flowControlError);
    const stream = core.streams.get(streamId);
    if (stream === undefined) return this.#onLateFrame(streamId, length);
    stream.wireBytesReceived += FRAME_HEAD_BYTES + length;
    if (nextState(stream.state, "recvData") === undefined) {
      this.#giveBackConnection(length);
      core.breakStream(stream, ERROR_CODE.streamClosed);
    } else if (!stream.receiveWindow.take(length)) {
      this.#giveBackConnection(length);
      core.breakStream(stream, ERROR_CODE.flowControlError);
    } else if (!stream.hasHeaders) {
      this.#giveBackConnection(length);
      core.failMessage(stream, "messaging");
    } else if (this.#willBeTooLong(stream, length)) {
      this.#giveBackConnection(length);
      core.failBody(stream);
    } else {
      this.#stream = stream;
      this.#owedBytes = length;
    }
    return core.error === undefined;
  }

  /** Some content of the current frame. */
  onPiece(bytes: Latin1Bytes, start: number, end: number, isLast: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const core = this.#core;
    const size = end - start;
    const endStream = isLast && (core.reader.flags & FRAME_FLAG.endStream) !== 0;
    stream.bodyBytes += size;
    if (hasWrongLength(stream, endStream)) {
      core.failBody(stream); // and the frame's bytes come back as the stream goes
      return;
    }
    this.#owedBytes -= size;
    // Padding is nobody's: given back at once, however slow the user is.
    const padding = isLast ? this.#owedBytes : 0;
    if (isLast) this.#stream = undefined;
    if (padding > 0 && !endStream) {
      const flood = core.limits.onPaddedData(padding !== core.reader.length);
      if (flood !== undefined) core.failFlood(flood);
    }
    if (endStream) stream.state = nextState(stream.state, "recvEnd") ?? "closed";
    if (size > 0 || endStream) stream.decoder?.decodeData(bytes.subarray(start, end), endStream);
    if (stream.isReadDisabled && stream.state !== "closed") {
      stream.withheldBytes += size;
      this.giveBack(stream, padding);
    } else {
      this.giveBack(stream, size + padding);
    }
    if (stream.state === "closed") core.removeStream(stream, "finished");
  }

  /** The stream's user has taken `bytes`: the peer may send as many again. */
  giveBack(stream: Http2Stream, bytes: number): void {
    if (bytes === 0) return;
    this.#giveBackConnection(bytes);
    if (nextState(stream.state, "recvData") === undefined) return; // the peer has no more to send
    const increment = stream.receiveWindow.consume(bytes);
    if (increment > 0) this.#core.writer.windowUpdate(stream.id, increment);
  }

  /** The stream is gone: the connection gets back what it holds. */
  onStreamRemoved(stream: Http2Stream): void {
    if (this.#stream === stream) {
      this.#stream = undefined;
      this.#giveBackConnection(this.#owedBytes);
    }
    if (stream.withheldBytes > 0) {
      this.#giveBackConnection(stream.withheldBytes);
      stream.withheldBytes = 0;
    }
  }

  /** A frame for a stream that is not open: its bytes count for the connection all the same. */
  #onLateFrame(streamId: number, length: number): boolean {
    const core = this.#core;
    if (core.streams.isIdle(streamId)) return core.fail(ERROR_CODE.protocolError);
    this.#giveBackConnection(length);
    const ending = core.streams.endingOf(streamId);
    if (ending === "finished" || ending === "remote_reset") core.resetClosed(streamId);
    return core.error === undefined;
  }

  /** Told by the head already, so that not one byte too many is passed on. */
  #willBeTooLong(stream: Http2Stream, length: number): boolean {
    return stream.expectedBytes >= 0 && (this.#core.reader.flags & FRAME_FLAG.padded) === 0 &&
      stream.bodyBytes + length > stream.expectedBytes;
  }

  #giveBackConnection(bytes: number): void {
    const increment = this.#window.consume(bytes);
    if (increment > 0) this.#core.writer.windowUpdate(0, increment);
  }
}

/** Whether the body breaks its content-length (§8.1.1): request smuggling on HTTP/1 upstreams. */
export function hasWrongLength(stream: Http2Stream, endStream: boolean): boolean {
  if (stream.expectedBytes < 0) return false;
  return endStream
    ? stream.bodyBytes !== stream.expectedBytes
    : stream.bodyBytes > stream.expectedBytes;
}
