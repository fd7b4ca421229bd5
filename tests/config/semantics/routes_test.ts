import { action, hcm, hosts, route, TYPE, verdict } from "../builders.ts";
import { assertMatch } from "../../support/assert.ts";

function perRoute(config: string): string {
  return hosts(`name: v, domains: [a], typed_per_filter_config: { f: { ${config} } }`);
}
const EXT = `"@type": ${TYPE}envoy`;

/** Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "an unknown cluster",
    text: action("cluster: zz"),
    want: /routes\[0\]\.route\.cluster: unknown cluster "zz"/,
  },
  {
    name: "an unknown cluster that may come later",
    text: hcm(
      'route_config: { name: r, validate_clusters: false, virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: zz } }] }] }',
    ),
    want: /^ok/,
  },
  {
    name: "an unknown cluster of a split",
    text: action("weighted_clusters: { clusters: [{ name: zz, weight: 1 }] }"),
    want: /clusters\[0\]\.name: unknown cluster/,
  },
  {
    name: "a split without weights",
    text: action("weighted_clusters: { clusters: [{ name: a }] }"),
    want: /needs a weight/,
  },
  {
    name: "a split of nothing",
    text: action("weighted_clusters: { clusters: [{ name: a, weight: 0 }] }"),
    want: /must be greater than 0/,
  },
  {
    name: "a split with a name and a header",
    text: action("weighted_clusters: { clusters: [{ name: a, cluster_header: x, weight: 1 }] }"),
    want: /exactly one of name and cluster_header/,
  },
  {
    name: "a mirror to an unknown cluster",
    text: action("cluster: a, request_mirror_policies: [{ cluster: zz }]"),
    want: /request_mirror_policies\[0\]\.cluster: unknown cluster/,
  },
  {
    name: "a mirror to nowhere",
    text: action("cluster: a, request_mirror_policies: [{}]"),
    want: /exactly one of cluster and cluster_header/,
  },
  {
    name: "two rewrites",
    text: action(
      "cluster: a, prefix_rewrite: /, regex_rewrite: { pattern: { regex: a }, substitution: b }",
    ),
    want: /only one of prefix_rewrite/,
  },
  {
    name: "a domain in two hosts, in any case",
    text: hosts("name: v, domains: [a]", "name: w, domains: [A]"),
    want: /virtual_hosts\[1\]\.domains\[0\]: duplicate domain "a"/,
  },
  {
    name: "two wildcards",
    text: hosts('name: v, domains: ["*"]', 'name: w, domains: ["*"]'),
    want: /only one virtual host/,
  },
  {
    name: "two hosts of one name",
    text: hosts("name: v, domains: [a]", "name: v, domains: [b]"),
    want: /^ok/,
  },
  {
    name: "a change of :path",
    text: route(
      'match: { prefix: / }, route: { cluster: a }, request_headers_to_add: [{ header: { key: ":path", value: x } }]',
    ),
    want: /may not be changed/,
  },
  {
    name: "a removal of host",
    text: route("match: { prefix: / }, route: { cluster: a }, request_headers_to_remove: [Host]"),
    want: /may not be removed/,
  },
  {
    name: "a large direct response",
    text: route(
      `match: { prefix: / }, direct_response: { status: 200, body: { inline_string: "${
        "x".repeat(5000)
      }" } }`,
    ),
    want: /has 5000 bytes, at most 4096/,
  },
  {
    name: "a body from a file that is not there",
    text: route(
      "match: { prefix: / }, direct_response: { status: 200, body: { filename: /no/such } }",
    ),
    want: /does not exist/,
  },
  {
    name: "per-route configuration of an absent filter",
    text: perRoute(`${EXT}.extensions.filters.http.cors.v3.CorsPolicy`),
    want: /^ok/,
  },
  {
    name: "per-route configuration of no filter",
    text: perRoute(`${EXT}.config.cluster.v3.Cluster, name: a`),
    want: /is no HTTP filter's configuration/,
  },
  {
    name: "per-route configuration of a filter that takes none",
    text: perRoute(`${EXT}.extensions.filters.http.router.v3.Router`),
    want: /takes no configuration for a route/,
  },
  {
    name: "an empty FilterConfig",
    text: perRoute(`${EXT}.config.route.v3.FilterConfig`),
    want: /needs a config or disabled/,
  },
  {
    name: "a FilterConfig that switches off",
    text: perRoute(`${EXT}.config.route.v3.FilterConfig, disabled: true`),
    want: /^ok/,
  },
  {
    name: "a rule broken in per-route configuration",
    text: perRoute(`${EXT}.extensions.filters.http.buffer.v3.BufferPerRoute`),
    want: /override: one of disabled, buffer is required/,
  },
];
for (const row of ROWS) {
  Deno.test(`route: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}
