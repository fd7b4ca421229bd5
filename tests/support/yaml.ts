/** Pieces of bootstrap files, as YAML text, that several tests put together. */

/** Types by their full names, for `@type`. */
export const HCM =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
export const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** Makes a cluster speak HTTP/2. */
export const H2 = `
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { http2_protocol_options: {} }`;

/** A static cluster of one host on 127.0.0.1, whose port is `{{name}}`. */
export function clusterYaml(name: string, protocol = ""): string {
  return `
  - name: ${name}
    type: STATIC
    connect_timeout: 2s${protocol}
    load_assignment:
      cluster_name: ${name}
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{${name}}} } } } }] }]`;
}

/** A bootstrap with admin and one HTTP listener on `{{plain}}`, whose one host takes every name. */
export function httpProxyYaml(parts: {
  /** Items of `routes`, indented by 14 columns. */
  readonly routes: string;
  /** Items of `clusters`. */
  readonly clusters: string;
  /** More fields of the connection manager, indented by 10 columns. */
  readonly manager?: string;
}): string {
  return `
admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{admin}} } } }
static_resources:
  listeners:
  - name: plain
    address: { socket_address: { address: 127.0.0.1, port_value: {{plain}} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": ${HCM}
          stat_prefix: ingress
${parts.manager ?? ""}
          route_config:
            name: r
            virtual_hosts:
            - name: v
              domains: ["*"]
              routes:
${parts.routes}
          http_filters: [{ name: envoy.filters.http.router, typed_config: { "@type": ${ROUTER} } }]
  clusters:${parts.clusters}
`;
}
