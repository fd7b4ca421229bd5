/** header_to_metadata: values, their types, missing headers, cookies, routes, counters, what is refused. */

import type { HttpFilterFactory } from "../../../src/filter_chain/mod.ts";
import { headerToMetadataFactory } from "../../../src/filters/http/header_to_metadata.ts";
import { statTemplate } from "../../../src/stats/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { OneHttpFilter, problemsOf } from "./harness.ts";

type Pairs = readonly (readonly [string, string])[];
const to = (more: object = {}) => ({ metadata_namespace: "ns", key: "k", ...more });
const present = (more: object = {}) => ({ header: "X-A", on_header_present: to(more) });
const rewrite = (regex: string, substitution: string) => ({
  regex_value_rewrite: { pattern: { regex }, substitution },
});
/** google.protobuf.Value: a struct of a list, a number, a text, a boolean and null. */
const STRUCT = "KjoKCwoBYRIGMgQKAiABCg4KAWISCREAAAAAAADgPwoJCgFjEgQaAsOpCgcKAWQSAiABCgcKAWUSAggA";

interface Row {
  readonly name: string;
  readonly rule: object;
  readonly headers: Pairs;
  /** The value of `ns`/`k`; undefined if nothing is stored. */
  readonly want: unknown;
}
// deno-fmt-ignore
const ROWS: readonly Row[] = [
  { name: "a value", rule: present(), headers: [["x-a", "v"]], want: "v" },
  { name: "UTF-8", rule: present(), headers: [["x-a", "\xc3\xa9"]], want: "é" },
  { name: "several values joined", rule: present(), headers: [["x-a", "1"], ["x-b", ""], ["x-a", "2"]], want: "1,2" },
  { name: "the authority as host", rule: { header: "Host", on_header_present: to() }, headers: [[":authority", "a"]], want: "a" },
  { name: "nothing for an empty header", rule: { ...present(), on_header_missing: to({ value: "m" }) }, headers: [["x-a", ""]], want: undefined },
  { name: "a constant if present", rule: present({ value: "c" }), headers: [["x-a", "v"]], want: "c" },
  { name: "nothing if missing", rule: present(), headers: [], want: undefined },
  { name: "a constant if missing", rule: { ...present(), on_header_missing: to({ value: "m" }) }, headers: [], want: "m" },
  { name: "a rewritten value", rule: present(rewrite("^/(\\w+).*", "<\\1>")), headers: [["x-a", "/ab/c"]], want: "<ab>" },
  { name: "nothing where rewriting leaves nothing", rule: present(rewrite(".*", "")), headers: [["x-a", "v"]], want: undefined },
  { name: "a cookie", rule: { cookie: "c", on_header_present: to() }, headers: [["cookie", "a=1; c=2"]], want: "2" },
  { name: "an empty cookie as missing", rule: { cookie: "c", on_header_missing: to({ value: "m" }) }, headers: [["cookie", "c="]], want: "m" },
  { name: "a number", rule: present({ type: "NUMBER" }), headers: [["x-a", " 42.5"]], want: 42.5 },
  { name: "a number with an exponent", rule: present({ type: "NUMBER" }), headers: [["x-a", "-1e3"]], want: -1000 },
  { name: "a hexadecimal number", rule: present({ type: "NUMBER" }), headers: [["x-a", "-0x10"]], want: -16 },
  { name: "infinity", rule: present({ type: "NUMBER" }), headers: [["x-a", "-inf"]], want: -Infinity },
  { name: "no number", rule: present({ type: "NUMBER" }), headers: [["x-a", "12a"]], want: undefined },
  { name: "base64", rule: present({ encode: "BASE64" }), headers: [["x-a", "w6k="]], want: "é" },
  { name: "base64 without padding", rule: present({ encode: "BASE64" }), headers: [["x-a", "w6k"]], want: "é" },
  { name: "no base64 with bits to spare", rule: present({ encode: "BASE64" }), headers: [["x-a", "w6l"]], want: undefined },
  { name: "no base64", rule: present({ encode: "BASE64" }), headers: [["x-a", "!!!"]], want: undefined },
  { name: "a base64 number", rule: present({ encode: "BASE64", type: "NUMBER" }), headers: [["x-a", "NDI="]], want: 42 },
  { name: "a protobuf value", rule: present({ encode: "BASE64", type: "PROTOBUF_VALUE" }), headers: [["x-a", STRUCT]], want: { a: [true], b: 0.5, c: "é", d: true, e: null } },
  { name: "no cut protobuf value", rule: present({ encode: "BASE64", type: "PROTOBUF_VALUE" }), headers: [["x-a", STRUCT.slice(0, -4)]], want: undefined },
  { name: "the longest value", rule: present(), headers: [["x-a", "v".repeat(8191)]], want: "v".repeat(8191) },
  { name: "no longer value", rule: present(), headers: [["x-a", "v".repeat(8192)]], want: undefined },
];
for (const { name, rule, headers, want } of ROWS) {
  Deno.test(`header_to_metadata stores ${name}, of requests and responses`, async () => {
    const config = { request_rules: [rule], response_rules: [rule] };
    for (const side of ["request", "response"] as const) {
      const one = await OneHttpFilter.create(headerToMetadataFactory, config);
      assertEquals(one[side](...headers), headers.map((pair) => [...pair]));
      assertEquals(one.info.dynamicMetadata?.["ns"]?.["k"], want);
    }
  });
}

Deno.test("header_to_metadata removes the header, and only once it was read", async () => {
  const one = await OneHttpFilter.create(headerToMetadataFactory, {
    request_rules: [{ ...present(), remove: true }, present({ key: "again" })],
  });
  assertEquals(one.request(["x-a", "1"], ["x-b", "2"], ["x-a", "3"]), [["x-b", "2"]]);
  assertEquals(one.info.dynamicMetadata, { ns: { k: "1,3" } });
});

Deno.test("header_to_metadata keeps what others stored, and has a namespace of its own", async () => {
  const one = await OneHttpFilter.create(headerToMetadataFactory, {
    request_rules: [present(), { header: "x-a", on_header_present: { key: "own" } }],
  });
  one.info.setDynamicMetadata("ns", "other", 1);
  one.request(["x-a", "v"]);
  assertEquals(one.info.dynamicMetadata, {
    ns: { other: 1, k: "v" },
    "envoy.filters.http.header_to_metadata": { own: "v" },
  });
});

Deno.test("header_to_metadata: the route's rules take the place of the filter's", async () => {
  const one = await OneHttpFilter.create(headerToMetadataFactory, {
    request_rules: [present()],
    response_rules: [present()],
  }, { levels: [{ request_rules: [present({ key: "route" })] }] });
  one.request(["x-a", "1"]);
  one.response(["x-a", "2"]);
  assertEquals(one.info.dynamicMetadata, { ns: { route: "1" } });
});

Deno.test("header_to_metadata counts under its stat_prefix", async () => {
  const one = await OneHttpFilter.create(headerToMetadataFactory, {
    stat_prefix: "p",
    request_rules: [
      { ...present(), on_header_missing: to({ value: "m" }) },
      present({ encode: "BASE64" }),
      present(rewrite("v", "")),
    ],
    response_rules: [present()],
  });
  const names = "base64_decode_failed header_value_too_long regex_substitution_failed " +
    "request_header_not_found request_metadata_added request_rules_processed " +
    "response_header_not_found response_metadata_added response_rules_processed";
  const group = one.context.scope.scope("http_filter_name").scope("p").group(statTemplate(names));
  one.request();
  one.request(["x-a", "v"]);
  one.response(["x-a", "v".repeat(8192)]);
  assertEquals(names.split(" ").map((_name, index) => group.get(index)), [
    1,
    1,
    1,
    1,
    2,
    6,
    0,
    0,
    1,
  ]);
});

// deno-fmt-ignore
const REFUSED = [
  { name: "neither header nor cookie", rule: { on_header_present: to() }, want: "One of Cookie or Header option needs to be specified" },
  { name: "both", rule: { header: "a", cookie: "b", on_header_present: to() }, want: "Cannot specify both header and cookie in the same rule" },
  { name: "nothing to do", rule: { header: "a" }, want: "header to metadata filter: rule for header 'a' has neither `on_header_present` nor `on_header_missing` set" },
  { name: "nothing to store for a missing header", rule: { header: "a", on_header_missing: to() }, want: "Cannot specify on_header_missing rule with an empty value" },
  { name: "value and rewriting", rule: { header: "a", on_header_present: to({ value: "v", ...rewrite("a", "b") }) }, want: "Cannot specify both value and regex_value_rewrite" },
  { name: "removing a cookie", rule: { cookie: "a", remove: true, on_header_present: to() }, want: "Cannot specify remove for cookie" },
];
for (const { name, rule, want } of REFUSED) {
  Deno.test(`header_to_metadata refuses ${name}`, async () => {
    const factory = headerToMetadataFactory as HttpFilterFactory;
    assertEquals(await problemsOf(factory, { request_rules: [rule] }), [want]);
    assertEquals(await problemsOf(factory, { response_rules: [rule] }), [want]);
  });
}

Deno.test("header_to_metadata refuses a route without rules", async () => {
  const factory = headerToMetadataFactory as HttpFilterFactory;
  assertEquals(await problemsOf(factory, {}), []);
  assertEquals(await problemsOf(factory, {}, true), [
    "header_to_metadata_filter: Per filter configs must at least specify either request or response rules",
  ]);
});

Deno.test("header_to_metadata warns of what has no effect in Envoy either", async () => {
  const factory = headerToMetadataFactory as HttpFilterFactory;
  const rules = [
    { header: "a", on_header_missing: to({ value: "v", ...rewrite("a", "b") }) },
    present(rewrite("a", "\\1")),
  ];
  assertEquals(await problemsOf(factory, { request_rules: rules }), [
    "no effect: a header that is missing has nothing to rewrite",
    "no effect: Rewrite schema requests 1 matches, but the regexp only has 0 parenthesized subexpressions.",
  ]);
});
