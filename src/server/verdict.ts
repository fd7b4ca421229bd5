/** Whether a configuration may be served. */

import { type ConfigProblem, formatProblem } from "../base/mod.ts";

/** Prints what a configuration lacks and says whether it may be served. */
export function mayServe(
  problems: readonly ConfigProblem[],
  complain: (line: string) => void,
): boolean {
  let refused = 0;
  for (const problem of problems) {
    const isRefused = problem.severity === "error" || problem.severity === "unsupported_refused";
    if (isRefused) refused++;
    complain(`${isRefused ? "error" : "warning"}: ${formatProblem(problem)}`);
  }
  return refused === 0;
}
