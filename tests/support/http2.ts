/** HTTP/2 as tests write it by hand: options of the codec, frames as bytes. */

import type { Http2Options } from "../../src/codec/mod.ts";

/** Envoy's defaults. */
export const DEFAULT_HTTP2_OPTIONS: Http2Options = {
  hpackTableSize: 4096,
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: 16777216,
  initialConnectionWindowSize: 25165824,
  allowConnect: false,
  allowMetadata: false,
  maxOutboundFrames: 10000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveInboundFramesWithEmptyPayload: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdateFramesPerDataFrameSent: 10,
  streamErrorOnInvalidMessage: false,
  customSettings: [],
  maxHeadersBytes: 61440,
  maxHeadersCount: 100,
  headersWithUnderscores: "allow",
  isTls: false,
};

/** One frame (RFC 9113 §4.1). */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: ArrayLike<number> = [],
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, streamId);
  bytes.set(payload, 9);
  return bytes;
}

/** 32 bits in network order. */
export function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
