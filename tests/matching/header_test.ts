// Header, query and cookie matchers; each row was seen on Envoy 1.40.
import { HeaderMap } from "../../src/http/mod.ts";
import {
  compileCookieMatcher,
  compileHeaderMatcher,
  compileQueryMatcher,
  percentDecode,
} from "../../src/matching/mod.ts";
import type {
  envoy_config_route_v3_CookieMatcher,
  envoy_config_route_v3_HeaderMatcher,
  envoy_config_route_v3_QueryParameterMatcher,
} from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { decodeMessage } from "../support/messages.ts";

/** Values of x-a, one header each, and whether the matcher takes them. */
type Case = readonly [values: readonly string[], want: boolean];
const text = (exact: string): object => ({ string_match: { exact } });
const RANGE = { range_match: { start: -5, end: 10 } };

const HEADERS: readonly { name: string; matcher: object; cases: readonly Case[] }[] = [
  { name: "string_match", matcher: text("1"), cases: [[["1"], true], [["2"], false], [[], false]] },
  {
    name: "any of repeated headers",
    matcher: text("2"),
    cases: [[["1", "2"], true], [["2", "1"], true]],
  },
  {
    name: "repeated headers, not joined",
    matcher: text("1,2"),
    cases: [[["1", "2"], false], [["1,2"], true]],
  },
  {
    name: "none of repeated headers when inverted",
    matcher: { ...text("1"), invert_match: true },
    cases: [[["1", "2"], false], [["3", "2"], true], [[], false]],
  },
  {
    name: "a missing header as empty",
    matcher: { ...text(""), treat_missing_header_as_empty: true },
    cases: [[[], true], [["x"], false]],
  },
  {
    name: "a missing header as empty, inverted",
    matcher: { ...text("no"), invert_match: true, treat_missing_header_as_empty: true },
    cases: [[[], true], [["no"], false]],
  },
  {
    name: "presence",
    matcher: { present_match: true },
    cases: [[["1"], true], [[""], true], [[], false]],
  },
  { name: "absence", matcher: { present_match: false }, cases: [[["1"], false], [[], true]] },
  {
    name: "presence, inverted",
    matcher: { present_match: true, invert_match: true },
    cases: [[["1"], false], [[], true]],
  },
  {
    name: "absence, inverted",
    matcher: { present_match: false, invert_match: true },
    cases: [[["1"], true], [[], false]],
  },
  {
    name: "presence of a missing header taken as empty",
    matcher: { present_match: true, treat_missing_header_as_empty: true },
    cases: [[["1"], true], [[], true]],
  },
  {
    name: "absence of a missing header taken as empty",
    matcher: { present_match: false, treat_missing_header_as_empty: true },
    cases: [[["1"], false], [[], false]],
  },
  { name: "no specifier, as presence", matcher: {}, cases: [[["1"], true], [[], false]] },
  {
    name: "no specifier, inverted",
    matcher: { invert_match: true },
    cases: [[["1"], false], [[], true]],
  },
  {
    name: "a range",
    matcher: RANGE,
    cases: [
      [["-5"], true],
      [["10"], false],
      [["+7"], true],
      [[" 7"], true],
      [["abc"], false],
      [["7x"], false],
      [["1", "99"], true],
      [["99999999999999999999"], false],
    ],
  },
  {
    name: "a range, inverted",
    matcher: { ...RANGE, invert_match: true },
    cases: [[["1"], false], [["abc"], true], [[], false]],
  },
  {
    name: "a range of a missing header taken as empty",
    matcher: { ...RANGE, treat_missing_header_as_empty: true },
    cases: [[[], false]],
  },
  { name: "exact_match", matcher: { exact_match: "1" }, cases: [[["1"], true], [["12"], false]] },
  {
    name: "prefix_match",
    matcher: { prefix_match: "1" },
    cases: [[["12"], true], [["21"], false]],
  },
  {
    name: "suffix_match",
    matcher: { suffix_match: "1" },
    cases: [[["21"], true], [["12"], false]],
  },
  {
    name: "contains_match",
    matcher: { contains_match: "1" },
    cases: [[["212"], true], [["2"], false]],
  },
  {
    name: "safe_regex_match",
    matcher: { safe_regex_match: { regex: "1+" } },
    cases: [[["11"], true], [["112"], false]],
  },
];
for (const row of HEADERS) {
  Deno.test(`HeaderMatcher: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_config_route_v3_HeaderMatcher>(
      "envoy.config.route.v3.HeaderMatcher",
      { name: "X-A", ...row.matcher },
    );
    const matcher = compileHeaderMatcher(message, fakeContext());
    for (const [values, want] of row.cases) {
      const headers = HeaderMap.of([":path", "/"], ...values.map((v) => ["x-a", v] as const));
      assertEquals(matcher.matches(headers), want, JSON.stringify(values));
    }
  });
}

Deno.test("HeaderMatcher reads :authority for host", async () => {
  const { message } = await decodeMessage<envoy_config_route_v3_HeaderMatcher>(
    "envoy.config.route.v3.HeaderMatcher",
    { name: "Host", string_match: { suffix: ".test" } },
  );
  const matcher = compileHeaderMatcher(message, fakeContext());
  assertEquals(matcher.matches(HeaderMap.of([":authority", "a.test"])), true);
});

const QUERIES: readonly { name: string; matcher: object; yes: string[]; no: string[] }[] = [
  {
    name: "exact",
    matcher: text("1"),
    yes: ["/?a=1", "/?b=2&a=1", "/?a=1&a=2"],
    no: ["/?a=2&a=1", "/?aa=1", "/?A=1", "/a=1", "/"],
  },
  {
    name: "a name without value as empty",
    matcher: text(""),
    yes: ["/?a", "/?a=", "/?b&a"],
    no: ["/?ab", "/?"],
  },
  { name: "values that are not decoded", matcher: text("%41"), yes: ["/?a=%41"], no: ["/?a=A"] },
  { name: "presence", matcher: { present_match: true }, yes: ["/?a", "/?a=1"], no: ["/?b=a", "/"] },
  { name: "absence", matcher: { present_match: false }, yes: ["/?b=a", "/"], no: ["/?a"] },
  { name: "no specifier, as presence", matcher: {}, yes: ["/?a"], no: ["/"] },
];
for (const row of QUERIES) {
  Deno.test(`QueryParameterMatcher: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_config_route_v3_QueryParameterMatcher>(
      "envoy.config.route.v3.QueryParameterMatcher",
      { name: "a", ...row.matcher },
    );
    const matcher = compileQueryMatcher(message, fakeContext());
    for (const path of row.yes) assertEquals(matcher.matches(path), true, path);
    for (const path of row.no) assertEquals(matcher.matches(path), false, path);
  });
}

const COOKIES: readonly { name: string; matcher: object; yes: string[][]; no: string[][] }[] = [
  {
    name: "the first of a name",
    matcher: text("v"),
    yes: [["c=v"], ["a=b; c=v; c=x"], ["a=b", "c=v"], ["  c=v"]],
    no: [["c=x; c=v"], ["cc=v"], ["c"], []],
  },
  { name: "a value in quotes", matcher: text("v"), yes: [['c="v"']], no: [['c="v'], ['c="']] },
  { name: "an empty value", matcher: text(""), yes: [["c="], ['c=""']], no: [["c=x"], []] },
  {
    name: "inverted",
    matcher: { ...text("v"), invert_match: true },
    yes: [["c=x"], []],
    no: [["c=v"]],
  },
];
for (const row of COOKIES) {
  Deno.test(`CookieMatcher: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_config_route_v3_CookieMatcher>(
      "envoy.config.route.v3.CookieMatcher",
      { name: "c", ...row.matcher },
    );
    const matcher = compileCookieMatcher(message, fakeContext());
    const matches = (cookies: string[]): boolean =>
      matcher.matches(HeaderMap.of(...cookies.map((cookie) => ["cookie", cookie] as const)));
    for (const cookies of row.yes) assertEquals(matches(cookies), true, cookies.join(" | "));
    for (const cookies of row.no) assertEquals(matches(cookies), false, cookies.join(" | "));
  });
}

for (
  const [input, want] of [["a%20b", "a b"], ["%", "%"], ["%4", "%4"], ["%zz%41", "%zzA"], [
    "%e9",
    "\xe9",
  ], ["%%41", "%A"]] as const
) {
  Deno.test(`percentDecode reads ${input}`, () => assertEquals(percentDecode(input), want));
}
