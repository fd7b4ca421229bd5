/** denvoy: an Envoy-compatible edge proxy. `deno run -A main.ts -c FILE`; see README.md. */

import { run } from "./src/cli/mod.ts";

// Nothing that is still open or armed, as for an idle client of the admin port, may hold up the end.
if (import.meta.main) Deno.exit(await run(Deno.args));
