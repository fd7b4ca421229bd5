/** What Envoy refuses in a route configuration beyond the rules of its messages. */

import { assertEquals, assertMatch } from "../support/assert.ts";
import { anyHost, direct, tableProblems } from "./support.ts";

const to = (route: object, match: object = { prefix: "/" }): object => anyHost([{ match, route }]);
const host = (name: string, domains: string[]): object => ({
  name,
  domains,
  routes: [direct({ prefix: "/" }, "x")],
});
const clusters = new Set(["a"]);
const T = "type.googleapis.com/envoy.extensions.path";

const ROWS: { name: string; config: object; want: RegExp }[] = [
  {
    name: "a domain twice",
    config: { virtual_hosts: [host("1", ["a.test"]), host("2", ["A.test"])] },
    want: /Duplicate entry of domain A\.test/,
  },
  {
    name: "two wildcards",
    config: { virtual_hosts: [host("1", ["*"]), host("2", ["*"])] },
    want: /Only a single wildcard domain/,
  },
  { name: "an unknown cluster", config: to({ cluster: "nope" }), want: /unknown cluster 'nope'/ },
  {
    name: "an unknown weighted cluster",
    config: to({ weighted_clusters: { clusters: [{ name: "nope", weight: 1 }] } }),
    want: /unknown weighted cluster 'nope'/,
  },
  {
    name: "an unknown shadow cluster",
    config: to({ cluster: "a", request_mirror_policies: [{ cluster: "nope" }] }),
    want: /unknown shadow cluster 'nope'/,
  },
  {
    name: "no weight",
    config: to({ weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } }),
    want: /Sum of weights/,
  },
  {
    name: "a weighted cluster named twice",
    config: to({
      weighted_clusters: { clusters: [{ name: "a", cluster_header: "x", weight: 1 }] },
    }),
    want: /Only one of name or cluster_header/,
  },
  {
    name: "two rewrites",
    config: to({
      cluster: "a",
      prefix_rewrite: "/x",
      regex_rewrite: { pattern: { regex: "a" }, substitution: "b" },
    }),
    want: /Specify only one of/,
  },
  {
    name: "a bad regex",
    config: to({ cluster: "a" }, { safe_regex: { regex: "(" } }),
    want: /error/,
  },
  {
    name: "a long direct response",
    config: anyHost([direct({ prefix: "/" }, "x".repeat(4097))]),
    want: /response body size is 4097 bytes; maximum is 4096/,
  },
  {
    name: "a header that may not be removed",
    config: anyHost([{
      match: { prefix: "/" },
      route: { cluster: "a" },
      request_headers_to_remove: [":path"],
    }]),
    want: /may not be removed/,
  },
  {
    name: "an upgrade twice",
    config: to({
      cluster: "a",
      upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "WebSocket" }],
    }),
    want: /Duplicate upgrade/,
  },
  {
    name: "a template rewrite without a template",
    config: to({
      cluster: "a",
      path_rewrite_policy: {
        name: "r",
        typed_config: {
          "@type": `${T}.rewrite.uri_template.v3.UriTemplateRewriteConfig`,
          path_template_rewrite: "/x",
        },
      },
    }),
    want: /unable to use r extension/,
  },
  {
    name: "a bad template",
    config: to({ cluster: "a" }, {
      path_match_policy: {
        name: "m",
        typed_config: {
          "@type": `${T}.match.uri_template.v3.UriTemplateMatchConfig`,
          path_template: "/a/{b",
        },
      },
    }),
    want: /Unmatched variable bracket/,
  },
  {
    name: "max below base interval",
    config: to({
      cluster: "a",
      retry_policy: { retry_back_off: { base_interval: "1s", max_interval: "0.5s" } },
    }),
    want: /max_interval/,
  },
];

for (const row of ROWS) {
  Deno.test(`A table is refused for ${row.name}`, async () => {
    const problems = await tableProblems(row.config, { clusters });
    assertEquals(problems.length, 1, problems.join("\n"));
    assertMatch(problems[0]!, row.want);
    assertMatch(problems[0]!, /^error/);
  });
}

const SILENT_ROWS: { name: string; config: object; isDynamic?: boolean }[] = [
  {
    name: "unknown clusters with validate_clusters false",
    config: { ...to({ cluster: "nope" }), validate_clusters: false },
  },
  { name: "unknown clusters by RDS", config: to({ cluster: "nope" }), isDynamic: true },
  {
    name: "a file as body",
    config: anyHost([{
      match: { prefix: "/" },
      direct_response: { status: 200, body: { inline_bytes: "aGk=" } },
    }]),
  },
];
for (const row of SILENT_ROWS) {
  Deno.test(`A table is accepted with ${row.name}`, async () => {
    assertEquals(
      await tableProblems(row.config, { clusters, isDynamic: row.isDynamic ?? false }),
      [],
    );
  });
}

const UNSUPPORTED_ROWS: { name: string; config: object; want: RegExp }[] = [
  {
    name: "a filter nobody has",
    config: anyHost([{
      match: { prefix: "/" },
      route: { cluster: "a" },
      typed_per_filter_config: {
        f: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
          disabled: true,
        },
      },
    }]),
    want: /^unsupported_refused/,
  },
  { name: "vhds", config: { vhds: { config_source: { ads: {} } } }, want: /^unsupported_refused/ },
];
for (const row of UNSUPPORTED_ROWS) {
  Deno.test(`A table names ${row.name} as not supported`, async () => {
    const problems = await tableProblems(row.config, { clusters });
    assertEquals(problems.length, 1, problems.join("\n"));
    assertMatch(problems[0]!, row.want);
  });
}
