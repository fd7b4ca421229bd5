/**
 * Problems that a worker finds while it compiles, told to main by the place of the message in the
 * tree that both have: a clone is another object, its path is the same.
 */

import type { Problems } from "../base/mod.ts";

/** One call of `Problems`, structured-clonable. */
export interface RemoteProblem {
  readonly kind: keyof Problems;
  /** Keys from the root to the message; undefined if it is not part of the tree. */
  readonly path: readonly (string | number)[] | undefined;
  readonly field: string;
  readonly text: string;
  readonly hint: string | undefined;
  readonly refuse: boolean | undefined;
}

/** The worker's side: gathers what the compile steps report. */
export class ProblemRecorder implements Problems {
  readonly #root: unknown;
  readonly problems: RemoteProblem[] = [];

  constructor(root: unknown) {
    this.#root = root;
  }

  error(message: object, field: string, text: string, hint?: string): void {
    this.#add("error", message, { field, text, hint, refuse: undefined });
  }

  unsupported(message: object, field: string, effect: string, refuse?: boolean): void {
    this.#add("unsupported", message, { field, text: effect, hint: undefined, refuse });
  }

  warn(message: object, field: string, text: string): void {
    this.#add("warn", message, { field, text, hint: undefined, refuse: undefined });
  }

  #add(
    kind: RemoteProblem["kind"],
    message: object,
    rest: Omit<RemoteProblem, "kind" | "path">,
  ): void {
    this.problems.push({ kind, path: pathTo(this.#root, message), ...rest });
  }
}

/** Main's side: reports them at main's own messages. */
export function replayProblems(
  problems: readonly RemoteProblem[],
  root: object,
  sink: Problems,
): void {
  for (const { kind, path, field, text, hint, refuse } of problems) {
    const message = path === undefined ? root : follow(root, path);
    if (kind === "error") sink.error(message, field, text, hint);
    else if (kind === "warn") sink.warn(message, field, text);
    else sink.unsupported(message, field, text, refuse);
  }
}

function pathTo(tree: unknown, wanted: object): (string | number)[] | undefined {
  if (tree === wanted) return [];
  if (typeof tree !== "object" || tree === null || ArrayBuffer.isView(tree)) return undefined;
  for (const [key, value] of Object.entries(tree)) {
    const rest = pathTo(value, wanted);
    if (rest !== undefined) return [Array.isArray(tree) ? Number(key) : key, ...rest];
  }
  return undefined;
}

function follow(root: object, path: readonly (string | number)[]): object {
  let at: unknown = root;
  for (const key of path) at = (at as { readonly [key: string]: unknown })[key];
  return at as object;
}
