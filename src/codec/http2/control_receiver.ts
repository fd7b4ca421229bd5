/** Frames that carry no message: PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE. */

import type { Latin1Bytes } from "../../base/mod.ts";
import { DETAILS } from "./details.ts";
import { ERROR_CODE, FRAME_FLAG, FRAME_HEAD_BYTES, readUint31, readUint32 } from "./frame.ts";
import { reasonOf } from "./reset_codes.ts";
import type { SessionCore } from "./session_core.ts";

/**
 * Acts on every frame without a message, one method a type; faults fail the connection or reset
 * the stream.
 */
export class ControlReceiver {
  readonly #core: SessionCore;

  constructor(core: SessionCore) {
    this.#core = core;
  }

  onPriority(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    const { streamId } = core.reader;
    if (end - start !== 5) core.fail(ERROR_CODE.frameSizeError);
    // The connection, not the stream: a reset that a peer can ask for is work (MadeYouReset).
    else if (streamId === 0 || readUint31(bytes, start) === streamId) {
      core.fail(ERROR_CODE.protocolError);
    }
  }

  onRstStream(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    const { streamId } = core.reader;
    if (end - start !== 4) return void core.fail(ERROR_CODE.frameSizeError);
    if (streamId === 0 || core.streams.isIdle(streamId)) {
      return void core.fail(ERROR_CODE.protocolError);
    }
    const stream = core.streams.get(streamId);
    if (stream === undefined) return;
    core.stats.counter("rx_reset").inc();
    stream.wireBytesReceived += FRAME_HEAD_BYTES + 4;
    const code = readUint32(bytes, start);
    // A whole response stands, though the server wants no more of the request (§8.1).
    const isComplete = stream.hasReceivedEnd &&
      (stream.isLocalEndQueued || (!core.role.isServer && code === ERROR_CODE.noError));
    const isRefusal = code === ERROR_CODE.refusedStream;
    core.note(stream, isRefusal ? DETAILS.remoteRefuse : DETAILS.remoteReset);
    core.removeStream(stream, "remote_reset");
    const decoder = stream.takeDecoder();
    if (!isComplete) decoder?.onReset(reasonOf(code), stream.details);
    core.countReset(stream);
  }

  onSettings(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    const { flags, streamId } = core.reader;
    if (streamId !== 0) return void core.fail(ERROR_CODE.protocolError);
    if ((flags & FRAME_FLAG.ack) !== 0) {
      if (end !== start) core.fail(ERROR_CODE.frameSizeError);
      else core.onSettingsAck();
      return;
    }
    if ((end - start) % 6 !== 0) return void core.fail(ERROR_CODE.frameSizeError);
    const windowBefore = core.peer.initialWindowSize;
    const code = core.peer.apply(bytes, start, end);
    if (code !== ERROR_CODE.noError) return void core.fail(code);
    core.writer.resizeTable(core.peer.headerTableSize);
    core.writer.settingsAck();
    if (!this.#moveWindows(core.peer.initialWindowSize - windowBefore)) {
      core.fail(ERROR_CODE.flowControlError);
      return;
    }
    core.role.onPeerSettings();
  }

  onPing(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    if (end - start !== 8) core.fail(ERROR_CODE.frameSizeError);
    else if (core.reader.streamId !== 0) core.fail(ERROR_CODE.protocolError);
    else if ((core.reader.flags & FRAME_FLAG.ack) === 0) core.writer.pingAck(bytes, start);
  }

  onGoAway(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    if (core.reader.streamId !== 0) core.fail(ERROR_CODE.protocolError);
    else if (end - start < 8) core.fail(ERROR_CODE.frameSizeError);
    else core.onGoAway(readUint31(bytes, start), readUint32(bytes, start + 4));
  }

  onWindowUpdate(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    const { streamId } = core.reader;
    if (end - start !== 4) return void core.fail(ERROR_CODE.frameSizeError);
    const increment = readUint31(bytes, start);
    // On a stream too it ends the connection, as in Envoy: no reset to be had (MadeYouReset).
    if (increment === 0) return void core.fail(ERROR_CODE.protocolError);
    if (streamId === 0) {
      if (!core.sender.onConnectionWindow(increment)) core.fail(ERROR_CODE.flowControlError);
      return;
    }
    const stream = core.streams.get(streamId);
    if (stream === undefined) {
      if (core.streams.isIdle(streamId)) core.fail(ERROR_CODE.protocolError);
    } else if (!core.sender.onStreamWindow(stream, increment)) {
      core.breakStream(stream, ERROR_CODE.flowControlError);
    }
  }

  /** A new INITIAL_WINDOW_SIZE moves the windows of all open streams (§6.9.2). */
  #moveWindows(delta: number): boolean {
    if (delta === 0) return true;
    for (const stream of this.#core.streams.values()) {
      if (!this.#core.sender.onStreamWindow(stream, delta)) return false;
    }
    return true;
  }
}
