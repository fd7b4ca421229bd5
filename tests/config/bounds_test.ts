import { formatOf, sizeProblem } from "../../src/config/decoder.ts";
import { cluster, decode, errors } from "./builders.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";

function bombOfAliases(): string {
  const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++) {
    rows.push(`a${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`);
  }
  return rows.join("\n");
}

/** `levels` maps below `node.metadata`, whose own map is the third. */
function nested(levels: number): string {
  return `node: { id: a, metadata: { x: ${"{ a: ".repeat(levels)}1${" }".repeat(levels)} } }`;
}

/** Files that cost much or crash a reader that does not count. */
const ROWS = [
  { name: "100,000 open brackets", text: "[".repeat(100_000), want: /nesting is deeper than 100/ },
  { name: "100,000 open maps", text: "{a: ".repeat(100_000), want: /nesting is deeper than 100/ },
  { name: "100,000 dashes", text: "- ".repeat(100_000), want: /nesting is deeper than 100/ },
  {
    name: "100,000 question marks",
    text: "? ".repeat(100_000),
    want: /nesting is deeper than 100/,
  },
  {
    name: "100,000 brackets in JSON",
    file: "a.json",
    text: "[".repeat(100_000),
    want: /nesting is deeper/,
  },
  {
    name: "100,000 maps in JSON",
    file: "a.json",
    text: '{"a":'.repeat(100_000),
    want: /nesting is deeper/,
  },
  {
    name: "anchors that expand to 10^12",
    text: bombOfAliases(),
    want: /aliases expand to more than 200000/,
  },
  {
    name: "an anchor inside itself",
    text: "node: &n { id: a, metadata: { x: *n } }",
    want: /inside its own anchor/,
  },
  {
    name: "aliases that nest too deep",
    text: `!ignore a: &a ${"[".repeat(60)}${"]".repeat(60)}\nnode: { metadata: { x: ${
      "[".repeat(60)
    }*a${"]".repeat(60)} } }`,
    want: /nesting is deeper/,
  },
  { name: "101 levels, one more than Envoy takes", text: nested(98), want: /nesting is deeper/ },
  { name: "a long unknown name", text: `? ${"a".repeat(100_000)}\n: 1`, want: /unknown field/ },
];
for (const row of ROWS) {
  Deno.test(`bounds: ${row.name}`, () => assertMatch(errors(row.text, row.file)[0]!, row.want));
}

Deno.test("bounds: 100 levels are taken, as by Envoy", () => {
  assertEquals(errors(nested(97)), []);
});

Deno.test("bounds: 5,000 aliases of one anchor are followed", () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `k${i}: *a`).join(", ");
  assertEquals(errors(`!ignore x: &a { id: b }\nnode: { id: a, metadata: { ${keys} } }`), []);
});

Deno.test("bounds: at most 1,000 problems are kept, the rest is counted", () => {
  const text = Array.from({ length: 3000 }, (_, i) => `field_${i}: 1`).join("\n");
  const { problems } = decode(text);
  assertEquals(problems.length, 1001);
  assertMatch(problems.at(-1)!.message, /2000 more problems/);
});

Deno.test("bounds: size is judged by format before reading", () => {
  assertEquals(formatOf("a.yaml"), "yaml");
  assertEquals(formatOf("a.YML"), "yaml");
  assertEquals(formatOf("a.conf"), "json");
  assertEquals(sizeProblem(1024, "yaml"), undefined);
  assertMatch(sizeProblem(50 << 20, "yaml") ?? "", /more than the 4194304/);
  assertMatch(sizeProblem(50 << 20, "json") ?? "", /more than the 33554432/);
});

Deno.test("bounds: __proto__ and constructor are keys like any other", () => {
  const { bootstrap } = decode(
    "node: { id: a, metadata: { __proto__: { polluted: 1 }, constructor: 2 } }\n",
  );
  const metadata = bootstrap.node!.metadata!;
  assertEquals(Object.keys(metadata), ["__proto__", "constructor"]);
  assertOk(Object.getPrototypeOf(metadata) === Object.prototype);
  assertOk(!("polluted" in {}));
});

Deno.test("a decoded bootstrap is structured-clonable and equal afterwards", () => {
  const { bootstrap } = decode(cluster("name: a, connect_timeout: 1.5s, type: STATIC"));
  assertEquals(structuredClone(bootstrap), { ...bootstrap });
});
