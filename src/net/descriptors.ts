/**
 * Keeps file descriptors free. An accept that finds none makes the native listener stop for good and
 * without a word, and a new worker or signal handler would end the process (prototypes/platform, 12):
 * so connections are refused shortly before, and listeners listen again after such a time.
 */

import fs from "node:fs";

/**
 * Descriptors that accepted connections leave to upstreams, logs and workers: the native side accepts
 * up to 128 connections a thread before we hear of the first.
 */
const RESERVED = 512;
/** Looking costs 10 µs, so it is done once in so many connections. */
const LOOK_EVERY = 16;
const LISTEN_AGAIN_MS = 1000;

/** A listening socket that can be told to listen again. */
export interface Revivable {
  listenAgain(): void;
}

let highest = 0;
let sockets = 0;
const listeners = new Set<Revivable>();
let isScarce = false;

/** The highest descriptor that a new connection may leave free; Infinity where the limit is unknown. */
function highestWanted(): number {
  if (highest > 0) return highest;
  const limit = readLimit();
  highest = limit - Math.min(RESERVED, Math.floor(limit / 4));
  return highest;
}

function readLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
    return line === null ? Infinity : Number(line[1]);
  } catch {
    return Infinity;
  }
}

/** Whether an accepted connection should be refused for want of descriptors. */
export function isDescriptorScarce(): boolean {
  if (++sockets % LOOK_EVERY !== 0 && !isScarce) return false;
  if (lowestFree() < highestWanted()) return false;
  listenAgainLater();
  return true;
}

/** The system hands out the lowest free number, so that a high one means that all below are taken. */
function lowestFree(): number {
  try {
    const descriptor = fs.openSync("/dev/null", "r");
    fs.closeSync(descriptor);
    return descriptor;
  } catch {
    return Infinity;
  }
}

/** Adds a listening socket to those that may have to listen again. */
export function addRevivable(listener: Revivable): void {
  listeners.add(listener);
}

/** Forgets a listener that was closed. */
export function removeRevivable(listener: Revivable): void {
  listeners.delete(listener);
}

/** Something failed for want of descriptors, so that an accept may have, too. */
export function listenAgainLater(): void {
  if (isScarce) return;
  isScarce = true;
  setTimeout(() => {
    isScarce = false;
    for (const listener of listeners) listener.listenAgain();
  }, LISTEN_AGAIN_MS);
}
