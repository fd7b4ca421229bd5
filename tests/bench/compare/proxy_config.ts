/** The one bootstrap that Envoy and denvoy both run. */

/** What a scenario may connect to. */
export type Listener = "plain" | "tls" | "edge" | "to_h2";

export interface BootstrapOptions {
  /** Holds cert.pem and key.pem. */
  readonly dir: string;
  readonly ports: Readonly<Record<Listener | "admin", number>>;
  readonly h1Upstream: number;
  readonly h2Upstream: number;
  readonly accessLogPath: string;
}

const EXTENSIONS = "type.googleapis.com/envoy.extensions.";
const LIMIT = 100_000;
const EDGE_ROUTES = 50;

/** Builds the bootstrap; JSON is YAML. */
export function bootstrap(options: BootstrapOptions): string {
  const { dir, ports } = options;
  const toH1 = catchAll("h1");
  return JSON.stringify({
    admin: { address: loopback(ports.admin) },
    static_resources: {
      listeners: [
        listener("plain", ports.plain, connectionManager([toH1])),
        listener("tls", ports.tls, connectionManager([toH1]), downstreamTls(dir)),
        listener(
          "edge",
          ports.edge,
          connectionManager([...tenantRoutes(), toH1], options.accessLogPath),
          downstreamTls(dir),
        ),
        listener("to_h2", ports.to_h2, connectionManager([catchAll("h2")])),
      ],
      clusters: [
        cluster("h1", options.h1Upstream),
        { ...cluster("h2", options.h2Upstream), typed_extension_protocol_options: HTTP2_UPSTREAM },
      ],
    },
  });
}

const HTTP2_UPSTREAM = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": `${EXTENSIONS}upstreams.http.v3.HttpProtocolOptions`,
    explicit_http_config: { http2_protocol_options: {} },
  },
};

function loopback(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function catchAll(to: string): object {
  return { match: { prefix: "/" }, route: { cluster: to } };
}

/** Routes that the edge scenarios have to look at before the last one matches. */
function tenantRoutes(): object[] {
  return Array.from({ length: EDGE_ROUTES }, (_, i) => ({
    match: {
      prefix: `/api/v${i}/`,
      headers: [{ name: "x-tenant", string_match: { exact: `t${i}` } }],
    },
    route: { cluster: "h1" },
  }));
}

function connectionManager(routes: readonly object[], accessLogPath?: string): object {
  const accessLog = {
    name: "envoy.access_loggers.file",
    typed_config: {
      "@type": `${EXTENSIONS}access_loggers.file.v3.FileAccessLog`,
      path: accessLogPath,
    },
  };
  return {
    name: "envoy.filters.network.http_connection_manager",
    typed_config: {
      "@type": `${EXTENSIONS}filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: "ingress",
      use_remote_address: true,
      access_log: accessLogPath === undefined ? [] : [accessLog],
      route_config: { name: "r", virtual_hosts: [{ name: "v", domains: ["*"], routes }] },
      http_filters: [{
        name: "envoy.filters.http.router",
        typed_config: { "@type": `${EXTENSIONS}filters.http.router.v3.Router` },
      }],
    },
  };
}

function listener(name: string, port: number, filter: object, socket?: object): object {
  const chain = { filters: [filter] };
  return {
    name,
    address: loopback(port),
    filter_chains: [socket === undefined ? chain : { ...chain, transport_socket: socket }],
  };
}

function downstreamTls(dir: string): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${EXTENSIONS}transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: {
        alpn_protocols: ["h2", "http/1.1"],
        tls_certificates: [{
          certificate_chain: { filename: `${dir}/cert.pem` },
          private_key: { filename: `${dir}/key.pem` },
        }],
      },
    },
  };
}

function cluster(name: string, port: number): object {
  return {
    name,
    type: "STATIC",
    connect_timeout: "2s",
    circuit_breakers: {
      thresholds: [{ max_connections: LIMIT, max_pending_requests: LIMIT, max_requests: LIMIT }],
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(port) } }] }],
    },
  };
}
