/**
 * Counts of one thread that no stat tells: armed timers and the heap after a collection. Each
 * thread watches a folder; once a file `probe` lies there with a new number it writes its counts to
 * `probe.<thread>.json`. Only tests import it.
 */

import process from "node:process";
import { collectGarbage, Timer } from "../../../src/base/mod.ts";

const LOOK_MS = 50;
const PRUNE_EVERY = 4096;

/** What one thread found. */
export interface ThreadCounts {
  readonly number: number;
  readonly armedTimers: number;
  /** After a full collection. */
  readonly heapBytes: number;
}

/** @param thread `main`, or a worker's number */
export function startProbe(thread: string): void {
  const folder = Deno.env.get("DENVOY_TEST_PROBE")!;
  const timers = watchTimers();
  let done = 0;
  setInterval(() => {
    const number = readNumber(`${folder}/probe`);
    if (number === done) return;
    done = number;
    const armedTimers = timers();
    collectGarbage();
    const heapBytes = process.memoryUsage().heapUsed;
    const counts: ThreadCounts = { number, armedTimers, heapBytes };
    Deno.writeTextFileSync(`${folder}/probe.${thread}.tmp`, JSON.stringify(counts));
    // Renamed, so that nobody reads a half.
    Deno.renameSync(`${folder}/probe.${thread}.tmp`, `${folder}/probe.${thread}.json`);
  }, LOOK_MS);
}

function readNumber(path: string): number {
  try {
    return Number(Deno.readTextFileSync(path));
  } catch {
    return 0;
  }
}

/** Notes each timer that is armed. @returns counts those that still are */
function watchTimers(): () => number {
  const noted = new Set<Timer>();
  const { arm } = Timer.prototype;
  const prune = (): number => {
    for (const timer of noted) if (!timer.isArmed) noted.delete(timer);
    return noted.size;
  };
  let nextPrune = PRUNE_EVERY;
  Timer.prototype.arm = function (this: Timer, delayMs: number): void {
    arm.call(this, delayMs);
    noted.add(this);
    if (noted.size >= nextPrune) nextPrune = prune() + PRUNE_EVERY;
  };
  return prune;
}
