/**
 * A worker entry without a proxy: it does what its messages' `values` say, so that the pool's care
 * for its threads can be seen without waiting for a real fault.
 */

import { parentPort } from "node:worker_threads";
import { Beat } from "../../src/server/beats.ts";
import type { ToWorker, WorkerInit } from "../../src/server/messages.ts";

let init: WorkerInit | undefined;
let heapBytes = 1000;

function beat(): void {
  if (init !== undefined) new Beat(init.beats, init.index).write(Date.now(), heapBytes, 3);
}

/** Faults, by the key of a `runtime` message. */
const FAULTS: Readonly<Record<string, () => void>> = {
  throw: () => {
    setTimeout(() => {
      throw new Error("worker fault");
    });
  },
  hang: () => {
    for (;;);
  },
  exit: () => Deno.exit(0),
  grow: () => heapBytes = 2 ** 40,
  fault: () => new Beat(init!.beats, init!.index).countFault(),
};

parentPort!.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "init":
      init = message.init;
      return beat();
    case "runtime":
      for (const key of message.values.keys()) FAULTS[key]?.();
      return beat();
    case "flush_stats":
      return parentPort!.postMessage({ type: "stats", id: message.id, update: undefined });
    case "accept":
      return parentPort!.postMessage({ type: "accepting" });
    default:
      return;
  }
});
setInterval(beat, 20);
parentPort!.postMessage({ type: "up", thread: Deno.readLinkSync("/proc/thread-self") });
