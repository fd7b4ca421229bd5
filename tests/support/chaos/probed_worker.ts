/** The real worker with a probe. */

import "../../../src/server/worker.ts";
import { threadId } from "node:worker_threads";
import { startProbe } from "./probe.ts";

startProbe(String(threadId));
