import { cluster, endpoints, TYPE, verdict } from "../builders.ts";
import { assertMatch } from "../../support/assert.ts";

const EDS = "eds_cluster_config: { eds_config: { ads: {} } }";
const LB = `typed_config: { "@type": ${TYPE}envoy.extensions`;

/** A dynamic forward proxy's type with the cache `c`. */
function forward(cache = "", more = ""): string {
  return `cluster_type: { name: envoy.clusters.dynamic_forward_proxy, ${LB}.clusters.dynamic_forward_proxy.v3.ClusterConfig, ${more} dns_cache_config: { name: c, ${cache} } } }`;
}

/** Source addresses beside the first. */
function extra(...hosts: readonly string[]): string {
  const list = hosts.map((host) => `{ address: { address: ${host}, port_value: 0 } }`);
  return `extra_source_addresses: [${list.join(", ")}]`;
}

/** Envoy 1.40's verdicts. */
const ROWS = [
  {
    name: "two of one name",
    text: "static_resources: { clusters: [{ name: a }, { name: a }] }",
    want: /clusters\[1\]\.name: duplicate cluster "a"/,
  },
  ...[
    { more: "", want: /^ok/ },
    { more: `, ${extra('"::1"')}`, want: /^ok/ },
    { more: `, ${extra("127.0.0.2")}`, want: /must be of another IP version than source_address/ },
    {
      more: `, ${extra('"::1"', '"::2"')}`,
      want: /extra_source_addresses: there can be one at most/,
    },
    {
      more: ", additional_source_addresses: [{ address: 127.0.0.2, port_value: 0 }]",
      want: /another IP/,
    },
    {
      more: `, ${extra('"::1"')}, additional_source_addresses: [{ address: "::1", port_value: 0 }]`,
      want: /extra_source_addresses are given as well/,
    },
  ].map(({ more, want }) => ({
    name: `a source address${more}`,
    text: cluster(
      `name: a, upstream_bind_config: { source_address: { address: 127.0.0.1, port_value: 0 }${more} }`,
    ),
    want,
  })),
  {
    name: "an extra source address alone",
    text: cluster(`name: a, upstream_bind_config: { ${extra('"::1"')} }`),
    want: /without source_address there can be no other/,
  },
  {
    name: "a failure refresh rate that shrinks",
    text: cluster(
      "name: a, type: STRICT_DNS, dns_failure_refresh_rate: { base_interval: 5s, max_interval: 1s }",
    ),
    want: /max_interval: it must not be less than base_interval/,
  },
  {
    name: "a DNS resolver that Envoy on Linux has not",
    text: cluster(
      `name: a, type: STRICT_DNS, typed_dns_resolver_config: { name: apple, ${LB}.network.dns_resolver.apple.v3.AppleDnsResolverConfig } }`,
    ),
    want: /typed_dns_resolver_config.*AppleDnsResolverConfig/,
  },
  {
    name: "a dynamic forward proxy",
    text: cluster(`name: a, lb_policy: CLUSTER_PROVIDED, ${forward()}`),
    want: /^ok/,
  },
  {
    name: "a dynamic forward proxy with a balancer",
    text: cluster(`name: a, lb_policy: ROUND_ROBIN, ${forward()}`),
    want: /lb_policy: .*CLUSTER_PROVIDED/,
  },
  {
    name: "a dynamic forward proxy that does not check names",
    text: cluster(
      `name: a, lb_policy: CLUSTER_PROVIDED, upstream_http_protocol_options: { auto_sni: true }, ${forward()}`,
    ),
    want: /auto_sni and auto_san_validation must be true/,
  },
  {
    name: "a dynamic forward proxy that may leave names unchecked",
    text: cluster(
      `name: a, lb_policy: CLUSTER_PROVIDED, upstream_http_protocol_options: { auto_sni: true }, ${
        forward("", "allow_insecure_cluster_options: true,")
      }`,
    ),
    want: /^ok/,
  },
  {
    name: "sub-clusters with CLUSTER_PROVIDED",
    text: cluster(
      `name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: { name: envoy.clusters.dynamic_forward_proxy, ${LB}.clusters.dynamic_forward_proxy.v3.ClusterConfig, sub_clusters_config: { lb_policy: CLUSTER_PROVIDED } } }`,
    ),
    want: /sub_clusters_config\.lb_policy: CLUSTER_PROVIDED does not go with sub-clusters/,
  },
  {
    name: "DNS caches of one name with different settings",
    text:
      `static_resources: { clusters: [{ name: a, lb_policy: CLUSTER_PROVIDED, ${forward()} }, { name: b, lb_policy: CLUSTER_PROVIDED, ${
        forward("max_hosts: 5")
      } }] }`,
    want: /clusters\[1\].*another DNS cache "c" has different settings/,
  },
  {
    name: "LOGICAL_DNS with one endpoint",
    text: cluster(`name: a, type: LOGICAL_DNS, ${endpoints("x.com")}`),
    want: /^ok/,
  },
  {
    name: "LOGICAL_DNS without endpoints",
    text: cluster("name: a, type: LOGICAL_DNS"),
    want: /exactly one locality with one endpoint/,
  },
  {
    name: "LOGICAL_DNS with two endpoints",
    text: cluster(
      `name: a, type: LOGICAL_DNS, load_assignment: { cluster_name: a, endpoints: [{ lb_endpoints: [{}, {}] }] }`,
    ),
    want: /exactly one locality with one endpoint/,
  },
  { name: "STRICT_DNS without endpoints", text: cluster("name: a, type: STRICT_DNS"), want: /^ok/ },
  {
    name: "STATIC with a name",
    text: cluster(`name: a, type: STATIC, ${endpoints("x.com")}`),
    want: /"x.com" is not an IP address \(names are resolved/,
  },
  {
    name: "STATIC with IPv6",
    text: cluster(`name: a, type: STATIC, ${endpoints('"::1"')}`),
    want: /^ok/,
  },
  {
    name: "STATIC with a service",
    text: cluster(`name: a, type: STATIC, ${endpoints("1.2.3.4", "named_port: http")}`),
    want: /needs port_value/,
  },
  {
    name: "an endpoint without an address",
    text: cluster(
      "name: a, load_assignment: { cluster_name: a, endpoints: [{ lb_endpoints: [{ endpoint: {} }] }] }",
    ),
    want: /endpoint\.address: it needs an address/,
  },
  {
    name: "EDS without its configuration",
    text: cluster("name: a, type: EDS"),
    want: /an EDS cluster needs/,
  },
  {
    name: "STATIC with an EDS configuration",
    text: cluster(`name: a, type: STATIC, ${EDS}`),
    want: /only an EDS cluster/,
  },
  {
    name: "ORIGINAL_DST with round robin",
    text: cluster("name: a, type: ORIGINAL_DST"),
    want: /brings its own balancer/,
  },
  {
    name: "ORIGINAL_DST",
    text: cluster("name: a, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED"),
    want: /^ok/,
  },
  {
    name: "ORIGINAL_DST with a header that is not looked at",
    text: cluster(
      "name: a, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, original_dst_lb_config: { http_header_name: x }",
    ),
    want: /without use_http_header/,
  },
  {
    name: "an aggregate with round robin",
    text: cluster(
      `name: a, cluster_type: { name: x, ${LB}.clusters.aggregate.v3.ClusterConfig, clusters: [b] } }`,
    ),
    want: /brings its own balancer/,
  },
  {
    name: "an aggregate of itself",
    text: cluster(
      `name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: { name: x, ${LB}.clusters.aggregate.v3.ClusterConfig, clusters: [a] } }`,
    ),
    want: /^ok/,
  },
  {
    name: "a DNS cluster with CLUSTER_PROVIDED",
    text: cluster(
      "name: a, lb_policy: CLUSTER_PROVIDED, cluster_type: { name: envoy.cluster.static }",
    ),
    want: /needs a cluster that provides/,
  },
  {
    name: "a transport socket match without its socket",
    text: cluster("name: a, transport_socket_matches: [{ name: x, match: { a: 1 } }]"),
    want: /needs its transport socket/,
  },
  {
    name: "STATIC with CLUSTER_PROVIDED",
    text: cluster("name: a, type: STATIC, lb_policy: CLUSTER_PROVIDED"),
    want: /needs a cluster that provides/,
  },
  {
    name: "a known balancer",
    text: cluster(
      `name: a, load_balancing_policy: { policies: [{ typed_extension_config: { name: x, ${LB}.load_balancing_policies.round_robin.v3.RoundRobin } } }] }`,
    ),
    want: /^ok/,
  },
  {
    name: "an unknown balancer",
    text: cluster(
      `name: a, load_balancing_policy: { policies: [{ typed_extension_config: { name: x, ${LB}.filters.http.router.v3.Router } } }] }`,
    ),
    want: /none of its policies/,
  },
  {
    name: "LOAD_BALANCING_POLICY_CONFIG alone",
    text: cluster("name: a, lb_policy: LOAD_BALANCING_POLICY_CONFIG"),
    want: /needs it/,
  },
  {
    name: "options of no known protocol",
    text: cluster(`name: a, typed_extension_protocol_options: { foo: {} }`),
    want: /no filter or protocol is named "foo"/,
  },
  {
    name: "a cluster type by name",
    text: cluster("name: a, cluster_type: { name: envoy.cluster.strict_dns }"),
    want: /^ok/,
  },
  {
    name: "names verified without an authority",
    text: cluster(
      `name: a, transport_socket: { name: tls, ${LB}.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { validation_context: { match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: a } }] } } } }`,
    ),
    want: /only with a trusted_ca/,
  },
  {
    name: "a certificate file that is not there",
    text: cluster(
      `name: a, transport_socket: { name: tls, ${LB}.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: { validation_context: { trusted_ca: { filename: /no/such.pem } } } } }`,
    ),
    want: /file "\/no\/such.pem" does not exist/,
  },
];
for (const row of ROWS) {
  Deno.test(`cluster: ${row.name}`, () => assertMatch(verdict(row.text), row.want));
}
