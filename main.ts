/** denvoy: an Envoy-compatible edge proxy. `deno run -A main.ts -c FILE`; see README.md. */

import { run } from "./src/cli/mod.ts";

if (import.meta.main) Deno.exitCode = await run(Deno.args);
