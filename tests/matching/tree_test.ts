// The generic matcher: predicates, maps and tries over inputs.
import { HeaderMap } from "../../src/http/mod.ts";
import { compileMatcherTree } from "../../src/matching/mod.ts";
import { MATCH_INPUTS } from "../../src/matching/inputs/registry.ts";
import type { AnyMessage, xds_type_matcher_v3_Matcher } from "../../src/proto/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { fakeConnection } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

const typed = (type: string, fields: object): object => ({
  name: type,
  typed_config: { "@type": `type.googleapis.com/${type}`, ...fields },
});
const HEADER = typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { header_name: "X-A" });
const SOURCE = typed("envoy.extensions.matching.common_inputs.network.v3.SourceIPInput", {});
const QUERY = typed("envoy.type.matcher.v3.HttpRequestQueryParamMatchInput", { query_param: "q" });
/** Actions are told apart by the name of their extension. */
const act = (name: string): object => ({
  action: { ...typed("envoy.config.core.v3.HeaderValue", { key: name }), name },
});
const is = (exact: string, input = HEADER): object => ({
  single_predicate: { input, value_match: { exact } },
});
const when = (predicate: object, name: string): object => ({ predicate, on_match: act(name) });
const list = (...matchers: object[]): object => ({ matcher_list: { matchers } });
const map = (kind: string, entries: object, input = HEADER): object => ({
  matcher_tree: { input, [kind]: { map: entries } },
});
const ip = (...range_matchers: object[]): object => ({
  matcher_tree: {
    input: SOURCE,
    custom_match: typed("xds.type.matcher.v3.IPMatcher", { range_matchers }),
  },
});
const cidr = (address_prefix: string, prefix_len: number): object => ({
  address_prefix,
  prefix_len,
});

/** Values of x-a, and the action taken. */
type Case = readonly [values: readonly string[], want: string | undefined];
const ROWS: readonly { name: string; tree: object; cases: readonly Case[] }[] = [
  {
    name: "takes the first that matches",
    tree: list(when(is("1"), "one"), when(is("1"), "later"), when(is("2"), "two")),
    cases: [[["1"], "one"], [["2"], "two"], [["3"], undefined], [[], undefined]],
  },
  {
    name: "joins repeated headers",
    tree: list(when(is("1,2"), "both")),
    cases: [[["1", "2"], "both"], [["1"], undefined]],
  },
  {
    name: "falls back",
    tree: { ...list(when(is("1"), "one")), on_no_match: act("else") },
    cases: [[["1"], "one"], [[], "else"]],
  },
  {
    name: "or",
    tree: list(when({ or_matcher: { predicate: [is("1"), is("2")] } }, "hit")),
    cases: [[["2"], "hit"], [["3"], undefined]],
  },
  {
    name: "and",
    tree: list(
      when({
        and_matcher: {
          predicate: [
            is("1"),
            is(
              "/?q=1",
              typed("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { header_name: ":path" }),
            ),
          ],
        },
      }, "hit"),
    ),
    cases: [[["1"], undefined]],
  },
  {
    name: "not, which takes what is missing",
    tree: list(when({ not_matcher: is("1") }, "hit")),
    cases: [[["1"], undefined], [["2"], "hit"], [[], "hit"]],
  },
  {
    name: "goes on after keep_matching",
    tree: list(
      { predicate: is("1"), on_match: { ...act("seen"), keep_matching: true } },
      when(is("1"), "taken"),
    ),
    cases: [[["1"], "taken"]],
  },
  {
    name: "goes on where a nested tree finds nothing",
    tree: list(
      { predicate: is("1"), on_match: { matcher: list(when(is("x"), "no")) } },
      when(is("1"), "outer"),
    ),
    cases: [[["1"], "outer"]],
  },
  {
    name: "looks an exact value up",
    tree: { ...map("exact_match_map", { a: act("A"), b: act("B") }), on_no_match: act("else") },
    cases: [[["b"], "B"], [["ab"], "else"], [[], "else"]],
  },
  {
    name: "looks the longest prefix up",
    tree: map("prefix_match_map", { "/a": act("short"), "/a/b": act("long") }),
    cases: [[["/a/b/c"], "long"], [["/a/c"], "short"], [["/b"], undefined]],
  },
  {
    name: "takes a shorter prefix where the longer finds nothing",
    tree: map("prefix_match_map", { a: act("short"), ab: { matcher: list(when(is("x"), "no")) } }),
    cases: [[["abc"], "short"]],
  },
  {
    name: "decodes query parameters",
    tree: list(when(is("a b", QUERY), "hit")),
    cases: [[[], "hit"]],
  },
  {
    name: "takes the narrowest IP range",
    tree: ip({ ranges: [cidr("10.0.0.0", 8)], on_match: act("wide") }, {
      ranges: [cidr("10.0.0.0", 24)],
      on_match: act("narrow"),
    }),
    cases: [[[], "narrow"]],
  },
  {
    name: "takes a wider IP range where the narrow finds nothing",
    tree: ip({ ranges: [cidr("10.0.0.0", 8)], on_match: act("wide") }, {
      ranges: [cidr("10.0.0.0", 24)],
      on_match: { matcher: list(when(is("x"), "no")) },
    }),
    cases: [[[], "wide"]],
  },
  {
    name: "stops at an exclusive IP range",
    tree: ip({ ranges: [cidr("10.0.0.0", 8)], on_match: act("wide") }, {
      ranges: [cidr("10.0.0.0", 24)],
      exclusive: true,
      on_match: { matcher: list(when(is("x"), "no")) },
    }),
    cases: [[[], undefined]],
  },
];
for (const row of ROWS) {
  Deno.test(`MatcherTree ${row.name}`, async () => {
    const { message, problems } = await decodeMessage<xds_type_matcher_v3_Matcher>(
      "xds.type.matcher.v3.Matcher",
      row.tree,
    );
    assertEquals(problems(), []);
    const tree = compileMatcherTree(message, {
      context: fakeContext(),
      compileAction: (_message: AnyMessage, name: string) => name,
    });
    for (const [values, want] of row.cases) {
      const headers = [[":path", "/?q=a%20b"], ...values.map((v) => ["x-a", v])] as [
        string,
        string,
      ][];
      const data = { requestHeaders: HeaderMap.of(...headers), connection: fakeConnection() };
      assertEquals(tree.match(data), want, values.join());
    }
  });
}

Deno.test("MatcherTree takes a server name: exact, then the longest wildcard", async () => {
  const input = typed("envoy.extensions.matching.common_inputs.network.v3.ServerNameInput", {});
  const domain_matchers = [
    { domains: ["a.test"], on_match: act("exact") },
    { domains: ["*.test"], on_match: act("wild") },
    { domains: ["*.b.test"], on_match: act("longer") },
    { domains: ["*"], on_match: act("any") },
  ];
  const { message } = await decodeMessage<xds_type_matcher_v3_Matcher>(
    "xds.type.matcher.v3.Matcher",
    {
      matcher_tree: {
        input,
        custom_match: typed("xds.type.matcher.v3.ServerNameMatcher", { domain_matchers }),
      },
    },
  );
  const tree = compileMatcherTree(message, {
    context: fakeContext(),
    compileAction: (_message: AnyMessage, name: string) => name,
  });
  const match = (requestedServerName: string): string | undefined =>
    tree.match({ connection: { ...fakeConnection(), requestedServerName } });
  assertEquals(["a.test", "x.b.test", "x.c.test", "other"].map(match), [
    "exact",
    "longer",
    "wild",
    "any",
  ]);
});

Deno.test("match inputs stand in name order, each once", () => {
  const names = MATCH_INPUTS.map((row) => row.name);
  assertEquals(names, [...new Set(names)].sort());
});
