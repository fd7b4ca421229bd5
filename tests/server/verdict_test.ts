import type { ConfigProblem } from "../../src/base/mod.ts";
import { mayServe } from "../../src/server/verdict.ts";
import { assertEquals } from "../support/assert.ts";

const problem = (severity: ConfigProblem["severity"], line = 3): ConfigProblem => ({
  file: "c.yaml",
  line,
  column: 5,
  path: "admin",
  message: "is odd",
  severity,
});

const ROWS: readonly {
  readonly name: string;
  readonly input: readonly ConfigProblem[];
  readonly want: boolean;
  readonly lines: readonly string[];
}[] = [
  { name: "nothing wrong", input: [], want: true, lines: [] },
  {
    name: "a warning",
    input: [problem("warning")],
    want: true,
    lines: ["warning: c.yaml:3:5 admin: is odd"],
  },
  {
    name: "what is not acted on, but harmless",
    input: [problem("unsupported")],
    want: true,
    lines: ["warning: c.yaml:3:5 admin: is odd"],
  },
  {
    name: "what is not acted on, and would harm",
    input: [problem("unsupported_refused")],
    want: false,
    lines: ["error: c.yaml:3:5 admin: is odd"],
  },
  {
    name: "an error after a warning, without a line",
    input: [problem("warning"), problem("error", 0)],
    want: false,
    lines: ["warning: c.yaml:3:5 admin: is odd", "error: c.yaml admin: is odd"],
  },
];

for (const { name, input, want, lines } of ROWS) {
  Deno.test(`mayServe judges ${name}`, () => {
    const said: string[] = [];
    assertEquals(mayServe(input, (line) => said.push(line)), want);
    assertEquals(said, lines);
  });
}
