import type { ConfigProblem, ProblemSeverity } from "../../src/base/mod.ts";
import { reportVerdict } from "../../src/cli/validate.ts";
import { assertEquals } from "../support/assert.ts";

function problem(severity: ProblemSeverity, hint?: string): ConfigProblem {
  const where = { file: "a.yaml", line: 3, column: 5, path: "x.y", message: "m", severity };
  return hint === undefined ? where : { ...where, hint };
}

const ROWS = [
  { name: "nothing", problems: [], code: 0, lines: ["out configuration 'a.yaml' OK"] },
  {
    name: "a warning",
    problems: [problem("warning")],
    code: 0,
    lines: ["err warning: a.yaml:3:5 x.y: m", "out configuration 'a.yaml' OK"],
  },
  {
    name: "something that is lacking",
    problems: [problem("unsupported", "effect")],
    code: 3,
    lines: [
      "err a.yaml:3:5 x.y: m (effect)",
      "err configuration 'a.yaml' is valid for Envoy; 1 thing(s) are not supported yet",
    ],
  },
  {
    name: "an error beside something that is lacking",
    problems: [problem("unsupported_refused"), problem("error")],
    code: 1,
    lines: ["err a.yaml:3:5 x.y: m", "err configuration 'a.yaml' is refused: 1 problem(s)"],
  },
];
for (const row of ROWS) {
  Deno.test(`validate ends with ${row.code} for ${row.name}`, () => {
    const lines: string[] = [];
    const code = reportVerdict("a.yaml", row.problems, {
      stdout: (line) => lines.push(`out ${line}`),
      stderr: (line) => lines.push(`err ${line}`),
    });
    assertEquals([code, lines], [row.code, row.lines]);
  });
}
