/**
 * The proxy of the chaos test. Its times are wide, so that a machine that halts for a second causes
 * retries, not errors: a request has 10 tries of 1 s within 60 s, and a check fails a host only after
 * 3 that fail in a row.
 */

import { anyHostYaml, httpListenerYaml, localYaml } from "../yaml.ts";

/** The one name that all clusters resolve. */
export const UPSTREAM_NAME = "upstreams.chaos.test";
/** Higher than any load here: what is tested is that they come back to their start. */
export const BREAKER_LIMIT = 8000;
export const CLUSTERS = ["h1", "h2", "tcp"] as const;
/** Log files under the proxy's folder. */
export const HEALTH_LOG = "health.log";
export const OUTLIER_LOG = "outlier.log";

const TYPES = "type.googleapis.com/envoy.extensions";
const HTTP_OPTIONS = `${TYPES}.upstreams.http.v3.HttpProtocolOptions`;
const CARES = `${TYPES}.network.dns_resolver.cares.v3.CaresDnsResolverConfig`;
const PREVIOUS_HOSTS = `${TYPES}.retry.host.previous_hosts.v3.PreviousHostsPredicate`;

const HTTP_CHECK = "http_health_check: { path: /health }";
const HTTP2_CHECK = "http_health_check: { path: /health, codec_client_type: HTTP2 }";
/** The echo of "ping". */
const TCP_CHECK = "tcp_health_check: { send: { text: 70696e67 }, receive: [{ text: 70696e67 }] }";

interface ClusterOptions {
  readonly port: string;
  readonly check: string;
  readonly more?: string;
}

function cluster(name: string, { port, check, more = "" }: ClusterOptions): string {
  return `
  - name: ${name}
    type: STRICT_DNS
    connect_timeout: 20s
    dns_lookup_family: V4_ONLY
    dns_refresh_rate: 0.5s
    dns_failure_refresh_rate: { base_interval: 0.25s, max_interval: 0.5s }
    # A host leaves with its name, also while its checks pass.
    ignore_health_on_host_removal: true
    typed_dns_resolver_config:
      name: envoy.network.dns_resolver.cares
      typed_config:
        "@type": ${CARES}
        resolvers: [{ socket_address: { address: 127.0.0.1, port_value: {{dns}} } }]
        dns_resolver_options: { no_default_search_domain: true }
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: { socket_address: { address: ${UPSTREAM_NAME}, port_value: {{${port}}} } }
    circuit_breakers:
      thresholds:
      - max_connections: ${BREAKER_LIMIT}
        max_pending_requests: ${BREAKER_LIMIT}
        max_requests: ${BREAKER_LIMIT}
        max_retries: ${BREAKER_LIMIT}
        track_remaining: true
    outlier_detection:
      consecutive_5xx: 5
      interval: 0.5s
      base_ejection_time: 1s
      max_ejection_percent: 67
      # Else a host that passes its checks but resets requests would be back at once.
      successful_active_health_check_uneject_host: false
    health_checks:
    - timeout: 1s
      interval: 0.25s
      no_traffic_interval: 0.25s
      unhealthy_threshold: 3
      healthy_threshold: 1
      ${check}
      event_log_path: "{{dir}}/${HEALTH_LOG}"${more}`;
}

const httpOptions = (protocol: string): string => `
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": ${HTTP_OPTIONS}
        common_http_protocol_options: { idle_timeout: 2s }
        explicit_http_config: { ${protocol}: {} }`;

const route = (name: string): string => `
              - match: { prefix: /${name}/ }
                route:
                  cluster: ${name}
                  timeout: 60s
                  retry_policy:
                    retry_on: connect-failure,reset,gateway-error
                    num_retries: 9
                    per_try_timeout: 1s
                    retry_back_off: { base_interval: 0.01s, max_interval: 0.1s }
                    host_selection_retry_max_attempts: 10
                    retry_host_predicate:
                    - name: envoy.retry_host_predicates.previous_hosts
                      typed_config: { "@type": ${PREVIOUS_HOSTS} }`;

const HTTP_LISTENER = httpListenerYaml({
  name: "http",
  statPrefix: "http",
  hosts: anyHostYaml(route("h1") + route("h2")),
});

/** For `startProxy`; wants the ports dns, up1, up2 and up3. */
export const CHAOS_CONFIG = `
admin: { address: ${localYaml("admin")} }
cluster_manager: { outlier_detection: { event_log_path: "{{dir}}/${OUTLIER_LOG}" } }
static_resources:
  listeners:${HTTP_LISTENER}
  - name: tcp
    stat_prefix: tcp
    address: ${localYaml("tcp")}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": ${TYPES}.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: tcp
          max_connect_attempts: 5
          idle_timeout: 5s
  clusters:${
  cluster("h1", { port: "up1", check: HTTP_CHECK, more: httpOptions("http_protocol_options") })
}
${cluster("h2", { port: "up2", check: HTTP2_CHECK, more: httpOptions("http2_protocol_options") })}
${cluster("tcp", { port: "up3", check: TCP_CHECK })}
`;
