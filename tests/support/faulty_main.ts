/** main.ts with workers that can go wrong, and a server that looks after them more often. */

import { run } from "../../src/cli/mod.ts";

const ENTRY = new URL("./faulty_worker.ts", import.meta.url);

if (import.meta.main) {
  Deno.exit(
    await run(Deno.args, { entry: ENTRY, heapMiB: 192, watchIntervalMs: 50, hangLimitMs: 2500 }),
  );
}
