/**
 * Keeps file descriptors free. An accept that finds none makes the native listener stop for good and
 * without a word, and a new worker or signal handler would end the process (prototypes/platform, 12):
 * so connections are refused shortly before, and listeners listen again every second.
 */

import { nodeFs } from "../base/mod.ts";

/**
 * Descriptors that accepted connections leave to upstreams, logs and workers: the native side accepts
 * up to 128 connections a thread before we hear of the first.
 */
const RESERVED = 512;
/**
 * Looking costs 10 µs, so it is done once in so many connections at most, and more often the fewer
 * descriptors are left: other threads take from the same ones.
 */
const LOOK_EVERY = 16;
const LISTEN_AGAIN_MS = 1000;
/** The same while this thread knows of the want: each time empties a part of the system's queue. */
const LISTEN_SOON_MS = 50;

/** A listening socket that can be told to listen again. */
export interface Revivable {
  listenAgain(): void;
}

let highest = 0;
let untilLook = 1;
let isScarce = false;
const listeners = new Set<Revivable>();
let timer: number | undefined;
let soonTimer: number | undefined;

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
  if (--untilLook > 0) return isScarce;
  const room = highestWanted() - lowestFree();
  isScarce = room <= 0;
  untilLook = Math.max(1, Math.min(LOOK_EVERY, Math.floor(room / LOOK_EVERY)));
  if (isScarce) soonTimer ??= setTimeout(listenSoon, LISTEN_SOON_MS) as unknown as number;
  return isScarce;
}

/** The system hands out the lowest free number, so that a high one means that all below are taken. */
function lowestFree(): number {
  try {
    const fs = nodeFs();
    const descriptor = fs.openSync("/dev/null", "r");
    fs.closeSync(descriptor);
    return descriptor;
  } catch {
    return Infinity;
  }
}

/**
 * Adds a listening socket to those that are told to listen again every second: a failed accept is
 * silent, and where other threads took the last descriptors this one has heard of nothing.
 */
export function addRevivable(listener: Revivable): void {
  listeners.add(listener);
  if (timer !== undefined) return;
  timer = setInterval(listenAgain, LISTEN_AGAIN_MS) as unknown as number;
}

function listenAgain(): void {
  for (const listener of listeners) listener.listenAgain();
}

function listenSoon(): void {
  soonTimer = undefined;
  listenAgain();
}

/** Forgets a listener that was closed; the last one ends the timers. */
export function removeRevivable(listener: Revivable): void {
  listeners.delete(listener);
  if (listeners.size > 0) return;
  clearInterval(timer);
  clearTimeout(soonTimer);
  timer = soonTimer = undefined;
}
