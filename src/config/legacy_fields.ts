/** The v3 spelling of fields that Envoy took away: v2 and early v3 files are full of them. */

const TYPED_CONFIG = 'write typed_config: { "@type": type.googleapis.com/…, … } instead';
const TLS_SOCKET =
  'in v3: transport_socket: { name: envoy.transport_sockets.tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.';

/** By `<short message name>.<field>`, or by `.<field>` in any message. */
const HINTS: Readonly<Record<string, string>> = {
  ".config": TYPED_CONFIG,
  ".per_filter_config": 'in v3: typed_per_filter_config, each value with its "@type"',
  ".google_re2": "in v3: safe_regex: { regex: … }",
  "Admin.access_log_path": "in v3: access_log, a list of loggers",
  "Bootstrap.runtime": "in v3: layered_runtime: { layers: […] }",
  "Bootstrap.tracing": "in v3: tracing of the HTTP connection manager",
  "CertificateValidationContext.verify_subject_alt_name": "in v3: match_typed_subject_alt_names",
  "CertificateValidationContext.match_subject_alt_names": "in v3: match_typed_subject_alt_names",
  "Cluster.extension_protocol_options":
    'in v3: typed_extension_protocol_options, each with its "@type"',
  "Cluster.hosts":
    "in v3: load_assignment: { cluster_name: …, endpoints: [{ lb_endpoints: [{ endpoint: { address: … } }] }] }",
  "Cluster.tls_context": `${TLS_SOCKET}UpstreamTlsContext, … } }`,
  "CorsPolicy.allow_origin": "in v3: allow_origin_string_match: [{ exact: … }]",
  "CorsPolicy.allow_origin_regex":
    "in v3: allow_origin_string_match: [{ safe_regex: { regex: … } }]",
  "CorsPolicy.enabled": "in v3: filter_enabled: { default_value: { numerator: 100 } }",
  "FilterChain.tls_context": `${TLS_SOCKET}DownstreamTlsContext, … } }`,
  "FilterChain.use_proxy_proto": "in v3: the listener filter envoy.filters.listener.proxy_protocol",
  "FilterChainMatch.sni_domains": "in v3: server_names",
  "HeaderMatcher.exact_match": "in v3: string_match: { exact: … }",
  "HeaderMatcher.regex_match": "in v3: string_match: { safe_regex: { regex: … } }",
  "HeaderMatcher.regex": "in v3: string_match: { safe_regex: { regex: … } }",
  "HeaderMatcher.value": "in v3: string_match: { exact: … }",
  "HttpConnectionManager.idle_timeout": "in v3: common_http_protocol_options: { idle_timeout: … }",
  "HttpHealthCheck.service_name": "in v3: service_name_matcher: { prefix: … }",
  "HttpHealthCheck.use_http2": "in v3: codec_client_type: HTTP2",
  "Listener.deprecated_v1": "in v3: bind_to_port on the listener itself",
  "Listener.use_proxy_proto": "in v3: the listener filter envoy.filters.listener.proxy_protocol",
  "QueryParameterMatcher.value": "in v3: string_match: { exact: … }",
  "QueryParameterMatcher.regex": "in v3: string_match: { safe_regex: { regex: … } }",
  "RouteAction.auto_host_rewrite_header": "in v3: host_rewrite_header",
  "RouteAction.request_mirror_policy": "in v3: request_mirror_policies, a list",
  "RouteAction.request_headers_to_add": "in v3: request_headers_to_add of the route",
  "RouteMatch.regex": "in v3: safe_regex: { regex: … }",
  "StringMatcher.regex": "in v3: safe_regex: { regex: … }",
  "Tracing.operation_name": "in v3: traffic_direction of the listener",
  "Tracing.request_headers_for_tags": "in v3: custom_tags",
  "VirtualCluster.method": "in v3: headers: [{ name: ':method', string_match: { exact: … } }]",
  "VirtualCluster.pattern":
    "in v3: headers: [{ name: ':path', string_match: { safe_regex: { regex: … } } }]",
};

/** How v3 says what this unknown or refused field said, if it was one of ours once. */
export function legacyHint(typeName: string, field: string): string | undefined {
  const short = typeName.slice(typeName.lastIndexOf(".") + 1);
  return HINTS[`${short}.${field}`] ??
    (Object.hasOwn(HINTS, `.${field}`) ? HINTS[`.${field}`] : undefined);
}
