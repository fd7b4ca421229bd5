/**
 * The verdict of `--mode validate`: what Envoy would refuse, and what is not acted on. Exit code 0:
 * all of the configuration is acted on. 1: Envoy would refuse it. 3: valid for Envoy, but something
 * in it is not supported yet; each such thing is named with its position and effect.
 */

import { type ConfigProblem, formatProblem } from "../base/mod.ts";

/** Where the verdict goes; each gets whole lines without their end. */
export interface VerdictOutput {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

/** Prints what is wrong or missing, then the verdict. @returns the exit code */
export function reportVerdict(
  file: string,
  problems: readonly ConfigProblem[],
  to: VerdictOutput,
): number {
  const errors = problems.filter((problem) => problem.severity === "error");
  const missing = problems.filter((problem) => problem.severity.startsWith("unsupported"));
  const warnings = problems.filter((problem) => problem.severity === "warning");
  for (const problem of errors) to.stderr(formatProblem(problem));
  if (errors.length > 0) {
    to.stderr(`configuration '${file}' is refused: ${errors.length} problem(s)`);
    return 1;
  }
  for (const problem of warnings) to.stderr(`warning: ${formatProblem(problem)}`);
  for (const problem of missing) {
    const mark = problem.severity === "unsupported_refused" ? "; serving refuses it" : "";
    to.stderr(`${formatProblem(problem)}${mark}`);
  }
  if (missing.length > 0) {
    to.stderr(
      `configuration '${file}' is valid for Envoy; ${missing.length} thing(s) are not supported yet`,
    );
    return 3;
  }
  to.stdout(`configuration '${file}' OK`);
  return 0;
}
