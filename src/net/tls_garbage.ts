/**
 * Tells V8 of what closed TLS connections leave behind: about 12 KiB each that it does not count, so
 * that it saw no need to collect and the process grew by 200 MiB. Asking for a collection by name
 * would be a full one that stops the thread for some 30 ms and throws optimised code away; ballast
 * that V8 does count makes it collect by itself, little by little.
 */

/** What TLSWrap and TCPWrap keep after their close, two buffers of 4 KiB before all. */
const GARBAGE_BYTES = 12288;
/** Address space only: a resizable buffer is mapped, not cleared, and its pages are never touched. */
const PIECE_BYTES = 2097152;
/** Connections that one piece of ballast stands for: V8 marks after 5 to 32 pieces. */
const CONNECTIONS_A_PIECE = Math.floor(PIECE_BYTES / GARBAGE_BYTES);
/** Kept until there are so many: what dies young would be counted off again at once. */
const MAX_PIECES = 32;

let closed = 0;
let ballast: ArrayBuffer[] = [];

/** To be called for each closed TLS connection. */
export function countClosedTls(): void {
  if (++closed < CONNECTIONS_A_PIECE) return;
  closed = 0;
  if (ballast.length === MAX_PIECES) ballast = [];
  ballast.push(new ArrayBuffer(PIECE_BYTES, { maxByteLength: PIECE_BYTES }));
}
