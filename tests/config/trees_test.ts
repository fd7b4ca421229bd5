import { parseJson } from "../../src/config/json_tree.ts";
import { SourceText } from "../../src/config/source_text.ts";
import type { ConfigNode } from "../../src/config/tree.ts";
import { readJson } from "../../src/config/well_known_values.ts";
import { parseYaml } from "../../src/config/yaml_tree.ts";
import { assertEquals } from "../support/assert.ts";

/** JSON texts that both readers must understand alike. */
const SAME = [
  `{"a": [1, -2, true, false, null, "x"], "b": {}}`,
  `{"a": "\\u00e9\\n\\"\\\\", "b": "\\ud83d\\ude00"}`,
  `[]`,
  `"word"`,
  `{"a": {"b": {"c": [[], [{}]]}}}`,
];
for (const text of SAME) {
  Deno.test(`JSON and YAML readers agree on ${text}`, () => {
    const fromJson = parseJson(text, "a.json").root;
    const fromYaml = parseYaml(text, "a.yaml").root;
    assertEquals(readJson(fromJson!), JSON.parse(text));
    assertEquals(readJson(fromYaml!), JSON.parse(text));
  });
}

const JSON_FAULTS = [
  { name: "end of file", text: '{"a": [1', want: '8 unexpected end of file, expected "," or "]"' },
  {
    name: "a comment",
    text: '{"a": 1 // b\n}',
    want: '8 unexpected character "/", expected "," or "}"',
  },
  {
    name: "a bare word as value",
    text: "{a: b}",
    want: '4 unexpected character "b", expected a value',
  },
  { name: "an open string", text: '{"a": "b}', want: "6 unfinished string" },
  { name: "a line end in a string", text: '{"a": "b\n"}', want: "6 unfinished string" },
  { name: "a wrong escape", text: '{"a": "\\x"}', want: "6 malformed escape in a string" },
  {
    name: "two values",
    text: "{} {}",
    want: '3 unexpected character "{", expected the end of the file',
  },
  { name: "a leading zero", text: "[01]", want: '2 unexpected character "1", expected "," or "]"' },
  { name: "nothing", text: "", want: "0 unexpected end of file, expected a value" },
];
for (const row of JSON_FAULTS) {
  Deno.test(`JSON with ${row.name} is refused where it stands`, () => {
    const [problem] = parseJson(row.text, "a.json").problems;
    assertEquals(`${problem?.offset} ${problem?.message}`, row.want);
  });
}

Deno.test("JSON takes trailing commas and bare keys, as Envoy's reader", () => {
  assertEquals(readJson(parseJson('{a: [1,], "b": 2,}', "a.json").root!), { a: [1], b: 2 });
});

Deno.test("JSON keeps integers beyond 2^53 as text", () => {
  assertEquals(readJson(parseJson("[9007199254740993]", "a.json").root!), ["9007199254740993"]);
});

Deno.test("JSON cut at every byte is a problem or a tree, never an exception", () => {
  const text = `{"a": [1, "b\\u0041", {"c": null}], "d": -1.5e3}`;
  for (let cut = 0; cut < text.length; cut++) {
    const { root, problems } = parseJson(text.slice(0, cut), "a.json");
    assertEquals([root, problems.length], [undefined, 1], `cut at ${cut}`);
  }
});

const WORDS = [
  ["~", null],
  ["Null", null],
  ["Yes", true],
  ["OFF", false],
  ["oN", "oN"],
  ["12", 12],
  ["+12", 12],
  ["-0x1F", -31],
  ["010", 8],
  ["2147483648", "2147483648"],
  ["1.5", "1.5"],
  ["'12'", "12"],
  ["! 12", "12"],
] as const;
for (const [word, want] of WORDS) {
  Deno.test(`YAML reads ${word} as Envoy does`, () => {
    assertEquals(readJson(parseYaml(`a: ${word}`, "a.yaml").root!), { a: want });
  });
}

Deno.test("YAML: the last of equal keys wins and the others are warned of", () => {
  const { root, warnings } = parseYaml("a: 1\nb: 2\na: 3\n", "a.yaml");
  assertEquals(readJson(root!), { a: 3, b: 2 });
  assertEquals(warnings.map(({ offset }) => offset), [0]);
});

Deno.test("YAML: what !ignore marks is left out, its anchors are known", () => {
  const { root } = parseYaml("!ignore x: &x { a: 1 }\ny: *x\n", "a.yaml");
  assertEquals(readJson(root!), { y: { a: 1 } });
});

Deno.test("YAML: an anchor given twice stands for the one before the alias", () => {
  const { root } = parseYaml("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "a.yaml");
  assertEquals(readJson(root!), { a: 1, b: 1, c: 2, d: 2 });
});

function offsets(node: ConfigNode): unknown {
  if (node.kind === "map") return node.entries.map((e) => [e.key.offset, offsets(e.value)]);
  return node.kind === "list" ? node.items.map(offsets) : node.offset;
}

Deno.test("both readers give the same offsets", () => {
  const text = `{"a": [1, {"b": "c"}], "d": null}`;
  assertEquals(offsets(parseJson(text, "").root!), offsets(parseYaml(text, "").root!));
});

Deno.test("SourceText counts lines and columns from 1", () => {
  const source = new SourceText("a", "ab\n\ncd");
  const at = [0, 2, 3, 4, 5].map((offset) => source.position(offset));
  assertEquals(at.map(({ line, column }) => `${line}:${column}`), [
    "1:1",
    "1:3",
    "2:1",
    "3:1",
    "3:2",
  ]);
});
