/** Which hooks a filter has, as bits: looked up once a kind of filter, not once a stream. */

import type { HttpFilter } from "./http.ts";

export const HOOK = {
  decodeHeaders: 1,
  decodeData: 2,
  decodeTrailers: 4,
  encode1xxHeaders: 8,
  encodeHeaders: 16,
  encodeData: 32,
  encodeTrailers: 64,
  onStreamComplete: 128,
  onDestroy: 256,
} as const;

export const DECODE_MASK: number = HOOK.decodeHeaders | HOOK.decodeData | HOOK.decodeTrailers;
export const ENCODE_MASK: number = HOOK.encode1xxHeaders | HOOK.encodeHeaders | HOOK.encodeData |
  HOOK.encodeTrailers;

/** The hooks of one filter; all filters of a factory have the same. */
export function hooksOf(filter: HttpFilter): number {
  let hooks = 0;
  if (filter.decodeHeaders !== undefined) hooks |= HOOK.decodeHeaders;
  if (filter.decodeData !== undefined) hooks |= HOOK.decodeData;
  if (filter.decodeTrailers !== undefined) hooks |= HOOK.decodeTrailers;
  if (filter.encode1xxHeaders !== undefined) hooks |= HOOK.encode1xxHeaders;
  if (filter.encodeHeaders !== undefined) hooks |= HOOK.encodeHeaders;
  if (filter.encodeData !== undefined) hooks |= HOOK.encodeData;
  if (filter.encodeTrailers !== undefined) hooks |= HOOK.encodeTrailers;
  if (filter.onStreamComplete !== undefined) hooks |= HOOK.onStreamComplete;
  if (filter.onDestroy !== undefined) hooks |= HOOK.onDestroy;
  return hooks;
}
