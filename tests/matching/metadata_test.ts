// Metadata matchers over JSON-like values.
import { compileMetadataMatcher } from "../../src/matching/mod.ts";
import type { envoy_type_matcher_v3_MetadataMatcher } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { decodeMessage } from "../support/messages.ts";

const METADATA = {
  f: { s: "é", n: 1.5, yes: true, nul: null, list: ["a", 2], deep: { er: { v: "x" } } },
};
const ROWS: readonly {
  name: string;
  path: string;
  value: object;
  want: boolean;
  invert?: boolean;
}[] = [
  { name: "a text", path: "s", value: { string_match: { exact: "é" } }, want: true },
  {
    name: "a text that is a number",
    path: "n",
    value: { string_match: { exact: "1.5" } },
    want: false,
  },
  { name: "a number", path: "n", value: { double_match: { exact: 1.5 } }, want: true },
  {
    name: "a number in a range",
    path: "n",
    value: { double_match: { range: { start: 1.5, end: 2 } } },
    want: true,
  },
  {
    name: "a number at a range's end",
    path: "n",
    value: { double_match: { range: { start: 1, end: 1.5 } } },
    want: false,
  },
  { name: "a boolean", path: "yes", value: { bool_match: true }, want: true },
  { name: "null", path: "nul", value: { null_match: {} }, want: true },
  { name: "null where nothing is", path: "none", value: { null_match: {} }, want: false },
  { name: "presence", path: "nul", value: { present_match: true }, want: true },
  { name: "absence", path: "none", value: { present_match: false }, want: true },
  {
    name: "one of a list",
    path: "list",
    value: { list_match: { one_of: { double_match: { exact: 2 } } } },
    want: true,
  },
  {
    name: "none of a list",
    path: "list",
    value: { list_match: { one_of: { bool_match: true } } },
    want: false,
  },
  {
    name: "either",
    path: "s",
    value: {
      or_match: { value_matchers: [{ bool_match: true }, { string_match: { prefix: "é" } }] },
    },
    want: true,
  },
  { name: "a deep value", path: "deep.er.v", value: { string_match: { exact: "x" } }, want: true },
  { name: "a path through a text", path: "s.x", value: { present_match: true }, want: false },
  {
    name: "what every object inherits",
    path: "constructor",
    value: { present_match: true },
    want: false,
  },
  { name: "inverted", path: "none", value: { present_match: true }, want: true, invert: true },
];
for (const row of ROWS) {
  Deno.test(`MetadataMatcher: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_type_matcher_v3_MetadataMatcher>(
      "envoy.type.matcher.v3.MetadataMatcher",
      {
        filter: "f",
        path: row.path.split(".").map((key) => ({ key })),
        value: row.value,
        invert: row.invert ?? false,
      },
    );
    const matcher = compileMetadataMatcher(message, fakeContext());
    assertEquals(matcher.matches(METADATA), row.want);
  });
}
