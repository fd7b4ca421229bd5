/**
 * `--mode validate`: judges a configuration as Envoy would, and says what of it is not acted on.
 * Exit code 0: all of it is acted on. 1: Envoy would refuse it. 3: valid for Envoy, but something
 * in it is not supported yet; each such thing is named with its position and effect.
 */

import { type ConfigProblem, formatProblem } from "../base/mod.ts";
import { decodeBootstrap, formatOf, sizeProblem } from "../config/mod.ts";
import { loadRegistry } from "../proto/registry.ts";

/** What to validate. */
export interface ValidateOptions {
  /** Path of the bootstrap file; may be left out where `configYaml` is given. */
  readonly configPath?: string;
  /** The text of `--config-yaml`. */
  readonly configYaml?: string;
  /** Each gets whole lines without their end. */
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
}

/** The text of a file, or why it cannot be read. */
export type ReadText = { readonly text: string } | {
  readonly text: undefined;
  readonly problem: ConfigProblem;
};

/** Reads a configuration file, its size first: a file of any length must be refused quickly. */
export async function readConfigFile(path: string): Promise<ReadText> {
  const refuse = (message: string): ReadText => ({
    text: undefined,
    problem: { file: path, line: 0, column: 0, path: "", message, severity: "error" },
  });
  try {
    const { size } = await Deno.stat(path);
    const tooLarge = sizeProblem(size, formatOf(path));
    if (tooLarge !== undefined) return refuse(tooLarge);
    return { text: await Deno.readTextFile(path) };
  } catch (thrown) {
    return refuse(`cannot be read: ${(thrown as Error).message}`);
  }
}

/** Validates and prints; resolves with the exit code. */
export async function validate(options: ValidateOptions): Promise<number> {
  const { configPath, configYaml, stdout, stderr } = options;
  const read = configPath === undefined ? { text: "" } : await readConfigFile(configPath);
  if (read.text === undefined) {
    stderr(formatProblem(read.problem));
    return 1;
  }
  const { problems } = decodeBootstrap(
    read.text,
    configPath ?? "",
    await loadRegistry(),
    configYaml === undefined ? {} : { configYaml },
  );
  return reportVerdict(configPath ?? "--config-yaml", problems, { stdout, stderr });
}

/** Prints what is wrong or missing, then the verdict. @returns the exit code */
export function reportVerdict(
  file: string,
  problems: readonly ConfigProblem[],
  to: Pick<ValidateOptions, "stdout" | "stderr">,
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

if (import.meta.main) {
  const encoder = new TextEncoder();
  const path = Deno.args[Deno.args.findIndex((arg) => arg === "-c" || arg === "--config-path") + 1];
  Deno.exitCode = await validate({
    configPath: path!,
    stdout: (line) => Deno.stdout.writeSync(encoder.encode(`${line}\n`)),
    stderr: (line) => Deno.stderr.writeSync(encoder.encode(`${line}\n`)),
  });
}
