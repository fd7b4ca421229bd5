/** Gathers the problems of one configuration, in the order of the text, at most a bounded number. */

import type { ConfigProblem, Problems, ProblemSeverity } from "../base/mod.ts";
import type { Origins } from "./origins.ts";
import { type Place, placeText } from "./place.ts";
import type { SourceText } from "./source_text.ts";

/** What is reported of one file; a generated file may have one fault a thousand times. */
export const MAX_PROBLEMS = 1000;

interface Entry {
  readonly offset: number;
  readonly order: number;
  readonly problem: ConfigProblem;
}

/** The problems of a file (and of `--config-yaml`) so far. */
export class ProblemList {
  readonly #entries: Entry[] = [];
  readonly #seen = new Set<string>();
  /** Spots that a check has found an error at. */
  readonly #faulty = new Set<string>();
  readonly #file: string;
  #dropped = 0;

  /** @param file Where problems without a position belong. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Whether one more would still be kept: lets a caller skip costly hints. */
  get hasRoom(): boolean {
    return this.#entries.length < MAX_PROBLEMS;
  }

  /** Whether Envoy would refuse the configuration. */
  get hasErrors(): boolean {
    return this.#entries.some((entry) => entry.problem.severity === "error");
  }

  /** A problem at a place of the text. */
  add(
    severity: ProblemSeverity,
    at: { readonly source: SourceText; readonly offset: number; readonly place: Place | undefined },
    message: string,
    hint?: string,
  ): void {
    const { source, offset, place } = at;
    const { line, column } = source.position(offset);
    const path = placeText(place);
    this.#push(offset, { file: source.file, line, column, path, message, severity, ...some(hint) });
  }

  /** A problem of a file that could not be read. */
  addUnplaced(message: string, hint?: string): void {
    const where = { file: this.#file, line: 0, column: 0, path: "" };
    this.#push(-1, { ...where, message, severity: "error", ...some(hint) });
  }

  #push(offset: number, problem: ConfigProblem): void {
    if (!this.hasRoom) {
      this.#dropped++;
      return;
    }
    // A room compiles a shared message more than once, and then says the same more than once.
    const key = `${problem.file}:${offset} ${problem.path}: ${problem.message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#entries.push({ offset, order: this.#entries.length, problem });
  }

  /** All problems in the order of the text, file by file. */
  toArray(): readonly ConfigProblem[] {
    const problems = this.#entries.toSorted((a, b) =>
      a.problem.file === b.problem.file
        ? a.offset - b.offset || a.order - b.order
        : a.order - b.order
    ).map((entry) => entry.problem);
    if (this.#dropped === 0) return problems;
    const more = `${this.#dropped} more problems of this file are not shown`;
    const where = { file: this.#file, line: 0, column: 0, path: "" };
    return [...problems, { ...where, message: more, severity: problems[0]!.severity }];
  }

  /** The sink that compile steps report to: message and field become a position by identity. */
  sink(origins: Origins): Problems {
    const report = (
      severity: ProblemSeverity,
      at: { readonly message: object; readonly field: string },
      text: string,
      hint?: string,
    ): void => {
      if (origins.isRefused(at.message, at.field)) return;
      const spot = origins.spot(at.message, at.field);
      // Two checks that point at one spot have found one fault: the first to say so is enough.
      const where = `${spot?.source.file} ${spot?.offset} ${spot?.path}`;
      if (severity === "error" && spot !== undefined) {
        if (this.#faulty.has(where)) return;
        this.#faulty.add(where);
      }
      const position = spot?.source.position(spot.offset) ?? { line: 0, column: 0 };
      this.#push(spot?.offset ?? -1, {
        file: spot?.source.file ?? this.#file,
        ...position,
        path: spot?.path ?? at.field,
        message: text,
        severity,
        ...some(hint),
      });
    };
    return {
      error: (message, field, text, hint) => report("error", { message, field }, text, hint),
      unsupported: (message, field, effect, refuse) =>
        report(
          refuse === true ? "unsupported_refused" : "unsupported",
          { message, field },
          "not supported yet",
          effect,
        ),
      warn: (message, field, text) => report("warning", { message, field }, text),
    };
  }
}

function some(hint: string | undefined): { hint?: string } {
  return hint === undefined ? {} : { hint };
}
