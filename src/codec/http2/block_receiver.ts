/**
 * HEADERS and CONTINUATION (RFC 9113 §6.2, §6.10): finds the stream, gathers the block, decodes
 * it. A block is decoded even if its stream is lost, or the tables would no longer agree.
 */

import type { Latin1Bytes } from "../../base/mod.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { hasWrongLength } from "./data_receiver.ts";
import { DETAILS } from "./details.ts";
import { ERROR_CODE, FRAME, FRAME_FLAG, FRAME_HEAD_BYTES, readUint31 } from "./frame.ts";
import { HeaderBlock } from "./header_block.ts";
import { type BlockKind, HeaderSink, NULL_SINK } from "./header_sink.ts";
import type { SessionCore } from "./session_core.ts";
import type { Http2Stream } from "./stream.ts";
import { nextState } from "./stream_state.ts";

/**
 * A HEADERS frame whose id goes back breaks §5.1.1. After this time with no stream open it is
 * dropped instead, as nghttp2 drops it: the stream may have been known and be forgotten.
 */
const ID_ORDER_GRACE_MS = 20;

/**
 * Decodes each header block and hands it to its stream, opening the stream where the block begins
 * one.
 */
export class BlockReceiver {
  readonly #core: SessionCore;
  readonly #decoder: HpackDecoder;
  readonly #sink: HeaderSink;
  readonly #gathered: HeaderBlock;
  /** Whether CONTINUATION is due. */
  #isOpen = false;
  /** The block's stream: its id, and itself unless its fields are for nobody. */
  #streamId = 0;
  #stream: Http2Stream | undefined;
  #endsStream = false;
  #dependsOnItself = false;

  constructor(core: SessionCore) {
    this.#core = core;
    this.#decoder = new HpackDecoder(core.options.hpackTableSize);
    this.#sink = new HeaderSink(core.options, core.role.isServer);
    this.#gathered = new HeaderBlock(core.options.maxHeadersBytes);
  }

  /** Whether a frame may come here: nothing but CONTINUATION within a block, and only there. */
  isInOrder(type: number, streamId: number): boolean {
    if (!this.#isOpen) return type !== FRAME.continuation;
    return type === FRAME.continuation && streamId === this.#streamId;
  }

  onSettingsAck(): void {
    this.#decoder.onSettingsAcknowledged();
  }

  /** Forgets a block that will not be finished. */
  clear(): void {
    this.#gathered.clear();
    this.#stream = undefined;
  }

  onHeadersFrame(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    const { flags, streamId } = core.reader;
    let at = start;
    let padding = 0;
    if ((flags & FRAME_FLAG.padded) !== 0) {
      if (at === end) return void core.fail(ERROR_CODE.frameSizeError);
      padding = bytes[at++]!;
    }
    let dependency = -1;
    if ((flags & FRAME_FLAG.priority) !== 0) {
      if (end - at < 5) return void core.fail(ERROR_CODE.frameSizeError);
      dependency = readUint31(bytes, at);
      at += 5;
    }
    if (streamId === 0 || padding > end - at) return void core.fail(ERROR_CODE.protocolError);
    this.#streamId = streamId;
    this.#endsStream = (flags & FRAME_FLAG.endStream) !== 0;
    this.#dependsOnItself = dependency === streamId;
    this.#stream = this.#findStream(streamId);
    if (core.error === undefined) this.onFragment(bytes, at, end - padding);
  }

  /** A CONTINUATION frame's payload, or what HEADERS holds of the block. */
  onFragment(bytes: Latin1Bytes, start: number, end: number): void {
    const { flags, length } = this.#core.reader;
    const stream = this.#stream;
    if (stream !== undefined) {
      stream.wireBytesReceived += FRAME_HEAD_BYTES + length;
      stream.headerBytesReceived += end - start;
    }
    const isLast = (flags & FRAME_FLAG.endHeaders) !== 0;
    if (isLast && !this.#isOpen) {
      this.#onBlock(bytes, start, end);
      return;
    }
    if (!this.#gathered.append(bytes, start, end)) {
      this.#core.stats.counter("header_overflow").inc();
      this.#core.note(stream, DETAILS.tooManyHeaders);
      this.#core.fail(ERROR_CODE.enhanceYourCalm);
      return;
    }
    this.#isOpen = !isLast;
    if (!isLast) return;
    this.#onBlock(this.#gathered.bytes, 0, this.#gathered.length);
    this.#gathered.clear();
  }

  /** The stream of a header block; undefined if its fields are for nobody (or on an error). */
  #findStream(streamId: number): Http2Stream | undefined {
    const core = this.#core;
    const stream = core.streams.get(streamId);
    if (stream !== undefined) {
      if (nextState(stream.state, "recvHeaders") !== undefined) return stream;
      core.breakStream(stream, ERROR_CODE.streamClosed);
      return undefined;
    }
    if (core.streams.isIdle(streamId)) return this.#openStream(streamId);
    switch (core.streams.endingOf(streamId)) {
      case "finished":
        core.fail(ERROR_CODE.streamClosed);
        break;
      case "remote_reset":
        core.resetClosed(streamId);
        break;
      case "forgotten":
        if (this.#isOutOfOrder()) core.fail(ERROR_CODE.protocolError);
        break;
      case "local_reset":
        break; // it crossed our reset
    }
    return undefined;
  }

  #isOutOfOrder(): boolean {
    const { role, streams } = this.#core;
    return role.isServer &&
      (streams.size > 0 || this.#core.nowMs() - streams.lastOpenedMs < ID_ORDER_GRACE_MS);
  }

  #openStream(streamId: number): Http2Stream | undefined {
    const core = this.#core;
    if (!core.role.isServer || (streamId & 1) === 0) {
      core.fail(ERROR_CODE.protocolError); // §5.1.1, push is off
      return undefined;
    }
    if (streamId > core.streams.goAwayId) return undefined; // the peer retries it elsewhere, §6.8
    core.streams.lastPeerId = streamId;
    core.streams.lastOpenedMs = core.nowMs();
    if (core.streams.size >= core.options.maxConcurrentStreams) {
      core.stats.counter("stream_refused_errors").inc();
      // A peer that has acknowledged the limit knows better, and Envoy ends its connection.
      if (core.isAcknowledged) core.fail(ERROR_CODE.protocolError);
      else core.sendReset(streamId, ERROR_CODE.refusedStream);
      return undefined;
    }
    return core.role.openByPeer(streamId);
  }

  #onBlock(bytes: Latin1Bytes, start: number, end: number): void {
    const core = this.#core;
    this.#isOpen = false;
    // The user may have reset the stream between two fragments.
    const stream = this.#stream?.state === "closed" ? undefined : this.#stream;
    this.#stream = undefined;
    if (stream === undefined) {
      const error = this.#decoder.decode(bytes, start, end, NULL_SINK);
      if (error !== undefined) core.fail(ERROR_CODE.compressionError);
      return;
    }
    const kind = core.role.kindOf(stream);
    const sink = this.#sink;
    const endStream = this.#endsStream;
    sink.begin(kind);
    if (this.#decoder.decode(bytes, start, end, sink) !== undefined) {
      core.fail(ERROR_CODE.compressionError);
      return;
    }
    sink.finish(endStream);
    for (let i = 0; i < sink.droppedUnderscores; i++) {
      core.stats.counter("dropped_headers_with_underscores").inc();
    }
    const isMisplaced = this.#dependsOnItself || (kind === "trailers" && !endStream);
    const fault = sink.fault ?? (isMisplaced ? "messaging" : undefined);
    if (fault !== undefined) core.failMessage(stream, fault);
    else this.#onMessage(stream, kind, endStream);
  }

  #onMessage(stream: Http2Stream, kind: BlockKind, endStream: boolean): void {
    const core = this.#core;
    stream.state = nextState(stream.state, "recvHeaders") ?? stream.state;
    if (kind === "trailers") {
      core.stats.counter("trailers").inc();
      if (hasWrongLength(stream, true)) {
        core.failBody(stream);
        return;
      }
    }
    if (endStream) stream.state = nextState(stream.state, "recvEnd") ?? "closed";
    if (!core.role.onHeaders(stream, this.#sink, endStream)) core.failMessage(stream, "messaging");
    if (stream.state === "closed") core.removeStream(stream, "finished");
  }
}
