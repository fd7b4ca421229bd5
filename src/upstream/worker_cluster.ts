/** One cluster on one thread: its hosts, balancer and pools. */

import { type Address, formatAddress } from "../base/mod.ts";
import type { ResponseDecoder } from "../http/mod.ts";
import type { Connection } from "../net/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_BindConfig,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type {
  Cluster,
  Host,
  HostMonitor,
  HostWait,
  LoadBalancerContext,
  PendingStream,
  Priority,
  StreamRequest,
  TcpRequest,
} from "./api.ts";
import { compileThresholds, SharedBreaker } from "./circuit_breaker.ts";
import { ClusterFacts, clusterScope } from "./cluster_info.ts";
import { ClusterPools } from "./cluster_pools.ts";
import { clusterStat } from "./cluster_stats.ts";
import { codecFactory } from "./codecs.ts";
import type { CodecFactory } from "./conn_pool/pool_context.ts";
import { POOL_STAT } from "./conn_pool/pool_stats.ts";
import { type HostCells, UpstreamHost } from "./host.ts";
import type { CheckedAddress } from "./health/checker.ts";
import { HostSegmentView, newSegment } from "./host_memory.ts";
import { ThreadHostMonitor } from "./host_monitor.ts";
import { OutlierPolicy } from "./outlier/policy.ts";
import { HostSet } from "./host_set.ts";
import { compileBalancing } from "./lb/compile.ts";
import type { Balancer, LocalCluster } from "./lb/policy.ts";
import { isDynamicForward } from "./provided/names.ts";
import { canForesee, HostPreview } from "./preconnect.ts";
import { compileProtocolOptions, type UpstreamProtocolOptions } from "./protocol_options.ts";
import type { MemberCluster } from "./provided/policy.ts";
import { compileProvided } from "./provided/registry.ts";
import type {
  ClusterResource,
  ConnectionWanted,
  HostData,
  HostEvent,
  HostSetData,
  HostUpdate,
  TableData,
} from "./resource.ts";
import { type Connector, type TlsCompiler, UpstreamTransport } from "./transport.ts";

/** What clusters of one thread share. */
export interface ClusterParts {
  readonly context: CompileContext;
  readonly connector: Connector;
  readonly compileTls: TlsCompiler;
  /** `cluster_manager.upstream_bind_config`, for clusters without their own. */
  readonly bindConfig?: envoy_config_core_v3_BindConfig | undefined;
  /** Makes codecs in place of the real ones, in tests. */
  readonly codecs?: CodecFactory;
  /** Other clusters of the thread, for those that are made of them. */
  readonly member?: (name: string) => MemberCluster | undefined;
  /** The proxy's own place, where zones count. */
  readonly local?: LocalCluster | undefined;
  /** Hears of hosts that main must judge. */
  readonly onHostEvent?: (event: HostEvent) => void;
  /** Asks the other workers to let a connection go. */
  readonly onConnectionWanted?: (wanted: ConnectionWanted) => void;
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;
const NONE_HEALTHY = clusterStat("upstream_cx_none_healthy");
const EMPTY_SET: Omit<HostSetData, "priority"> = {
  localities: [],
  hosts: [],
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
};

const MET_SET: HostSetData = {
  ...EMPTY_SET,
  priority: 0,
  localities: [{ region: "", zone: "", subZone: "", weight: undefined, metadata: undefined }],
};
const MET_HOST = {
  id: -1,
  additionalAddresses: [],
  weight: 1,
  metadata: undefined,
  isCanary: false,
  locality: 0,
  edsHealthStatus: 0,
  segment: -1,
  slot: 0,
};

/**
 * A cluster as the router and tcp_proxy see it: it chooses hosts and opens streams and connections
 * on them.
 */
export class WorkerCluster implements Cluster {
  readonly info: ClusterFacts;
  readonly message: envoy_config_cluster_v3_Cluster;
  readonly options: UpstreamProtocolOptions;
  readonly version: number;
  readonly circuitBreakers: { readonly [priority in Priority]: SharedBreaker };
  readonly #parts: ClusterParts;
  /** Workers and main. */
  readonly #threads: number;
  readonly #transport: UpstreamTransport;
  readonly #codecs: CodecFactory;
  readonly #balancer: Balancer;
  readonly #outlierPolicy: OutlierPolicy | undefined;
  readonly #pools: ClusterPools;
  /** Undefined: no connections are opened on hosts to come. */
  readonly #preview: HostPreview | undefined;
  readonly #hosts = new Map<number, UpstreamHost>();
  /** Hosts that main has not heard of yet, by address. */
  readonly #met = new Map<string, UpstreamHost>();
  #sets: readonly HostSet[] = [];

  constructor(resource: ClusterResource, parts: ClusterParts) {
    const { message } = resource;
    const { context } = parts;
    this.#parts = parts;
    this.message = message;
    this.version = resource.version;
    this.#threads = resource.breakers.threads;
    this.#transport = new UpstreamTransport(message, context, parts);
    this.options = compileProtocolOptions(
      message,
      this.#transport.sockets.areAllTls,
      context.problems,
    );
    this.info = new ClusterFacts(message, this.options, context);
    const isTls = this.#transport.sockets.socketOf(undefined, undefined).tls !== undefined;
    if (isDynamicForward(message)) {
      this.info.dynamicForwardPort = isTls ? HTTPS_PORT : HTTP_PORT;
    }
    this.#codecs = parts.codecs ?? codecFactory(this.options, clusterScope(message, context.scope));
    this.#outlierPolicy = message.outlierDetection === undefined
      ? undefined
      : new OutlierPolicy(message.outlierDetection, context.runtime);
    const thresholds = compileThresholds(message);
    const breaker = (priority: Priority): SharedBreaker =>
      new SharedBreaker({
        place: resource.breakers,
        priority,
        thread: context.worker,
        thresholds: thresholds[priority],
        cluster: message.name,
        runtime: context.runtime,
        dispatcher: context.dispatcher,
      });
    this.circuitBreakers = { default: breaker("default"), high: breaker("high") };
    const { dispatcher, runtime, problems } = context;
    const { policy, common } = compileBalancing(message, {
      problems,
      runtime,
      random: dispatcher.random,
      clock: dispatcher.clock,
    });
    const breakers = this.circuitBreakers;
    const options = {
      ...common,
      dispatcher,
      runtime,
      stats: this.info.stats,
      scope: this.info.scope,
      isMain: context.worker === 0,
      // The peers themselves are reached in any zone.
      local: parts.local?.name === message.name ? undefined : parts.local,
      activeRequests: () => breakers.default.requests + breakers.high.requests,
    };
    this.#balancer = compileProvided(message, context, isTls)?.createBalancer(options, {
      member: (name) => parts.member?.(name),
      meetHost: (address) => this.#meetHost(address),
    }) ?? policy.createBalancer(options);
    this.#pools = new ClusterPools({
      message,
      dispatcher,
      facts: this.info,
      options: this.options,
      transport: this.#transport,
      codecs: this.#codecs,
      breakers,
      problems,
      onConnectionWanted: parts.onConnectionWanted,
    });
    this.#preview = canForesee(message) ? new HostPreview(this.#balancer) : undefined;
  }

  /** What the balancer laid out, for other threads. */
  get tables(): readonly TableData[] | undefined {
    return this.#balancer.tables;
  }

  /** Hosts by priority. */
  get hostSets(): readonly HostSet[] {
    return this.#sets;
  }

  chooseHost(context: LoadBalancerContext | undefined): Host | undefined {
    const host = this.pickHost(context);
    if (host === undefined && !this.#mayAwait(context)) this.info.stats.inc(NONE_HEALTHY);
    return host;
  }

  awaitHost(
    context: LoadBalancerContext,
    onDone: (details: string) => void,
  ): HostWait | undefined {
    const wait = this.#balancer.awaitHost?.(context, onDone);
    if (wait !== undefined && wait.handle === undefined) this.info.stats.inc(NONE_HEALTHY);
    return wait;
  }

  /** Who may wait for a host is only counted once there is nothing to wait for. */
  #mayAwait(context: LoadBalancerContext | undefined): boolean {
    return context?.requestHeaders !== undefined && this.#balancer.awaitHost !== undefined;
  }

  /** As `chooseHost`, for another cluster that has this one as a member. */
  pickHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    return this.#preview?.take(context) ?? this.#balancer.chooseHost(context);
  }

  newStream(
    host: Host,
    decoder: ResponseDecoder,
    request: StreamRequest,
  ): PendingStream | undefined {
    const upstream = host as UpstreamHost;
    if (upstream.owner !== this) return upstream.owner.newStream(host, decoder, request);
    if (this.#preview !== undefined) this.#pools.foresee(this.#preview, this.#hosts, request);
    const pool = this.#pools.of(upstream, request);
    if (pool !== undefined) return pool.newStream(decoder, request);
    this.info.stats.inc(POOL_STAT.cxPoolOverflow);
    request.callbacks.onPoolFailure("pool_overflow", "", host);
    return undefined;
  }

  newTcpConnection(host: Host, request: TcpRequest): PendingStream | undefined {
    const upstream = host as UpstreamHost;
    if (upstream.owner !== this) return upstream.owner.newTcpConnection(host, request);
    return this.#pools.connect(upstream, request);
  }

  /** Begins to connect outside of pools and limits, as health checks do. */
  connectForCheck(target: CheckedAddress, alpn: readonly string[]): Connection {
    const { address, hostname } = target;
    const { sockets } = this.#transport;
    const own = sockets.socketForChecks(target.localityMetadata);
    if (own !== undefined) this.info.scope.scope(own.name).counter("total_match_count").inc();
    const socket = own ?? sockets.socketOf(target.metadata, target.localityMetadata);
    return this.#transport.connect({ address, additionalAddresses: [], hostname, socket }, {
      serverName: undefined,
      verifiesServerName: false,
      alpn,
    });
  }

  /** Another thread waits for one of the cluster's connections. */
  giveConnection(priority: Priority): void {
    this.#pools.giveConnection(priority);
  }

  /** Makes codecs with the cluster's options. */
  get codecs(): CodecFactory {
    return this.#codecs;
  }

  /** Whether requests to an endpoint go over TLS, which is the scheme of its checks. */
  isTls({ metadata, localityMetadata }: CheckedAddress): boolean {
    return this.#transport.sockets.socketOf(metadata, localityMetadata).tls !== undefined;
  }

  /** These hosts are to be avoided: their idle connections close, busy ones after their streams. */
  drainHosts(ids: readonly number[]): void {
    for (const id of ids) {
      const host = this.#hosts.get(id);
      if (host !== undefined) this.#pools.onHostFailed(host);
    }
  }

  /** Takes over the priorities that changed; hosts that went are drained. */
  updateHosts(update: HostUpdate, views: ReadonlyMap<number, HostSegmentView>): void {
    const sets: HostSet[] = [];
    const before = this.#hosts.size;
    for (let priority = 0; priority < Math.max(1, update.priorityCount); priority++) {
      const changed = update.sets.find((set) => set.priority === priority);
      const data = changed ?? this.#sets[priority]?.data ?? { ...EMPTY_SET, priority };
      sets.push(
        changed === undefined && this.#sets[priority] !== undefined
          ? this.#sets[priority]!
          : new HostSet(data, this.#hostsOf(data, views)),
      );
    }
    const { drop } = update;
    if (drop !== undefined) this.info.setDropOverload(drop === "none" ? undefined : drop);
    const hasAdded = this.#hosts.size > before;
    const hasDropped = this.#dropMissing(sets);
    const { commonLbConfig } = this.message;
    if ((hasAdded || hasDropped) && commonLbConfig?.closeConnectionsOnHostSetChange === true) {
      this.drainConnections();
    }
    this.#sets = sets;
    this.#balancer.refresh(sets, update.tables);
    this.#preview?.clear();
  }

  /** Reads health flags (and the panic threshold) again. */
  refreshHealth(tables?: readonly TableData[]): void {
    for (const host of this.#hosts.values()) host.refreshHealth();
    this.#sets = this.#sets.map((set) => new HostSet(set.data, set.hosts));
    this.#balancer.refresh(this.#sets, tables);
    this.#preview?.clear();
  }

  /** The hosts of the local cluster changed. */
  refreshLocal(): void {
    this.#balancer.refreshLocal?.();
  }

  /** Idle connections close now, others after their streams; new ones are made as needed. */
  drainConnections(): void {
    for (const host of this.#hosts.values()) host.drainPools();
    for (const host of this.#met.values()) host.drainPools();
  }

  /** The cluster is gone from configuration: streams under way end in peace. */
  remove(): void {
    for (const host of this.#hosts.values()) host.removePools();
    for (const host of this.#met.values()) host.removePools();
    this.#hosts.clear();
    this.#met.clear();
    this.#sets = [];
    this.#balancer.refresh([]);
    this.#preview?.clear();
  }

  #hostsOf(data: HostSetData, views: ReadonlyMap<number, HostSegmentView>): UpstreamHost[] {
    return data.hosts.map((entry) => {
      const locality = data.localities[entry.locality]!;
      const socket = this.#transport.sockets.socketOf(entry.metadata, locality.metadata);
      const known = this.#hosts.get(entry.id);
      if (known !== undefined) {
        known.update(entry, data, socket);
        return known;
      }
      const view = views.get(entry.segment)!;
      const cells = this.#cells({ view, socket, monitor: this.#monitorOf(entry, view) });
      const host = this.#takeMet(entry) ?? new UpstreamHost(entry, data, cells);
      if (host.id !== entry.id) host.settle(entry, data, cells);
      this.#hosts.set(entry.id, host);
      return host;
    });
  }

  #cells(own: Pick<HostCells, "view" | "socket" | "monitor">): HostCells {
    const thread = this.#parts.context.worker;
    return { ...own, owner: this, thread, isAlone: this.#threads === 2 };
  }

  /** Makes a host that main does not know of yet: its cells are this thread's own. */
  #meetHost(address: Address): UpstreamHost {
    const key = formatAddress(address);
    const known = this.#met.get(key);
    if (known !== undefined) return known;
    const data = { ...MET_HOST, address, hostname: this.message.name + key };
    const socket = this.#transport.sockets.socketOf(undefined, undefined);
    const view = new HostSegmentView(newSegment(-1, 1, this.#threads), this.#threads);
    const cells = this.#cells({ view, socket, monitor: undefined });
    const host = new UpstreamHost(data, MET_SET, cells);
    this.#met.set(key, host);
    this.#parts.onHostEvent?.({ cluster: this.message.name, kind: "met", address });
    return host;
  }

  #takeMet({ address }: HostData): UpstreamHost | undefined {
    if (this.#met.size === 0) return undefined;
    const key = formatAddress(address);
    const host = this.#met.get(key);
    this.#met.delete(key);
    return host;
  }

  /** Only hosts that are checked or may be ejected have somebody to hear of them. */
  #monitorOf({ id, slot }: HostData, view: HostSegmentView): HostMonitor | undefined {
    const { onHostEvent: tell } = this.#parts;
    const isChecked = this.message.healthChecks.length > 0;
    const policy = this.#outlierPolicy;
    if (tell === undefined || (!isChecked && policy === undefined)) return undefined;
    const cluster = this.message.name;
    return new ThreadHostMonitor({ cluster, hostId: id, view, slot, tell, policy });
  }

  /** @returns whether there were any */
  #dropMissing(sets: readonly HostSet[]): boolean {
    const before = this.#hosts.size;
    const kept = new Set<UpstreamHost>();
    for (const set of sets) for (const host of set.hosts) kept.add(host);
    for (const [id, host] of this.#hosts) {
      if (kept.has(host)) continue;
      this.#hosts.delete(id);
      host.removePools();
    }
    return this.#hosts.size < before;
  }
}
