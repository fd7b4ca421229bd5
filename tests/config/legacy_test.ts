import { ADDRESS, cluster, errors, hosts, listeners, route } from "./builders.ts";
import { assertMatch } from "../support/assert.ts";

const V2_TLS = "envoy.api.v2.auth.UpstreamTlsContext";

/** What v2 and early v3 files say, and the v3 spelling each gets. */
const ROWS = [
  { name: "hosts", text: cluster("name: a, hosts: []"), want: /in v3: load_assignment/ },
  {
    name: "a cluster's tls_context",
    text: cluster("name: a, tls_context: {}"),
    want: /v3.UpstreamTlsContext/,
  },
  {
    name: "a chain's tls_context",
    text: listeners(`${ADDRESS}, filter_chains: [{ tls_context: {} }]`),
    want: /v3.DownstreamTlsContext/,
  },
  {
    name: "config",
    text: listeners(`${ADDRESS}, filter_chains: [{ filters: [{ name: x, config: {} }] }]`),
    want: /write typed_config/,
  },
  {
    name: "regex",
    text: route("match: { regex: .* }, route: { cluster: a }"),
    want: /safe_regex: \{ regex/,
  },
  {
    name: "request_mirror_policy",
    text: route("match: { prefix: / }, route: { cluster: a, request_mirror_policy: {} }"),
    want: /in v3: request_mirror_policies/,
  },
  {
    name: "per_filter_config",
    text: route("match: { prefix: / }, route: { cluster: a }, per_filter_config: {}"),
    want: /typed_per_filter_config/,
  },
  {
    name: "virtual clusters by pattern",
    text: hosts("name: v, domains: [a], virtual_clusters: [{ name: x, pattern: a }]"),
    want: /':path', string_match/,
  },
  { name: "runtime", text: "runtime: { symlink_root: /x }", want: /in v3: layered_runtime/ },
  {
    name: "extension_protocol_options",
    text: cluster("name: a, extension_protocol_options: {}"),
    want: /typed_extension_protocol_options/,
  },
  {
    name: "a v2 type",
    text: cluster(
      `name: a, transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/${V2_TLS} } }`,
    ),
    want:
      /in v3: "type.googleapis.com\/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"/,
  },
];
for (const row of ROWS) {
  Deno.test(`v2 form ${row.name} is refused with the v3 spelling`, () => {
    assertMatch(errors(row.text).join("\n"), row.want);
  });
}
