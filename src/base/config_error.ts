/**
 * Faults of a configuration, as values. They live here and not in `config/`, so that rooms which
 * only report them do not pull in the YAML reader.
 */

/** What a problem does: an error refuses the file, the others say what is not acted on. */
export type ProblemSeverity =
  /** Envoy would refuse it too, or it can never work. Exit code 1. */
  | "error"
  /** Valid for Envoy; ignoring it would change routing or security, so serving is refused. */
  | "unsupported_refused"
  /** Valid for Envoy; only an effect is missing, so serving goes on with a warning. */
  | "unsupported"
  /** Acted on, but worth a word (deprecated, unsafe). */
  | "warning";

/** One fault of a configuration. Line and column count from 1; 0 where no text is behind it. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As in `static_resources.clusters[2].lb_policy`. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly severity: ProblemSeverity;
}

/** `edge.yaml:41:16 static_resources.clusters[2].lb_policy: message (hint)`. */
export function formatProblem(problem: ConfigProblem): string {
  const where = problem.line > 0
    ? `${problem.file}:${problem.line}:${problem.column}`
    : problem.file;
  const path = problem.path === "" ? "" : ` ${problem.path}`;
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return `${where}${path}: ${problem.message}${hint}`;
}

/** A configuration the operator must mend, raised before any of it applies; holds every fault found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/**
 * Where a compile step says what is wrong with the message it compiles. `message` is the decoded
 * message (its position in the text is known by identity) and `field` the proto name of one of its
 * fields, with an index where it is a list (`routes[3]`), or "" for the message itself.
 */
export interface Problems {
  error(message: object, field: string, text: string, hint?: string): void;
  /** `effect` tells what the operator will miss, as in "requests are not traced". */
  unsupported(message: object, field: string, effect: string, refuse?: boolean): void;
  warn(message: object, field: string, text: string): void;
}

/** For workers: main has compiled the same messages before, so an error here is our bug. */
export const THROWING_PROBLEMS: Problems = {
  error(_message, field, text) {
    throw new RangeError(`Configuration passed main but not this worker: ${field}: ${text}`);
  },
  unsupported() {},
  warn() {},
};
