/** main.ts with a probe in each thread. */

import { run } from "../../../src/cli/mod.ts";
import { startProbe } from "./probe.ts";

const ENTRY = new URL("./probed_worker.ts", import.meta.url);

if (import.meta.main) {
  startProbe("main");
  Deno.exit(await run(Deno.args, { entry: ENTRY }));
}
