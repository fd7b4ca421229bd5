/**
 * Mutated YAML: nothing may throw, and what both our reader and the `yaml` package read, they read
 * alike. Verdicts differ: ours are yaml-cpp's (see tests/config/yaml_test.ts).
 *
 *   deno run -A tests/fuzz/yaml_fuzz.ts [seconds] [seed]
 */

import { type Document, parseAllDocuments } from "yaml";
import { type Random, SeededRandom } from "../../src/base/mod.ts";
import type { ConfigNode } from "../../src/config/tree.ts";
import { parseYaml } from "../../src/config/yaml_tree.ts";
import { assertEquals } from "../support/assert.ts";

const SEEDS = [
  "a: b\nc:\n  - d\n  - e: f\n    g: h\n",
  "a:\n- b\n-\n  - c\n- - d\n  - e\nf: {x: 1, y: [a, b: c, {d}]}\n",
  "a: |\n  x\n   y\n\n  z\nb: >-\n  f\n  g\n\n  h\n   i\n  j\n",
  "a: &x !t\n  b: c\n&a k: &b v\nz: !!str 12\nq: \"a\n  b\n\n c\"\nr: 'it''s\n  x'\n",
  "? a\n: b\n? c\n",
  "--- # c\na: b # d\n...\n---\nx: y\n",
  "a: plain\n  more\n\n  lines\nb: x:y\nc: a#b\n",
  'k: [a,\n  b, # c\n  "d" : e]\n',
  "x: &p {a: 1}\nb: *p\nc: &m\n  k: v\nd: &n\n- 1\n- 2\n",
  "- &a a: b\n  c: d\n- !t\n  e: f\n- &z\n  - q\n",
  "a: >2\n    x\n  y\nb: |+\n\n c\n\n\nd: |-\n  e\n",
];
const PIECES = [
  ...[":", " ", "\n", "\n  ", "- ", "#", " # c\n", "[", "]", "{", "}", ",", '"', "'", "&a "],
  ...["*a", "!t ", "|", ">\n", "?", "? ", "\t", "%", "@", "---\n", "...\n", "a: b\n", "-", "~"],
];

function mutated(random: Random): string {
  let text = SEEDS[random.below(SEEDS.length)]!;
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(text.length + 1);
    const piece = random.below(4) === 0 ? "" : PIECES[random.below(PIECES.length)]!;
    text = text.slice(0, at) + piece + text.slice(at + random.below(3));
  }
  return text;
}

/** Words as text, whatever they stand for; the last of equal keys wins. */
function plain(node: ConfigNode): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, plain(value)]));
}

function twin(text: string): unknown {
  const documents = parseAllDocuments(text, { schema: "failsafe", uniqueKeys: false });
  const first = (documents as Document[])[0];
  if (first === undefined || first.errors.length > 0) return undefined;
  try {
    return JSON.parse(JSON.stringify(first.toJS() ?? ""), (_, value) => value ?? "");
  } catch {
    return undefined; // aliases without an anchor, or of themselves
  }
}

/** Of blanks at the end of blocks the package says less than YAML 1.2 §8.1.3. */
const BLANK_LINE_BELOW_BLOCK = /[|>][^]*\n[ \t]+(?:\n|$)/;

/** Explicit keys the package takes in places where yaml-cpp does not look for them. */
const EXPLICIT_KEY = /^[ -]*[?:](?:\s|$)/m;

function round(random: Random): void {
  const text = mutated(random);
  const { root } = parseYaml(text, "fuzz.yaml");
  if (root === undefined) return;
  if (BLANK_LINE_BELOW_BLOCK.test(text) || EXPLICIT_KEY.test(text)) return;
  const theirs = twin(text);
  if (theirs !== undefined) assertEquals(plain(root), theirs, text);
}

/** Mutated YAML, read as the yaml package reads it; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let i = 0; i < rounds; i++) round(random);
}
