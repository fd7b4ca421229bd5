/**
 * The transport sockets of a cluster: its own, and those of `transport_socket_matches`, which
 * metadata of endpoints and localities choose (Envoy's transport_socket_match_impl.cc).
 */

import type { Problems } from "../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_TransportSocket,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { clusterStatName } from "./cluster_info.ts";
import { valueText } from "./lb/subset_criteria.ts";
import { type ProxyTransport, unwrapProxy } from "./proxy_transport.ts";
import type { ClientTls, TlsCompiler } from "./transport.ts";

const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
/** The metadata that is looked at. */
const NAMESPACE = "envoy.transport_socket_match";

/** Metadata by filter name. */
export type FilterMetadata = { readonly [filter: string]: unknown } | undefined;

/** How connections to some hosts of a cluster are made. */
export interface TransportSocket {
  readonly tls: ClientTls | undefined;
  /** Undefined: no PROXY header is written. */
  readonly proxy: ProxyTransport | undefined;
}

/** Which of a cluster's matches a host has; without sockets, so that main can count. */
export class SocketMatches {
  /** Of the matches in their order, then the cluster's own. */
  readonly names: readonly string[];
  readonly #labels: readonly (readonly (readonly [key: string, text: string])[])[];

  constructor(cluster: envoy_config_cluster_v3_Cluster) {
    const matches = cluster.transportSocketMatches;
    this.names = [...matches.map(({ name }) => name), "default"];
    this.#labels = matches.map(({ match }) =>
      Object.entries(match ?? {}).map(([key, value]) => [key, valueText(value)] as const)
    );
  }

  /** @returns the index of a name: what an endpoint says wins over what its locality says */
  indexOf(endpoint: FilterMetadata, locality: FilterMetadata): number {
    const labels = this.#labels;
    if (labels.length === 0) return 0;
    for (const metadata of [endpoint, locality]) {
      const values = metadata?.[NAMESPACE] as FilterMetadata;
      const index = labels.findIndex((wanted) =>
        wanted.every(([key, text]) => has(values, key, text))
      );
      if (index >= 0) return index;
    }
    return labels.length;
  }
}

function has(values: FilterMetadata, key: string, text: string): boolean {
  return values !== undefined && Object.hasOwn(values, key) && valueText(values[key]) === text;
}

/** A cluster's sockets, compiled. */
export class TransportSockets {
  readonly matches: SocketMatches;
  readonly #sockets: readonly TransportSocket[];
  /** Metadata as of an endpoint that health checks pretend to go to. */
  readonly #checkMetadata: FilterMetadata;

  constructor(
    cluster: envoy_config_cluster_v3_Cluster,
    parts: { readonly context: CompileContext; readonly compileTls: TlsCompiler },
  ) {
    this.matches = new SocketMatches(cluster);
    const all = [
      ...cluster.transportSocketMatches.map(({ transportSocket }) => transportSocket),
      cluster.transportSocket,
    ];
    this.#sockets = all.map((socket) => compileSocket(cluster, socket, parts));
    const criteria = cluster.healthChecks[0]?.transportSocketMatchCriteria;
    this.#checkMetadata = criteria === undefined ? undefined : { [NAMESPACE]: criteria };
  }

  /** Whether every connection of the cluster can negotiate its protocol. */
  get areAllTls(): boolean {
    return this.#sockets.every(({ tls }) => tls !== undefined);
  }

  /** The socket for a host with this metadata. */
  socketOf(endpoint: FilterMetadata, locality: FilterMetadata): TransportSocket {
    return this.#sockets[this.matches.indexOf(endpoint, locality)]!;
  }

  /**
   * The socket for health checks of a host, where they have criteria of their own.
   * @returns with the name it is counted under
   */
  socketForChecks(locality: FilterMetadata): (TransportSocket & { name: string }) | undefined {
    if (this.#checkMetadata === undefined) return undefined;
    const index = this.matches.indexOf(this.#checkMetadata, locality);
    return { ...this.#sockets[index]!, name: this.matches.names[index]! };
  }
}

function compileSocket(
  cluster: envoy_config_cluster_v3_Cluster,
  socket: envoy_config_core_v3_TransportSocket | undefined,
  parts: { readonly context: CompileContext; readonly compileTls: TlsCompiler },
): TransportSocket {
  const { proxy, inner } = unwrapProxy(socket);
  const { context, compileTls } = parts;
  const config = inner?.configType.value;
  if (proxy !== undefined && inner !== undefined && config === undefined) {
    const text = `Didn't find a registered implementation for '${inner.name}' with type URL: ''`;
    context.problems.error(inner, "name", text);
  }
  if (inner === undefined || config === undefined || config.$typeName === RAW_BUFFER) {
    return { proxy, tls: undefined };
  }
  if (config.$typeName === UPSTREAM_TLS) {
    return { proxy, tls: compileTls(config, context, clusterStatName(cluster)) };
  }
  refuse(inner, config.$typeName, context.problems);
  return { proxy, tls: undefined };
}

function refuse(socket: object, typeName: string, problems: Problems): void {
  problems.unsupported(socket, "typed_config", `connections are made without ${typeName}`, true);
}
