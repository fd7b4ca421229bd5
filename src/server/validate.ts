/** Entry of `--mode validate`: everything that may be wrong with a configuration, in one run. */

import type { ConfigProblem } from "../base/mod.ts";
import type { LoadOptions } from "./load.ts";

/** @returns all problems in the order of the text */
export async function findProblems(options: LoadOptions): Promise<readonly ConfigProblem[]> {
  // Loaded here, since a server loads its rooms in another order.
  const [{ loadConfig }, { checkByCompiling }] = await Promise.all([
    import("./load.ts"),
    import("./check.ts"),
  ]);
  const config = await loadConfig(options);
  if ("bootstrap" in config) await checkByCompiling(config);
  return config.problems;
}
