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

/** An address on 127.0.0.1 whose port is `{{name}}`. */
export function localYaml(name: string): string {
  return `{ socket_address: { address: 127.0.0.1, port_value: {{${name}}} } }`;
}

/** A static cluster of one host on 127.0.0.1, whose port is `{{name}}`; `more` fields follow. */
export function clusterYaml(name: string, more = ""): string {
  return `
  - name: ${name}
    type: STATIC
    connect_timeout: 2s${more}
    load_assignment:
      cluster_name: ${name}
      endpoints: [{ lb_endpoints: [{ endpoint: { address: ${localYaml(name)} } }] }]`;
}

/** A virtual host that takes every name; items of `routes` are indented by 14 columns. */
export function anyHostYaml(routes: string): string {
  return `
            - name: v
              domains: ["*"]
              routes:
${routes}`;
}

/** Speaks TLS on a filter chain, with the certificate in the folder `certs`. */
export function tlsChainYaml(certs: string): string {
  return `
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates: [{ certificate_chain: { filename: ${certs}/cert.pem }, private_key: { filename: ${certs}/key.pem } }]`;
}

/** What may differ from one HTTP listener to the next. Lines of YAML begin with a line break. */
export interface HttpListenerParts {
  readonly name: string;
  /** `{{name}}` of 127.0.0.1 if absent. */
  readonly address?: string;
  /** Of the connection manager's statistics; `ingress` if absent. */
  readonly statPrefix?: string;
  /** Items of `virtual_hosts`, indented by 12 columns. */
  readonly hosts: string;
  /** More fields of the listener, indented by 4 columns. */
  readonly listener?: string;
  /** More fields of its filter chain, indented by 6 columns. */
  readonly chain?: string;
  /** More fields of the connection manager, indented by 10 columns. */
  readonly manager?: string;
}

/** A listener whose connection manager has the router alone. */
export function httpListenerYaml(parts: HttpListenerParts): string {
  const { name, address = localYaml(name), statPrefix = "ingress", hosts } = parts;
  const { listener = "", chain = "", manager = "" } = parts;
  return `
  - name: ${name}
    address: ${address}${listener}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": ${HCM}
          stat_prefix: ${statPrefix}${manager}
          route_config:
            name: r
            virtual_hosts:${hosts}
          http_filters: [{ name: envoy.filters.http.router, typed_config: { "@type": ${ROUTER} } }]${chain}`;
}

/** A bootstrap with admin on `{{admin}}`. */
export function bootstrapYaml(listeners: string, clusters: string): string {
  return `
admin: { address: ${localYaml("admin")} }
static_resources:
  listeners:${listeners}
  clusters:${clusters}
`;
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
  const { routes, clusters, manager = "" } = parts;
  const hosts = anyHostYaml(routes);
  return bootstrapYaml(
    httpListenerYaml({ name: "plain", hosts, manager: `\n${manager}` }),
    clusters,
  );
}
