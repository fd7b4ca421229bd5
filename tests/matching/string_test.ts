// String matchers and regexes: Envoy reads bytes, so that a two-byte character is two positions.
import { compileRegexRewrite, compileStringMatcher } from "../../src/matching/mod.ts";
import type {
  envoy_type_matcher_v3_RegexMatchAndSubstitute,
  envoy_type_matcher_v3_StringMatcher,
} from "../../src/proto/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { decodeMessage } from "../support/messages.ts";

const bytes = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));
const regex = (pattern: string): object => ({ safe_regex: { regex: pattern } });

const ROWS: readonly { name: string; matcher: object; yes: string[]; no: string[] }[] = [
  { name: "exact", matcher: { exact: "Val" }, yes: ["Val"], no: ["val", "Val ", ""] },
  {
    name: "exact, case ignored",
    matcher: { exact: "Val", ignore_case: true },
    yes: ["vAL"],
    no: ["va"],
  },
  { name: "prefix", matcher: { prefix: "pre" }, yes: ["pre", "prefix"], no: ["Prefix", "pr"] },
  {
    name: "prefix, case ignored",
    matcher: { prefix: "Pre", ignore_case: true },
    yes: ["PREx"],
    no: ["xpre"],
  },
  { name: "suffix", matcher: { suffix: "fix" }, yes: ["fix", "suffix"], no: ["fixed"] },
  {
    name: "suffix, case ignored",
    matcher: { suffix: "Fix", ignore_case: true },
    yes: ["suFFIX"],
    no: ["ix"],
  },
  { name: "contains", matcher: { contains: "mid" }, yes: ["amidst"], no: ["AMIDST"] },
  {
    name: "contains, case ignored",
    matcher: { contains: "MID", ignore_case: true },
    yes: ["aMiDst"],
    no: ["mi"],
  },
  { name: "regex, whole value", matcher: regex("[a-c]+"), yes: ["abc"], no: ["abcd", "xabc", ""] },
  {
    name: "regex with alternatives, anchored around both",
    matcher: regex("a|ab"),
    yes: ["a", "ab"],
    no: ["abc"],
  },
  { name: "non-ASCII text, as bytes", matcher: { exact: "éx" }, yes: [bytes("éx")], no: ["éx"] },
  { name: "a dot, one byte", matcher: regex("."), yes: ["a", "\xff"], no: [bytes("é")] },
  { name: "a dot after a two-byte character", matcher: regex("é."), yes: [bytes("éx")], no: ["x"] },
  {
    name: "case folding of letters only",
    matcher: { exact: "\u00c0", ignore_case: true },
    yes: [bytes("\u00c0")],
    no: [bytes("\u00e0"), "\xe3\x80"],
  },
];
for (const row of ROWS) {
  Deno.test(`StringMatcher: ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_type_matcher_v3_StringMatcher>(
      "envoy.type.matcher.v3.StringMatcher",
      row.matcher,
    );
    const matcher = compileStringMatcher(message, fakeContext());
    for (const value of row.yes) assertEquals(matcher.matches(value), true, value);
    for (const value of row.no) assertEquals(matcher.matches(value), false, value);
  });
}

const REFUSED: readonly { name: string; matcher: object; want: RegExp }[] = [
  { name: "an open group", matcher: regex("("), want: /missing/ },
  { name: "a look-ahead", matcher: regex("(?=a)"), want: /\(\?=/ },
  { name: "a back reference", matcher: regex("(a)\\1"), want: /escape/ },
  {
    name: "nested repetition beyond 1000",
    matcher: regex("((a{100}){100}){100}"),
    want: /repetition|repeat/,
  },
  {
    name: "ignore_case with a regex",
    matcher: { ...regex("a"), ignore_case: true },
    want: /no effect for safe_regex/,
  },
];
for (const row of REFUSED) {
  Deno.test(`StringMatcher refuses ${row.name}`, async () => {
    const decoded = await decodeMessage<envoy_type_matcher_v3_StringMatcher>(
      "envoy.type.matcher.v3.StringMatcher",
      row.matcher,
    );
    compileStringMatcher(decoded.message, fakeContext({ problems: decoded.sink }));
    assertMatch(decoded.problems().map((problem) => problem.message).join(), row.want);
  });
}

const REWRITES = [
  {
    name: "groups and the whole match",
    pattern: "a(.)",
    to: "<\\1\\0\\\\>",
    input: "/pabc/ad",
    want: "/p<bab\\>c/<dad\\>",
  },
  { name: "nothing where nothing matches", pattern: "z", to: "y", input: "/a", want: "/a" },
  {
    name: "the prefix only",
    pattern: "^/api/v(\\d+)",
    to: "/v\\1/api",
    input: "/api/v2/x",
    want: "/v2/api/x",
  },
  { name: "every match", pattern: "o", to: "0", input: "/foo/o", want: "/f00/0" },
  { name: "to nothing", pattern: ".*", to: "", input: "/foo", want: "" },
  {
    name: "a group that did not take part",
    pattern: "(x)?b",
    to: "[\\1]",
    input: "abc",
    want: "a[]c",
  },
];
for (const row of REWRITES) {
  Deno.test(`regex rewrite replaces ${row.name}`, async () => {
    const { message } = await decodeMessage<envoy_type_matcher_v3_RegexMatchAndSubstitute>(
      "envoy.type.matcher.v3.RegexMatchAndSubstitute",
      { pattern: { regex: row.pattern }, substitution: row.to },
    );
    assertEquals(compileRegexRewrite(message, fakeContext())(row.input), row.want);
  });
}

for (
  const [to, want] of [["\\2", /requests 2 matches/], ["a\\", /not allowed at end/], [
    "\\x",
    /followed by a digit/,
  ]] as const
) {
  Deno.test(`regex rewrite refuses the substitution ${to}`, async () => {
    const decoded = await decodeMessage<envoy_type_matcher_v3_RegexMatchAndSubstitute>(
      "envoy.type.matcher.v3.RegexMatchAndSubstitute",
      { pattern: { regex: "(a)" }, substitution: to },
    );
    compileRegexRewrite(decoded.message, fakeContext({ problems: decoded.sink }));
    assertMatch(decoded.problems().map((problem) => problem.message).join(), want);
  });
}
