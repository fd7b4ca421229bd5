/**
 * Main's side of clusters: compiles them as thread 0, resolves their hosts, owns the shared cells
 * and limits, and tells workers what to apply.
 */

import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_BindConfig,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { StatValue } from "../../stats/mod.ts";
import { BreakerMemory } from "../circuit_breaker.ts";
import type { DynamicForwardProxy } from "../provided/dynamic_forward_proxy.ts";
import type { DnsResolver } from "../dns/resolver.ts";
import type { DnsCacheNews, DnsCacheResource, DynamicHostWatcher } from "../dns_cache/api.ts";
import type { MainDnsCache } from "../dns_cache/main_cache.ts";
import type { MainDnsCaches } from "../dns_cache/main_caches.ts";
import type { DnsQuestion } from "../dns_cache/worker_caches.ts";
import { EventFile } from "../event_file.ts";
import { HostMemory } from "../host_memory.ts";
import type { ClusterResource, HealthUpdate, HostEvent, HostUpdate } from "../resource.ts";
import type { Connector, TlsCompiler } from "../transport.ts";
import { WorkerClusterManager } from "../worker_cluster_manager.ts";
import { HostIds } from "./cluster_hosts.ts";
import {
  compileResolver,
  NO_OPTIONS,
  type ResolverFields,
  type ResolverOptions,
} from "./discovery.ts";
import { DYNAMIC_FORWARD_PROXY, isDynamicForward } from "../provided/names.ts";
import type { Subscriber } from "./subscription.ts";
import { endpointStats } from "./endpoint_stats.ts";
import { dnsParts } from "./late_parts.ts";
import { MainCluster } from "./main_cluster.ts";
import { type ClusterSnapshot, snapshotCluster } from "./snapshot.ts";

export interface MainClustersOptions {
  /** Workers and main. */
  readonly threads: number;
  /** New hosts, to be posted to every worker (`WorkerClusterManager.updateHosts`). */
  readonly onUpdate: (updates: readonly HostUpdate[]) => void;
  /** Health to be applied on every worker (`WorkerClusterManager.applyHealth`). */
  readonly onHealth?: (update: HealthUpdate) => void;
  /** `cluster_manager.outlier_detection.event_log_path`; "" or absent: ejections are not logged. */
  readonly outlierLogPath?: string;
  /** `cluster_manager.local_cluster_name`; "" or absent: zones do not count. */
  readonly localCluster?: string;
  /** `cluster_manager.upstream_bind_config`, for clusters without their own. */
  readonly bindConfig?: envoy_config_core_v3_BindConfig | undefined;
  /** The bootstrap, which names the resolver of clusters that name none. */
  readonly resolverFields?: ResolverFields | undefined;
  /** A DNS cache that workers do not know yet. */
  readonly onDnsCache?: (resource: DnsCacheResource) => void;
  /** What became of names: for one worker, or for all of them. */
  readonly onDnsNews?: (news: DnsCacheNews, worker: number | undefined) => void;
  readonly compileTls?: TlsCompiler;
  readonly connector?: Connector;
  /** Brings endpoints by discovery; absent: nothing is discovered. */
  readonly subscribe?: Subscriber;
  /** A text readout by its full name. */
  readonly onText?: (name: string, text: string) => void;
  /** Makes a resolver in place of the system's, in tests. */
  readonly createResolver?: (options: ResolverOptions) => DnsResolver;
}

const STATIC_FACTS = { version: 0, addedViaApi: false } as const;

/** Compiles a cluster only to tell its problems. */
export function compileCluster(
  message: envoy_config_cluster_v3_Cluster,
  context: CompileContext,
): void {
  const clusters = new MainClusters(context, { threads: 2, onUpdate: () => {} });
  clusters.add(message);
  clusters.close();
}

/**
 * All clusters of the process: added, resolved, warmed and removed here, then told to the workers.
 */
export class MainClusters {
  /** Main's own clusters, for health checks and calls of the proxy itself. */
  readonly manager: WorkerClusterManager;
  readonly #context: CompileContext;
  readonly #options: MainClustersOptions;
  readonly #memory: HostMemory;
  readonly #breakers: BreakerMemory;
  readonly #ids = new HostIds();
  readonly #outlierLog: EventFile | undefined;
  readonly #clusters = new Map<string, MainCluster>();
  readonly #resolvers = new Map<string, DnsResolver>();
  readonly #warming = new Set<MainCluster>();
  #onInitialized: (() => void) | undefined;
  #dnsCaches: MainDnsCaches | undefined;
  readonly #defaultResolver: ResolverOptions;

  constructor(context: CompileContext, options: MainClustersOptions) {
    const { threads, connector, compileTls } = options;
    this.#context = context;
    this.#options = options;
    const { outlierLogPath = "", localCluster = "" } = options;
    this.#outlierLog = outlierLogPath === "" ? undefined : new EventFile(outlierLogPath);
    const fields = options.resolverFields;
    this.#defaultResolver = fields === undefined
      ? NO_OPTIONS
      : compileResolver(fields, context.problems);
    this.#memory = new HostMemory(threads, context.dispatcher.clock);
    this.#breakers = new BreakerMemory(threads);
    this.manager = new WorkerClusterManager(context, {
      onHostEvent: (event) => this.onHostEvent(event),
      localCluster,
      bindConfig: options.bindConfig,
      ...(connector === undefined ? {} : { connector }),
      ...(compileTls === undefined ? {} : { compileTls }),
    });
  }

  /** Compiles a cluster (problems go to the context's) and makes what workers `apply`. */
  add(
    message: envoy_config_cluster_v3_Cluster,
    facts: { readonly version: number; readonly addedViaApi: boolean } = STATIC_FACTS,
  ): ClusterResource {
    const old = this.#clusters.get(message.name);
    const cluster = new MainCluster(message, {
      context: this.#context,
      memory: this.#memory,
      ids: this.#ids,
      breakers: old?.breakerPlace ?? this.#breakers.take(),
      ...facts,
      resolverFor: (options) => this.#resolverFor(options),
      watchDynamicHosts: (forward, watcher) => this.#watchDynamicHosts(forward, watcher),
      publish: (update) => {
        this.manager.updateHosts(update);
        this.#options.onUpdate([this.#withTables(update)]);
      },
      outlierLog: this.#outlierLog,
      subscribe: this.#options.subscribe,
      onText: (name, text) => this.#options.onText?.(name, text),
      publishHealth: (update) => {
        this.manager.applyHealth(update);
        this.#options.onHealth?.(update.refreshes ? this.#withTables(update) : update);
      },
      transport: () => this.manager.cluster(message.name)!,
      onInitialized: (done) => {
        this.#warming.delete(done);
        this.#tellInitialized();
      },
    });
    old?.stop();
    if (old !== undefined) this.#warming.delete(old);
    this.#clusters.set(message.name, cluster);
    this.#warming.add(cluster);
    const resource = cluster.resource();
    this.manager.apply(resource);
    // Its cache has to reach the workers before their first request.
    if (isDynamicForward(message)) this.#dnsCacheOf(message);
    return { ...resource, hosts: this.#withTables(resource.hosts) };
  }

  /** Begins to resolve the names of clusters that have not begun yet. */
  start(): void {
    this.#context.dispatcher.run(() => {
      for (const cluster of [...this.#warming]) cluster.start();
    });
  }

  /**
   * Begins to resolve, and waits until every name of every cluster has been answered, well or not;
   * at most `maxMs`, since a silent server must not hold up the start.
   */
  initialized(maxMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.dispatcher.timers.after(maxMs, resolve);
      this.#onInitialized = () => {
        timer.cancel();
        resolve();
      };
      this.start();
      this.#tellInitialized();
    });
  }

  /** A worker saw something of a host that bears on its health. */
  onHostEvent(event: HostEvent): void {
    this.#context.dispatcher.run(() => this.#clusters.get(event.cluster)?.onHostEvent(event));
  }

  /** A worker names a DNS cache, or wants a name of one. */
  onDnsQuestion(worker: number, question: DnsQuestion): void {
    this.#context.dispatcher.run(() => {
      const caches = this.#caches();
      if (question.kind === "declare") caches?.get(question.options);
      else caches?.load(question.cache, question, worker);
    });
  }

  /** All DNS caches as they are now, for a worker that starts. */
  dnsCaches(): DnsCacheResource[] {
    return this.#dnsCaches?.resources() ?? [];
  }

  /** Event logs are opened anew, after they were rotated. */
  reopenLogs(): void {
    this.#outlierLog?.reopen();
    for (const cluster of this.#clusters.values()) cluster.reopenLogs();
  }

  /** Forgets a cluster; workers are told to `remove` it by the caller. */
  remove(name: string): boolean {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return false;
    this.#clusters.delete(name);
    this.#warming.delete(cluster);
    cluster.stop();
    this.manager.remove(name);
    return true;
  }

  get(name: string): MainCluster | undefined {
    return this.#clusters.get(name);
  }

  get names(): string[] {
    return [...this.#clusters.keys()];
  }

  /** All clusters as they are now, for a worker that starts. */
  resources(): ClusterResource[] {
    return [...this.#clusters.values()].map((cluster) => {
      const resource = cluster.resource();
      return { ...resource, hosts: this.#withTables(resource.hosts) };
    });
  }

  /** A worker died: what it held is given back, its gauges go. */
  releaseThread(thread: number): void {
    this.#memory.retire(thread);
    this.#breakers.retire(thread);
    this.#dnsCaches?.retire(thread);
  }

  /** Brings the gauges of circuit breakers up to date; before stats are read. */
  refreshGauges(): void {
    this.#dnsCaches?.refreshGauges();
    for (const [name, cluster] of this.#clusters) {
      cluster.refreshBreakerGauges(this.manager.cluster(name)!.circuitBreakers);
    }
  }

  /** For /clusters, in order of configuration. */
  snapshot(): ClusterSnapshot[] {
    return [...this.#clusters].map(([name, cluster]) =>
      snapshotCluster(cluster, this.#memory, this.manager.cluster(name)!.circuitBreakers)
    );
  }

  /** Of the clusters that ask for statistics of single endpoints. */
  endpointStats(): StatValue[] {
    const values: StatValue[] = [];
    for (const [name, cluster] of this.#clusters) {
      if (cluster.message.trackClusterStats?.perEndpointStats !== true) continue;
      const breakers = this.manager.cluster(name)!.circuitBreakers;
      values.push(...endpointStats(snapshotCluster(cluster, this.#memory, breakers)));
    }
    return values;
  }

  /** Ends all queries and checks. */
  close(): void {
    this.#dnsCaches?.close();
    for (const cluster of this.#clusters.values()) cluster.stop();
    for (const resolver of this.#resolvers.values()) resolver.close();
  }

  /** Main has laid its tables out by now; workers take them over. */
  #withTables<Update extends { readonly cluster: string }>(update: Update): Update {
    const tables = this.manager.cluster(update.cluster)?.tables;
    return tables === undefined ? update : { ...update, tables };
  }

  /** Undefined where no cluster type that needs them is loaded. */
  #caches(): MainDnsCaches | undefined {
    const { dispatcher, scope } = this.#context;
    return this.#dnsCaches ??= this.#forwardProxy()?.createMainCaches({
      dispatcher,
      scope,
      threads: this.#options.threads,
      resolverFor: (options) => this.#resolverFor(options),
      onNews: (news, worker) => this.#options.onDnsNews?.(news, worker),
      onCache: (resource) => this.#options.onDnsCache?.(resource),
    });
  }

  #forwardProxy(): DynamicForwardProxy | undefined {
    return this.#context.extension("cluster_type", DYNAMIC_FORWARD_PROXY);
  }

  #dnsCacheOf(message: envoy_config_cluster_v3_Cluster): MainDnsCache | undefined {
    const options = this.#forwardProxy()?.cacheOf(message);
    return options === undefined ? undefined : this.#caches()?.get(options);
  }

  #watchDynamicHosts(
    message: envoy_config_cluster_v3_Cluster,
    watcher: DynamicHostWatcher,
  ): () => void {
    return this.#dnsCacheOf(message)?.watch(watcher) ?? (() => {});
  }

  /** Clusters with the same servers share a resolver. */
  #resolverFor(given: ResolverOptions): DnsResolver {
    const options = given === NO_OPTIONS ? this.#defaultResolver : given;
    const key = JSON.stringify(options);
    let resolver = this.#resolvers.get(key);
    if (resolver === undefined) {
      const { dispatcher } = this.#context;
      resolver = this.#options.createResolver?.(options) ??
        new (dnsParts().SystemResolver)({ dispatcher, options });
      this.#resolvers.set(key, resolver);
    }
    return resolver;
  }

  #tellInitialized(): void {
    if (this.#warming.size > 0) return;
    const done = this.#onInitialized;
    this.#onInitialized = undefined;
    done?.();
  }
}
