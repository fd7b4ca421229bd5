/**
 * Entry of a worker thread. It hears main from the first moment on and loads the rest meanwhile:
 * what main posts to a thread that nobody listens on would be lost.
 */

import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.ts";

/** What was said while the thread's rooms were loading. */
const early: ToWorker[] = [];
let hear: (message: ToWorker) => void = (message) => early.push(message);

/** As in `123/task/125`. */
function ownThread(): string {
  try {
    return Deno.readLinkSync("/proc/thread-self");
  } catch {
    return "";
  }
}

parentPort!.on("message", (message: ToWorker) => hear(message));
parentPort!.postMessage({ type: "up", thread: ownThread() } satisfies FromWorker);
({ hear } = await import("./worker_thread.ts"));
for (const message of early.splice(0)) hear(message);
