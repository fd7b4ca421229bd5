/**
 * Tells V8 of what closed TLS connections leave behind: about 12 KiB each that it does not count, so
 * that it saw no need to collect and the process grew by 200 MiB. Asking for a collection by name
 * would be a full one that stops the thread for some 30 ms and throws optimised code away; ballast
 * that V8 does count makes it collect by itself, little by little.
 */

/** Connections that one piece of ballast stands for. */
const CONNECTIONS_A_PIECE = 64;
/**
 * Address space only: a resizable buffer is mapped, not cleared, and its pages are never touched. V8
 * begins to mark when 64 MiB have come, so with this size every 2,000 connections at the latest.
 */
const PIECE_BYTES = 2097152;
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
