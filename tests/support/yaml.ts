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
