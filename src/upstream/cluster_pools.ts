/** The pools of a cluster's hosts on one thread: which one takes a request, and how it is made. */

import { ipVersion } from "../matching/mod.ts";
import type { Dispatcher, Problems } from "../base/mod.ts";
import type { Protocol } from "../http/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../proto/mod.ts";
import type { PendingStream, Priority, StreamRequest, TcpRequest } from "./api.ts";
import { perHostConnectionLimit, type SharedBreaker } from "./circuit_breaker.ts";
import type { ClusterFacts } from "./cluster_info.ts";
import { ConnectionLimits } from "./conn_pool/connection_limits.ts";
import { HttpPool } from "./conn_pool/http_pool.ts";
import type { CodecFactory, PoolProtocol } from "./conn_pool/pool_context.ts";
import { TcpAttempt } from "./conn_pool/tcp_attempt.ts";
import type { UpstreamHost } from "./host.ts";
import {
  compilePreconnect,
  fallsShort,
  type HostPreview,
  MAX_PRECONNECTS,
  type PreconnectRatios,
} from "./preconnect.ts";
import type { UpstreamProtocolOptions } from "./protocol_options.ts";
import type { ProxyChoice } from "./proxy_transport.ts";
import type { ConnectionWanted } from "./resource.ts";
import type { UpstreamTransport } from "./transport.ts";

/** What the pools of a cluster share. */
export interface ClusterPoolsParts {
  readonly message: envoy_config_cluster_v3_Cluster;
  readonly dispatcher: Dispatcher;
  readonly facts: ClusterFacts;
  readonly options: UpstreamProtocolOptions;
  readonly transport: UpstreamTransport;
  readonly codecs: CodecFactory;
  readonly breakers: { readonly [priority in Priority]: SharedBreaker };
  readonly problems: Problems;
  /** Asks the other threads to let a connection go. */
  readonly onConnectionWanted: ((wanted: ConnectionWanted) => void) | undefined;
}

/** What keeps a pool apart from the host's others. */
interface KeyedPool {
  readonly key: string;
  readonly serverName: string | undefined;
  readonly proxy: ProxyChoice | undefined;
}

const PROTOCOLS: readonly PoolProtocol[] = ["http1", "http2", "auto"];
const HTTP1 = 0;
const HTTP2 = 1;
const AUTO = 2;
const ALPN_OF: readonly (readonly string[])[] = [["http/1.1"], ["h2"], ["h2", "http/1.1"]];

/** Finds the pool of a host for a request, by protocol, priority and what connections must not share. */
export class ClusterPools {
  readonly #parts: ClusterPoolsParts;
  readonly #limits: { readonly [priority in Priority]: ConnectionLimits };
  readonly #preconnect: PreconnectRatios;
  readonly #isPerDownstream: boolean;
  /** TCP connections of each host, kept only where they close with its health. */
  readonly #tcp: WeakMap<UpstreamHost, Set<TcpAttempt>> | undefined;

  constructor(parts: ClusterPoolsParts) {
    this.#parts = parts;
    this.#limits = compileLimits(parts);
    this.#preconnect = compilePreconnect(parts.message);
    this.#isPerDownstream = parts.message.connectionPoolPerDownstreamConnection;
    this.#tcp = parts.message.closeConnectionsOnHostHealthFailure ? new WeakMap() : undefined;
  }

  /** @returns undefined if a breaker allows no further pool */
  of(host: UpstreamHost, request: StreamRequest): HttpPool | undefined {
    const { options } = this.#parts;
    const protocol = this.#protocolOf(request.downstreamProtocol);
    const index = (request.priority === "high" ? PROTOCOLS.length : 0) + protocol;
    const { socket } = host;
    const serverName = options.autoSni && socket.tls !== undefined
      ? serverNameOf(request.authority)
      : undefined;
    const perDownstream = this.#isPerDownstream;
    const proxy = socket.proxy?.choose(request.streamInfo);
    if (serverName === undefined && !perDownstream && proxy === undefined) {
      return (host.pools[index] ??= this.#createPool(host, index, undefined)) as
        | HttpPool
        | undefined;
    }
    const downstreamId = perDownstream ? request.streamInfo?.connection.id ?? 0 : 0;
    const key = `${index} ${downstreamId} ${serverName ?? ""} ${proxy?.key ?? ""}`;
    let pool = host.keyedPools.get(key) as HttpPool | undefined;
    if (pool === undefined) {
      pool = this.#createPool(host, index, { key, serverName, proxy });
      if (pool !== undefined) host.keyedPools.set(key, pool);
    }
    return pool;
  }

  /** A connection for one user alone. */
  connect(host: UpstreamHost, request: TcpRequest): PendingStream | undefined {
    const { dispatcher, facts, transport } = this.#parts;
    const attempt = new TcpAttempt(request, {
      dispatcher,
      facts,
      host,
      limits: this.#limits[request.priority],
      connect: () =>
        transport.connect(host, {
          serverName: undefined,
          verifiesServerName: false,
          alpn: [],
          proxy: host.socket.proxy?.choose(request.streamInfo),
        }),
      live: this.#liveTcp(host),
    });
    return attempt.start() ? attempt : undefined;
  }

  /** Another thread waits for one of the cluster's connections. */
  giveConnection(priority: Priority): void {
    this.#limits[priority].giveConnection();
  }

  /** The host failed: idle connections close, busy ones after their streams, TCP's if so configured. */
  onHostFailed(host: UpstreamHost): void {
    host.drainPools();
    for (const attempt of [...this.#liveTcp(host) ?? []]) attempt.close();
  }

  #liveTcp(host: UpstreamHost): Set<TcpAttempt> | undefined {
    if (this.#tcp === undefined) return undefined;
    let live = this.#tcp.get(host);
    if (live === undefined) this.#tcp.set(host, live = new Set());
    return live;
  }

  /** Opens connections on the hosts of the requests that will follow this one. */
  foresee(
    preview: HostPreview,
    hosts: ReadonlyMap<number, UpstreamHost>,
    request: StreamRequest,
  ): void {
    const ratio = this.#preconnect.predictive;
    for (let i = 0; i < MAX_PRECONNECTS; i++) {
      const load = { pending: 0, active: 0, capacity: 0 };
      for (const host of hosts.values()) host.addLoad(load);
      if (!fallsShort(load, ratio, 1)) return;
      const host = preview.peek(hosts.size);
      if (host === undefined || this.of(host, request)?.preconnect(ratio) !== true) return;
    }
  }

  #protocolOf(downstream: Protocol | undefined): number {
    switch (this.#parts.options.mode) {
      case "http2":
        return HTTP2;
      case "auto":
        return AUTO;
      case "downstream":
        return downstream === "HTTP/2" ? HTTP2 : HTTP1;
      default:
        return HTTP1;
    }
  }

  /** @param keyed for pools that go once they are empty */
  #createPool(
    host: UpstreamHost,
    index: number,
    keyed: KeyedPool | undefined,
  ): HttpPool | undefined {
    const priority = index >= PROTOCOLS.length ? "high" : "default";
    const protocol = index % PROTOCOLS.length;
    const { dispatcher, facts, options, transport, codecs } = this.#parts;
    const { breaker } = this.#limits[priority];
    if (!breaker.tryPool() && !(this.#freePool(host, priority) && breaker.tryPool())) {
      return undefined;
    }
    const choice = {
      serverName: keyed?.serverName,
      verifiesServerName: keyed?.serverName !== undefined && options.autoSanValidation,
      alpn: ALPN_OF[protocol]!,
      proxy: keyed?.proxy,
    };
    const pool = new HttpPool({
      dispatcher,
      facts,
      host,
      limits: this.#limits[priority],
      options,
      protocol: PROTOCOLS[protocol]!,
      preconnectRatio: this.#preconnect.perUpstream,
      connect: () => transport.connect(host, choice),
      createCodec: codecs,
      onDeleted: () => breaker.releasePool(),
      onIdle: keyed !== undefined
        ? () => {
          // Another may have taken its place.
          if (host.keyedPools.get(keyed.key) === pool) host.keyedPools.delete(keyed.key);
        }
        : breaker.limitsPools
        ? () => {
          if (host.pools[index] === pool) host.pools[index] = undefined;
        }
        : undefined,
    });
    return pool;
  }

  /** Drops one of the host's pools that nobody uses. @returns whether there was one */
  #freePool(host: UpstreamHost, priority: Priority): boolean {
    const first = priority === "high" ? PROTOCOLS.length : 0;
    for (let index = first; index < first + PROTOCOLS.length; index++) {
      const pool = host.pools[index] as HttpPool | undefined;
      if (pool?.isUnused !== true) continue;
      host.pools[index] = undefined;
      pool.giveUp();
      return true;
    }
    for (const [key, pool] of host.keyedPools) {
      const index = Number(key.slice(0, key.indexOf(" ")));
      if (index < first || index >= first + PROTOCOLS.length) continue;
      if (!(pool as HttpPool).isUnused) continue;
      host.keyedPools.delete(key);
      (pool as HttpPool).giveUp();
      return true;
    }
    return false;
  }
}

function compileLimits(
  parts: ClusterPoolsParts,
): { readonly [priority in Priority]: ConnectionLimits } {
  const { dispatcher, onConnectionWanted: tell } = parts;
  const cluster = parts.message.name;
  const perHost = perHostConnectionLimit(parts.message, parts.problems);
  const countsHosts = perHost.default !== undefined || perHost.high !== undefined;
  const limits = (priority: Priority): ConnectionLimits =>
    new ConnectionLimits({
      breaker: parts.breakers[priority],
      dispatcher,
      perHost: perHost[priority],
      countsHosts,
      onWanted: tell === undefined ? undefined : () => tell({ cluster, priority }),
    });
  return { default: limits("default"), high: limits("high") };
}

/** The name in an authority, without port; IP literals are no server names (RFC 6066 §3). */
function serverNameOf(authority: string | undefined): string | undefined {
  if (authority === undefined || authority === "" || authority.startsWith("[")) return undefined;
  const colon = authority.lastIndexOf(":");
  const name = colon < 0 ? authority : authority.slice(0, colon);
  return name === "" || ipVersion(name) !== 0 ? undefined : name;
}
