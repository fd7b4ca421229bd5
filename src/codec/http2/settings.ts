/** SETTINGS of both ends (RFC 9113 §6.5, RFC 8441 §3). */

import type { Http2Options } from "../options.ts";
import {
  DEFAULT_WINDOW,
  ERROR_CODE,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  readUint32,
  SETTING,
} from "./frame.ts";

/** Entries of one frame that are looked at; more is a flood (CVE-2020-11080). */
const MAX_ENTRIES = 64;
/** Streams a client assumes until the peer's SETTINGS say otherwise: no limit (§6.5.2). */
const UNLIMITED = 0xffffffff;

/** What the peer announced, with the defaults of §6.5.2 until then. */
export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = UNLIMITED;
  initialWindowSize = DEFAULT_WINDOW;
  maxFrameSize = MAX_FRAME_BYTES;
  enableConnectProtocol = false;

  /** Takes a frame's payload of whole entries. @returns an error code, 0 for none */
  apply(bytes: Uint8Array, start: number, end: number): number {
    if ((end - start) / 6 > MAX_ENTRIES) return ERROR_CODE.enhanceYourCalm;
    for (let at = start; at < end; at += 6) {
      const code = this.#set((bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2));
      if (code !== ERROR_CODE.noError) return code;
    }
    return ERROR_CODE.noError;
  }

  #set(id: number, value: number): number {
    switch (id) {
      case SETTING.headerTableSize:
        this.headerTableSize = value;
        break;
      case SETTING.enablePush:
        if (value > 1) return ERROR_CODE.protocolError;
        break;
      case SETTING.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case SETTING.initialWindowSize:
        if (value > MAX_WINDOW) return ERROR_CODE.flowControlError;
        this.initialWindowSize = value;
        break;
      case SETTING.maxFrameSize:
        if (value < MAX_FRAME_BYTES || value > 0xffffff) return ERROR_CODE.protocolError;
        this.maxFrameSize = value;
        break;
      case SETTING.enableConnectProtocol:
        // Once offered it may not be taken back (RFC 8441 §3).
        if (value > 1 || (this.enableConnectProtocol && value === 0)) {
          return ERROR_CODE.protocolError;
        }
        this.enableConnectProtocol = value === 1;
        break;
    }
    return ERROR_CODE.noError;
  }
}

/** Our SETTINGS, in the order in which Envoy sends them. */
export function localSettings(
  options: Http2Options,
  isServer: boolean,
): readonly (readonly [id: number, value: number])[] {
  const pairs: (readonly [number, number])[] = [];
  if (!isServer) pairs.push([SETTING.enablePush, 0]);
  pairs.push(...options.customSettings);
  pairs.push(
    [SETTING.headerTableSize, options.hpackTableSize],
    [SETTING.enableConnectProtocol, options.allowConnect ? 1 : 0],
    [SETTING.maxConcurrentStreams, options.maxConcurrentStreams],
    [SETTING.initialWindowSize, options.initialStreamWindowSize],
  );
  return pairs;
}
