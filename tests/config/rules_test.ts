import {
  action,
  ADDRESS,
  cluster,
  ECHO,
  endpoints,
  hcm,
  hosts,
  httpFilter,
  listeners,
  route,
  TYPE,
  verdict,
} from "./builders.ts";
import { assertMatch } from "../support/assert.ts";

const CHECK = "unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}";
const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function options(body: string): string {
  return cluster(
    `name: a, type: STATIC, typed_extension_protocol_options: { ${OPTIONS}: { "@type": ${TYPE}${OPTIONS}, ${body} } }`,
  );
}

/** One row for each kind of rule that the descriptors carry; Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "min_len",
    text: cluster('name: ""'),
    want: /name: value length must be at least 1 characters/,
  },
  {
    name: "required oneof",
    text: hcm("add_user_agent: true"),
    want: /route_specifier: one of rds, route_config/,
  },
  {
    name: "required oneof of an address",
    text: cluster(
      "name: a, upstream_bind_config: {}, load_assignment: { cluster_name: a, endpoints: [{ lb_endpoints: [{ endpoint: { address: {} } }] }] }",
    ),
    want: /address: one of socket_address, pipe/,
  },
  {
    name: "number lte",
    text: cluster(`name: a, ${endpoints("1.2.3.4", "port_value: 70000")}`),
    want: /less than or equal to 65535/,
  },
  {
    name: "enum defined_only",
    text: cluster("name: a, lb_policy: 4"),
    want: /one of the defined enum values/,
  },
  {
    name: "enum by number",
    text: route("match: { prefix: / }, redirect: { response_code: 999 }"),
    want: /defined enum values/,
  },
  {
    name: "list min_items",
    text: hosts("name: v, domains: []"),
    want: /domains: value must contain at least 1 item/,
  },
  {
    name: "list of patterns",
    text: hosts('name: v, domains: ["a\\nb"]'),
    want: /domains\[0\]: value does not match the pattern/,
  },
  {
    name: "required message",
    text: route("route: { cluster: a }"),
    want: /routes\[0\]\.match: value is required/,
  },
  {
    name: "required message of a oneof",
    text: route("match: { prefix: / }"),
    want: /action: one of route, redirect/,
  },
  {
    name: "number range",
    text: route("match: { prefix: / }, direct_response: { status: 600 }"),
    want: /status: value must be inside range \[200, 600\)/,
  },
  {
    name: "header name",
    text: route(
      'match: { prefix: / }, direct_response: { status: 200 }, request_headers_to_remove: ["a b\\n"]',
    ),
    want: /request_headers_to_remove\[0\]: value does not match/,
  },
  {
    name: "empty header key",
    text: route(
      'match: { prefix: / }, direct_response: { status: 200 }, response_headers_to_add: [{ header: { key: "", value: a } }]',
    ),
    want: /key: value length/,
  },
  {
    name: "wrapper required",
    text: httpFilter("buffer.v3.Buffer"),
    want: /max_request_bytes: value is required/,
  },
  {
    name: "wrapper greater than",
    text: httpFilter("buffer.v3.Buffer", "max_request_bytes: 0"),
    want: /value must be greater than 0/,
  },
  {
    name: "duration required",
    text: cluster(`name: a, health_checks: [{ interval: 1s, ${CHECK} }]`),
    want: /timeout: value is required/,
  },
  {
    name: "duration greater than",
    text: cluster(`name: a, health_checks: [{ timeout: 1s, interval: 0s, ${CHECK} }]`),
    want: /interval: value must be greater than 0s/,
  },
  {
    name: "wrapper lte",
    text: cluster("name: a, outlier_detection: { max_ejection_percent: 101 }"),
    want: /less than or equal to 100/,
  },
  {
    name: "64-bit lte",
    text: cluster(
      "name: a, lb_policy: RING_HASH, ring_hash_lb_config: { minimum_ring_size: 9000000 }",
    ),
    want: /less than or equal to 8388608/,
  },
  {
    name: "a rule in a nested list",
    text: listeners(
      `${ADDRESS}, filter_chains: [{ filters: [${
        ECHO.replace("name: echo", 'name: x, name: ""')
      }] }]`,
    ),
    want: /filters\[0\]\.name: value length/,
  },
  {
    name: "a rule on a CIDR range",
    text: listeners(
      `${ADDRESS}, filter_chains: [{ filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.0, prefix_len: 129 }] }, filters: [${ECHO}] }]`,
    ),
    want: /prefix_len: value must be less than or equal to 128/,
  },
  {
    name: "a rule in the message of an Any",
    text: options(
      "explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 0 } }",
    ),
    want: /value must be inside range \[1, 2147483647\]/,
  },
  {
    name: "a required oneof in the message of an Any",
    text: options(""),
    want: /upstream_protocol_options: one of/,
  },
  {
    name: "a percentage without a rule",
    text: hcm("route_config: { name: r }, tracing: { random_sampling: { value: 200 } }"),
    want: /value must be inside range \[0, 100\]/,
  },
  {
    name: "weighted clusters without one",
    text: action("weighted_clusters: { clusters: [] }"),
    want: /clusters: value must contain at least 1 item/,
  },
];
for (const row of ROWS) {
  Deno.test(`rule ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}

Deno.test("a field that 1.40 refuses by default is allowed by its runtime key", () => {
  const limits =
    "rate_limits: [{ actions: [{ dynamic_metadata: { descriptor_key: a, metadata_key: { key: b, path: [{ key: c }] } } }] }]";
  const text = action(`cluster: a, ${limits}`);
  assertMatch(verdict(text), /"dynamic_metadata" is deprecated and refused/);
  const key = '"envoy.deprecated_features:envoy.config.route.v3.RateLimit.Action.dynamic_metadata"';
  const layer = `layered_runtime: { layers: [{ name: a, static_layer: { ${key}: true } }] }`;
  assertMatch(verdict(`${text}\n${layer}`), /^ok/);
});
