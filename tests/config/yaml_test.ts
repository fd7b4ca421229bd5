import { readJson } from "../../src/config/well_known_values.ts";
import { parseYaml } from "../../src/config/yaml_tree.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

const VALUES = [
  {
    name: "lists as deep as their key",
    text: "a:\n- b\n- c\nd: e\n",
    want: { a: ["b", "c"], d: "e" },
  },
  {
    name: "compact lists and maps",
    text: "- - a\n  - b\n- c: d\n  e: f\n-\n  g\n",
    want: [["a", "b"], { c: "d", e: "f" }, "g"],
  },
  { name: "a list item that is left out", text: "a:\n-\n- b\n", want: { a: [null, "b"] } },
  { name: "a list in a list that begins with nothing", text: "- -\n  - c\n", want: [[null, "c"]] },
  {
    name: "plain words over lines",
    text: "a: b\n  c\n\n  d\ne: f\n",
    want: { a: "b c\nd", e: "f" },
  },
  { name: "colons and hashes in words", text: "a: x:y#z # c\n", want: { a: "x:y#z" } },
  {
    name: "a word that begins with an indicator",
    text: "a: -b\nc: ?d\ne: :f\n",
    want: { a: "-b", c: "?d", e: ":f" },
  },
  { name: "single quotes", text: "a: 'it''s\n  x\n\n  y'\n", want: { a: "it's x\ny" } },
  {
    name: "double quotes",
    text: 'a: "\\x41\\u00e9\\U0001F600\\t\\"\\\\"\n',
    want: { a: 'Aé😀\t"\\' },
  },
  { name: "an escaped line break", text: 'a: "b \\\n   c"\n', want: { a: "b c" } },
  { name: "escaped blanks before a line break", text: 'a: "b\\t \n  c"\n', want: { a: "b\t c" } },
  {
    name: "a literal block",
    text: "a: |\n  x\n   y\n\n  z\n\nb: c\n",
    want: { a: "x\n y\n\nz\n", b: "c" },
  },
  {
    name: "a folded block",
    text: "a: >\n  f\n  g\n\n  h\n   i\n  j\n",
    want: { a: "f g\nh\n i\nj\n" },
  },
  {
    name: "a stripped and a kept block",
    text: "a: |-\n  x\n\nb: |+\n  y\n\n",
    want: { a: "x", b: "y\n\n" },
  },
  {
    name: "a block with its indentation said",
    text: "a: |2\n    x\n  y\n",
    want: { a: "  x\ny\n" },
  },
  { name: "a block at the end without a line break", text: "a: |\n  x", want: { a: "x\n" } },
  {
    name: "flow in all its forms",
    text: '{a: [b, c: d, ? e : f,], "g":1, h, i: }',
    want: { a: ["b", { c: "d" }, { e: "f" }], g: 1, h: null, i: null },
  },
  {
    name: "flow over lines that are not indented",
    text: "a: [b,\nc\n]\n",
    want: { a: ["b", "c"] },
  },
  {
    name: "explicit keys",
    text: "? a\n: b\n? c\n: - d\n? e\n",
    want: { a: "b", c: ["d"], e: null },
  },
  {
    name: "an anchor of a map and one of its key",
    text: "a: &m\n  &k b: c\nd: *m\ne: *k\n",
    want: { a: { b: "c" }, d: { b: "c" }, e: "b" },
  },
  {
    name: "an anchor of a list below its key",
    text: "a: &l\n- b\nc: *l\n",
    want: { a: ["b"], c: ["b"] },
  },
  { name: "an anchor of nothing", text: "a: &n\nb: *n\n", want: { a: null, b: null } },
  {
    name: "a byte order mark, a directive and a mark",
    text: "\uFEFF%YAML 1.2\n--- # c\na: b\n",
    want: { a: "b" },
  },
  { name: "the first document only", text: "a: b\n---\n[\n", want: { a: "b" } },
  { name: "nothing", text: "# c\n", want: null },
  { name: "CR LF", text: "a: b\r\nc:\r\n  - d\r\n", want: { a: "b", c: ["d"] } },
] as const;
for (const { name, text, want } of VALUES) {
  Deno.test(`YAML: ${name}`, () => {
    const { root, problems } = parseYaml(text, "a.yaml");
    assertEquals(problems, []);
    assertEquals(readJson(root!), want);
  });
}

/** As `envoy --mode validate` 1.40 judges them. */
const VERDICTS = [
  { text: "node: { id: a,\ncluster: b\n}\n", isTaken: true },
  { text: 'node:\n  id: "a\nb"\n  cluster: c\n', isTaken: true },
  { text: "node:\n  id: !e!x a\n", isTaken: true },
  { text: "node:\n  metadata:\n    : a\n", isTaken: true },
  { text: "node: {id: a}\n...\nfoo: 1\n", isTaken: true },
  { text: 'node: {id: a, metadata: {"x":1, y:2}}\n', isTaken: true },
  { text: "node:\t{id: a}\n", isTaken: true },
  { text: "node:\n\tid: a\n", isTaken: false },
  { text: "node:\n  id: |-+\n    a\n", isTaken: false },
  { text: "node: {id: a, metadata: {a\n: b}}\n", isTaken: false },
  { text: "node: {id: @a}\n", isTaken: false },
  { text: "node:\n  metadata: &a &b {x: 1}\n", isTaken: false },
  { text: "node: {id: a%b, cluster: %x}\n", isTaken: false },
] as const;
for (const { text, isTaken } of VERDICTS) {
  Deno.test(`YAML: Envoy ${isTaken ? "takes" : "refuses"} ${JSON.stringify(text)}`, () => {
    assertEquals(parseYaml(text, "a.yaml").root !== undefined, isTaken);
  });
}

const FAULTS = [
  { text: "a: b\n c: d\n", line: 2, message: "what stands here belongs to nothing before it" },
  { text: "a: b\nc\n", line: 2, message: 'a map\'s key must be followed by ":" on its line' },
  { text: "a: [b\n", line: 2, message: "a bracket is not closed" },
  { text: "a: 'b\n", line: 2, message: "a quote is not closed" },
  { text: 'a: "\\q"\n', line: 1, message: '"\\q" is no escape sequence' },
  { text: "a: *b\n", line: 1, message: 'no anchor "b" before it' },
  { text: "a: [b c: d, , e]\n", line: 1, message: "a value is missing or cannot begin like this" },
  { text: "[a]: b\n", line: 1, message: "a map's key must be a word" },
  { text: "a:\n  - b\n c: d\n", line: 3, message: "what stands here belongs to nothing before it" },
] as const;
for (const { text, line, message } of FAULTS) {
  Deno.test(`YAML: ${message} in ${JSON.stringify(text)}`, () => {
    const { source, problems } = parseYaml(text, "a.yaml");
    assertEquals(
      problems.map(({ offset, message }) => [source.position(offset).line, message]),
      [[line, message]],
    );
  });
}

Deno.test("YAML cut at every byte is a problem or a tree, never an exception", () => {
  const text =
    "a: &x [1, \"b\\u0041\", {c: 'd'}]\ne: |2-\n   f\n? g\n: *x\nh: !t\n  - i: >\n      j\n";
  for (let cut = 0; cut < text.length; cut++) {
    const { root, problems } = parseYaml(text.slice(0, cut), "a.yaml");
    assertOk(root === undefined ? problems.length === 1 : problems.length === 0, `cut at ${cut}`);
  }
});
