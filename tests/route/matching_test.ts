/** Route conditions, as the conformance group "matching" shows them. */

import type { HeaderMap } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { answer, anyHost, direct, request, routeTable } from "./support.ts";

const TEMPLATE =
  "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const template = (path: string): object => ({
  path_match_policy: {
    name: "envoy.path.match.uri_template.uri_template_matcher",
    typed_config: { "@type": TEMPLATE, path_template: path },
  },
});

const TABLE = anyHost([
  direct({ path: "/exact" }, "exact"),
  direct({ path: "/Nocase", case_sensitive: false }, "nocase path"),
  direct({ prefix: "/order/first" }, "first"),
  direct({ prefix: "/order" }, "second"),
  direct({ path: "/order/exact" }, "never"),
  direct({ prefix: "/prefix" }, "prefix"),
  direct({ prefix: "/NOCASE-prefix", case_sensitive: false }, "nocase prefix"),
  direct({ path_separated_prefix: "/sep" }, "sep"),
  direct({ safe_regex: { regex: "/re/[0-9]+" } }, "regex"),
  direct(template("/tpl/{id}/**"), "template"),
  direct(template("/one/*/x"), "template star"),
  direct({ connect_matcher: {} }, "connect"),
  direct(
    { prefix: "/h", headers: [{ name: "x-h", string_match: { exact: "Val" } }] },
    "header",
  ),
  direct(
    { prefix: "/q", query_parameters: [{ name: "a", string_match: { exact: "1" } }] },
    "query",
  ),
  direct({ prefix: "/frac/none", runtime_fraction: { default_value: { numerator: 0 } } }, "never"),
  direct({ prefix: "/frac/all", runtime_fraction: { default_value: { numerator: 100 } } }, "all"),
  direct(
    {
      prefix: "/frac/runtime",
      runtime_fraction: { default_value: { numerator: 0 }, runtime_key: "route.on" },
    },
    "runtime",
  ),
  direct({ prefix: "/grpc", grpc: {} }, "grpc"),
  direct({ prefix: "/tls", tls_context: { presented: true } }, "presented"),
  direct({ prefix: "/cookie", cookies: [{ name: "c", string_match: { exact: "v" } }] }, "cookie"),
]);

const type = (value: string): HeaderMap => request("/grpc", { headers: [["content-type", value]] });

const ROWS: { name: string; request: HeaderMap; want: string }[] = [
  { name: "path: equal", request: request("/exact"), want: "exact" },
  { name: "path: query apart", request: request("/exact?x=1"), want: "exact" },
  { name: "path: longer", request: request("/exact/more"), want: "404" },
  { name: "path: letter case", request: request("/EXACT"), want: "404" },
  { name: "path: case_sensitive false", request: request("/nOCASE"), want: "nocase path" },
  { name: "prefix: longer path", request: request("/prefixed/path"), want: "prefix" },
  { name: "prefix: folded", request: request("/nocase-PREFIX/x"), want: "nocase prefix" },
  { name: "prefix: only in the query", request: request("/?/prefix"), want: "404" },
  { name: "the first match wins", request: request("/order/first"), want: "first" },
  { name: "a later exact one loses", request: request("/order/exact"), want: "second" },
  { name: "separated prefix: itself", request: request("/sep"), want: "sep" },
  { name: "separated prefix: below", request: request("/sep/x"), want: "sep" },
  { name: "separated prefix: query", request: request("/sep?x"), want: "sep" },
  { name: "separated prefix: in a word", request: request("/separate"), want: "404" },
  { name: "regex: whole path", request: request("/re/123?x=y"), want: "regex" },
  { name: "regex: anchored", request: request("/re/123x"), want: "404" },
  { name: "template: rest", request: request("/tpl/42/a/b"), want: "template" },
  { name: "template: too short", request: request("/tpl"), want: "404" },
  { name: "template: star", request: request("/one/two/x"), want: "template star" },
  { name: "template: star takes one", request: request("/one/two/three/x"), want: "404" },
  {
    name: "CONNECT without a path",
    request: request("", { method: "CONNECT", host: "a:443" }),
    want: "connect",
  },
  { name: "no path, no CONNECT", request: request("", { method: "GET" }), want: "404" },
  {
    name: "header",
    request: request("/h", { headers: [["x-h", "Val"]] }),
    want: "header",
  },
  { name: "header missing", request: request("/h"), want: "404" },
  { name: "query", request: request("/q?b=2&a=1"), want: "query" },
  { name: "query: escaped", request: request("/q?a=%31"), want: "404" },
  { name: "fraction none", request: request("/frac/none"), want: "404" },
  { name: "fraction all", request: request("/frac/all"), want: "all" },
  { name: "fraction by runtime", request: request("/frac/runtime"), want: "runtime" },
  { name: "grpc", request: type("application/grpc"), want: "grpc" },
  { name: "grpc+proto", request: type("application/grpc+proto"), want: "grpc" },
  { name: "grpc-web", request: type("application/grpc-web"), want: "404" },
  { name: "certificate on plain text", request: request("/tls"), want: "404" },
  {
    name: "cookie",
    request: request("/cookie", { headers: [["cookie", "a=b; c=v"]] }),
    want: "cookie",
  },
];

for (const row of ROWS) {
  Deno.test(`A route matches by ${row.name}`, async () => {
    const table = await routeTable(TABLE, { runtime: new Map([["route.on", 100]]) });
    assertEquals(answer(table, row.request), row.want);
  });
}

Deno.test("A run of exact paths is looked up in order, conditions and all", async () => {
  const table = await routeTable(anyHost([
    direct({ path: "/a", headers: [{ name: "x-h" }] }, "a with header"),
    direct({ path: "/b" }, "b"),
    direct({ path: "/a" }, "a"),
    direct({ path: "/c" }, "c"),
    direct({ path: "/a" }, "never"),
    direct({ prefix: "/" }, "rest"),
    direct({ path: "/d" }, "never"),
  ]));
  assertEquals(answer(table, request("/a", { headers: [["x-h", ""]] })), "a with header");
  assertEquals(answer(table, request("/a?q")), "a");
  assertEquals(answer(table, request("/c")), "c");
  assertEquals(answer(table, request("/d")), "rest");
});

Deno.test("Path parameters are left out where the table says so", async () => {
  const config = {
    ...anyHost([direct({ path: "/a" }, "a")]),
    ignore_path_parameters_in_path_matching: true,
  };
  const table = await routeTable(config);
  assertEquals(answer(table, request("/a;v=1?x")), "a");
});

Deno.test("A matcher tree yields routes and falls through to 404", async () => {
  const table = await routeTable({
    virtual_hosts: [{
      name: "v",
      domains: ["*"],
      matcher: {
        matcher_tree: {
          input: {
            name: "request-headers",
            typed_config: {
              "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
              header_name: ":path",
            },
          },
          exact_match_map: {
            map: {
              "/hit": {
                action: {
                  name: "route",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.config.route.v3.Route",
                    ...direct({ prefix: "/" }, "tree"),
                  },
                },
              },
            },
          },
        },
      },
    }],
  });
  assertEquals(answer(table, request("/hit")), "tree");
  assertEquals(answer(table, request("/miss")), "404");
});
