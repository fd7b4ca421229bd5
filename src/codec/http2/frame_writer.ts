/** Writes frames straight into the connection's output (RFC 9113 §6) and counts them. */

import { allocateLatin1, type Latin1Bytes } from "../../base/mod.ts";
import { H, type HeaderMap } from "../../http/mod.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import type { CodecTransport } from "../options.ts";
import {
  FRAME,
  FRAME_FLAG,
  FRAME_HEAD_BYTES,
  MAX_FRAME_BYTES,
  PREFACE,
  writeUint32,
} from "./frame.ts";
import { isConnectionSpecific } from "./message_rules.ts";
import { OutboundTally } from "./outbound_tally.ts";

/**
 * Writes each type of frame to the transport's output; every frame is tallied for the flood
 * limits.
 */
export class FrameWriter {
  readonly tally: OutboundTally;
  readonly #transport: CodecTransport;
  readonly #encoder = new HpackEncoder();

  constructor(transport: CodecTransport) {
    this.#transport = transport;
    this.tally = new OutboundTally(transport.output);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE in bytes. */
  resizeTable(peerSize: number): void {
    this.#encoder.resize(peerSize);
  }

  preface(): void {
    this.#transport.output.writeLatin1(PREFACE);
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    const length = pairs.length * 6;
    const bytes = this.#begin(length, FRAME.settings, 0, 0);
    let at = this.#payloadAt;
    for (const [id, value] of pairs) {
      bytes[at] = id >>> 8;
      bytes[at + 1] = id;
      writeUint32(bytes, at + 2, value);
      at += 6;
    }
    this.#commit(length, true);
  }

  settingsAck(): void {
    this.#begin(0, FRAME.settings, FRAME_FLAG.ack, 0);
    this.#commit(0, true);
  }

  pingAck(payload: Uint8Array, start: number): void {
    const bytes = this.#begin(8, FRAME.ping, FRAME_FLAG.ack, 0);
    for (let i = 0; i < 8; i++) bytes[this.#payloadAt + i] = payload[start + i]!;
    this.#commit(8, true);
  }

  /** @param opaque 32 bits that come back in the answer */
  ping(opaque: number): void {
    const bytes = this.#begin(8, FRAME.ping, 0, 0);
    writeUint32(bytes, this.#payloadAt, 0);
    writeUint32(bytes, this.#payloadAt + 4, opaque);
    this.#commit(8, true);
  }

  goAway(lastStreamId: number, code: number): void {
    const bytes = this.#begin(8, FRAME.goAway, 0, 0);
    writeUint32(bytes, this.#payloadAt, lastStreamId);
    writeUint32(bytes, this.#payloadAt + 4, code);
    this.#commit(8, false);
  }

  rstStream(streamId: number, code: number): void {
    const bytes = this.#begin(4, FRAME.rstStream, 0, streamId);
    writeUint32(bytes, this.#payloadAt, code);
    this.#commit(4, true);
  }

  windowUpdate(streamId: number, increment: number): void {
    const bytes = this.#begin(4, FRAME.windowUpdate, 0, streamId);
    writeUint32(bytes, this.#payloadAt, increment);
    this.#commit(4, false);
  }

  /** One DATA frame of `payload` from `start` to `end`, at most 16 KiB. */
  data(
    streamId: number,
    payload: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const length = end - start;
    const { output } = this.#transport;
    const bytes = output.reserve(FRAME_HEAD_BYTES);
    const flags = endStream ? FRAME_FLAG.endStream : 0;
    writeHead(bytes, output.offset, length, FRAME.data, flags, streamId);
    output.commit(FRAME_HEAD_BYTES);
    // The payload may go on in the next chunk, so that all writes but the last are whole chunks.
    if (length > 0) {
      output.writeBytes(length === payload.length ? payload : payload.subarray(start, end));
    }
    this.tally.add(FRAME_HEAD_BYTES + length, false);
  }

  /**
   * HEADERS, and CONTINUATION where one frame does not hold the block. Pseudo-headers go first
   * wherever they stand in the map; connection-specific fields are left out (§8.2.2).
   * @returns the length of the block in bytes
   */
  headers(streamId: number, headers: HeaderMap, endStream: boolean): number {
    const bound = HpackEncoder.bound(headers.length, headers.byteSize);
    const flags = endStream ? FRAME_FLAG.endStream : 0;
    if (bound > MAX_FRAME_BYTES) return this.#longHeaders(streamId, headers, flags, bound);
    const output = this.#transport.output;
    const bytes = output.reserve(FRAME_HEAD_BYTES + bound);
    const head = output.offset;
    const start = head + FRAME_HEAD_BYTES;
    const length = this.#encodeBlock(bytes, start, headers) - start;
    writeHead(bytes, head, length, FRAME.headers, flags | FRAME_FLAG.endHeaders, streamId);
    this.#commit(length, false);
    return length;
  }

  #longHeaders(streamId: number, headers: HeaderMap, flags: number, bound: number): number {
    const block = allocateLatin1(bound);
    const length = this.#encodeBlock(block, 0, headers);
    for (let at = 0; at < length || at === 0; at += MAX_FRAME_BYTES) {
      const end = Math.min(length, at + MAX_FRAME_BYTES);
      const last = end === length ? FRAME_FLAG.endHeaders : 0;
      const bytes = at === 0
        ? this.#begin(end - at, FRAME.headers, flags | last, streamId)
        : this.#begin(end - at, FRAME.continuation, last, streamId);
      bytes.set(block.subarray(at, end), this.#payloadAt);
      this.#commit(end - at, false);
    }
    return length;
  }

  #encodeBlock(bytes: Latin1Bytes, start: number, headers: HeaderMap): number {
    const encoder = this.#encoder;
    let at = encoder.begin(bytes, start);
    const count = headers.length;
    for (let i = 0; i < count; i++) {
      const id = headers.idAt(i);
      if (!isPseudo(id)) continue;
      at = encoder.encode(bytes, at, id, headers.nameAt(i), headers.valueAt(i));
    }
    for (let i = 0; i < count; i++) {
      const id = headers.idAt(i);
      if (isPseudo(id) || isLeftOut(id, headers, i)) continue;
      at = encoder.encode(bytes, at, id, headers.nameAt(i), headers.valueAt(i));
    }
    return at;
  }

  /** Where the payload of the frame begun last goes. */
  #payloadAt = 0;

  #begin(length: number, type: number, flags: number, streamId: number): Latin1Bytes {
    const output = this.#transport.output;
    const bytes = output.reserve(FRAME_HEAD_BYTES + length);
    const at = output.offset;
    writeHead(bytes, at, length, type, flags, streamId);
    this.#payloadAt = at + FRAME_HEAD_BYTES;
    return bytes;
  }

  #commit(length: number, isControl: boolean): void {
    this.#transport.output.commit(FRAME_HEAD_BYTES + length);
    this.tally.add(FRAME_HEAD_BYTES + length, isControl);
  }
}

function writeHead(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeUint32(bytes, at + 5, streamId);
}

/** The ids 1 to 6 are the pseudo-headers'. */
function isPseudo(id: number): boolean {
  return id !== 0 && id <= H.protocol;
}

/** Fields that HTTP/2 must not carry (RFC 9113 §8.2.2), and a `host` that `:authority` replaces. */
function isLeftOut(id: number, headers: HeaderMap, index: number): boolean {
  switch (id) {
    case H.te:
      return headers.valueAt(index) !== "trailers";
    case H.host:
      return headers.hasId(H.authority);
    default:
      return isConnectionSpecific(id);
  }
}
