/** One cluster on main: its hosts as they become known, and the stats that only main raises. */

import type { Address, Dispatcher } from "../../base/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { Scope, StatGroup } from "../../stats/mod.ts";
import type { Priority } from "../api.ts";
import type { SharedBreaker } from "../circuit_breaker.ts";
import { clusterScope, clusterStatName } from "../cluster_info.ts";
import type { DropOverload } from "../drop_overload.ts";
import { CLUSTER_STATS, clusterStat } from "../cluster_stats.ts";
import type { DnsAddress, DnsResolver } from "../dns/resolver.ts";
import type { DynamicHost, DynamicHostWatcher } from "../dns_cache/api.ts";
import {
  type AssignmentTemplate,
  dynamicAssignment,
  type EndpointTemplate,
  readAssignment,
} from "../endpoints.ts";
import type { HostMemory } from "../host_memory.ts";
import type { EventFile } from "../event_file.ts";
import type { CheckTransport } from "../health/checker.ts";
import type { SuccessRates } from "../outlier/detector.ts";
import type {
  BreakerPlace,
  ClusterResource,
  HealthUpdate,
  HostEvent,
  HostUpdate,
} from "../resource.ts";
import { type FilterMetadata, SocketMatches } from "../transport_sockets.ts";
import { BreakerGauges } from "./breaker_gauges.ts";
import { ClusterHealth, uncheckedFlags } from "./cluster_health.ts";
import { ClusterHosts, type HostIdentity, type HostIds } from "./cluster_hosts.ts";
import { compileDiscovery, type Discovery, type ResolverOptions } from "./discovery.ts";
import { DnsRefresh } from "./dns_refresh.ts";
import { EdsHosts, NO_ENDPOINTS } from "./eds_hosts.ts";
import { MetHosts } from "./met_hosts.ts";
import type { Subscriber } from "./subscription.ts";

const STAT = {
  membershipChange: clusterStat("membership_change"),
  membershipTotal: clusterStat("membership_total"),
  membershipHealthy: clusterStat("membership_healthy"),
  membershipDegraded: clusterStat("membership_degraded"),
  membershipExcluded: clusterStat("membership_excluded"),
  maxHostWeight: clusterStat("max_host_weight"),
  warmingState: clusterStat("warming_state"),
  updateAttempt: clusterStat("update_attempt"),
  updateSuccess: clusterStat("update_success"),
  updateFailure: clusterStat("update_failure"),
  updateEmpty: clusterStat("update_empty"),
  updateNoRebuild: clusterStat("update_no_rebuild"),
} as const;

const IDENTITIES: Readonly<Record<Discovery["kind"], HostIdentity>> = {
  static: "endpoint",
  strict_dns: "address",
  logical_dns: "endpoint",
  eds: "address",
  original_dst: "address",
  dynamic: "hostname",
};

export interface MainClusterOptions {
  readonly context: CompileContext;
  readonly memory: HostMemory;
  readonly ids: HostIds;
  readonly breakers: BreakerPlace;
  readonly version: number;
  readonly addedViaApi: boolean;
  readonly resolverFor: (options: ResolverOptions) => DnsResolver;
  /** Tells a cluster whose hosts requests name of them. @returns a call that ends it */
  readonly watchDynamicHosts: (
    cluster: envoy_config_cluster_v3_Cluster,
    watcher: DynamicHostWatcher,
  ) => () => void;
  readonly publish: (update: HostUpdate) => void;
  /** Health of hosts to be applied on every thread. */
  readonly publishHealth: (update: HealthUpdate) => void;
  /** Where ejections are logged. */
  readonly outlierLog: EventFile | undefined;
  /** Main's own side of the cluster, once it is there: health checks connect by it. */
  readonly transport: () => CheckTransport;
  /** Undefined where nothing is discovered: when a configuration is only checked. */
  readonly subscribe: Subscriber | undefined;
  /** The text readout of a cluster's version. */
  readonly onText: (name: string, text: string) => void;
  /** Every name has been answered once, well or not, and every host been checked. */
  readonly onInitialized: (cluster: MainCluster) => void;
}

/**
 * A cluster from its message to its hosts in shared memory; tells when its first hosts are known.
 */
export class MainCluster implements DynamicHostWatcher {
  readonly message: envoy_config_cluster_v3_Cluster;
  readonly hosts: ClusterHosts;
  readonly addedViaApi: boolean;
  readonly version: number;
  readonly breakerPlace: BreakerPlace;
  readonly discovery: Discovery;
  isInitialized = false;
  /** Without its endpoints, which workers get as hosts. */
  readonly #sent: envoy_config_cluster_v3_Cluster;
  readonly #health: ClusterHealth;
  #isStarted = false;
  /** Its hosts are known, their checks have begun. */
  #isChecking = false;
  readonly #options: MainClusterOptions;
  readonly #dispatcher: Dispatcher;
  readonly #stats: StatGroup;
  readonly #gauges: BreakerGauges;
  readonly #refreshes: DnsRefresh[] = [];
  readonly #unanswered = new Set<EndpointTemplate>();
  #endWatch: (() => void) | undefined;
  /** The hosts of an ORIGINAL_DST cluster. */
  readonly #met: MetHosts | undefined;
  readonly #eds: EdsHosts | undefined;
  #drop: DropOverload | undefined;
  /** Discovery has not answered yet. */
  #isAwaiting = false;

  constructor(message: envoy_config_cluster_v3_Cluster, options: MainClusterOptions) {
    const { context } = options;
    this.message = message;
    this.#sent = withoutEndpoints(message);
    this.addedViaApi = options.addedViaApi;
    this.version = options.version;
    this.breakerPlace = options.breakers;
    this.#options = options;
    this.#dispatcher = context.dispatcher;
    this.discovery = compileDiscovery(message, context.problems);
    const { kind } = this.discovery;
    const scope = clusterScope(message, context.scope);
    this.hosts = new ClusterHosts(this.#firstTemplate(), {
      memory: options.memory,
      ids: options.ids,
      identity: IDENTITIES[kind],
      newFlags: uncheckedFlags(message, kind === "static"),
      onNewHost: countMatches(message, scope),
      keepsWell: (kind === "eds" || kind === "strict_dns") && message.healthChecks.length > 0 &&
        !message.ignoreHealthOnHostRemoval,
    });
    this.#stats = scope.group(CLUSTER_STATS);
    this.#gauges = new BreakerGauges(message, scope);
    this.#stats.set(STAT.warmingState, 0);
    this.#health = new ClusterHealth(message, {
      context,
      memory: options.memory,
      hosts: this.hosts,
      transport: options.transport,
      outlierLog: options.outlierLog,
      onFlags: () => this.#onFlags(),
      send: options.publishHealth,
    });
    this.#met = this.discovery.kind === "original_dst"
      ? this.#meetHosts(this.discovery.cleanupMs)
      : undefined;
    this.#eds = this.discovery.kind === "eds" ? this.#discover(this.discovery, scope) : undefined;
    // What discovery has not told is not counted either.
    if (this.#eds === undefined) this.#setMembership(this.hosts.membership().total > 0);
  }

  resource(): ClusterResource {
    return {
      message: this.#sent,
      version: this.version,
      addedViaApi: this.addedViaApi,
      breakers: this.breakerPlace,
      hosts: this.update(),
    };
  }

  /** All priorities as they are now. */
  update(): HostUpdate {
    return {
      cluster: this.message.name,
      version: this.version,
      priorityCount: this.hosts.sets.length,
      sets: this.hosts.sets,
      segments: this.hosts.segments(),
      ...(this.#eds === undefined ? {} : { drop: this.#drop ?? "none" as const }),
    };
  }

  /** Begins to resolve names, once; a cluster without any is initialized at once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#met?.start();
    this.#isAwaiting = this.#eds !== undefined;
    this.#eds?.start();
    if (this.discovery.kind === "dynamic") {
      this.#endWatch = this.#options.watchDynamicHosts(this.message, this);
    }
    if ("dns" in this.discovery) {
      const { dns } = this.discovery;
      const resolver = this.#options.resolverFor(dns.resolver);
      for (const endpoint of this.hosts.names()) this.#watch(endpoint, resolver);
    }
    for (const refresh of this.#refreshes) refresh.start();
    this.#checkInitialized();
    // Nobody is to wait for it, though its hosts come later.
    if (this.message.waitForWarmOnInit === false) this.#becomeInitialized();
  }

  /** Ends all its queries and gives its hosts' cells back. */
  stop(): void {
    for (const refresh of this.#refreshes) refresh.stop();
    this.#endWatch?.();
    this.#met?.stop();
    this.#eds?.stop();
    this.#health.stop();
    this.hosts.release();
    for (const stat of [STAT.membershipTotal, STAT.membershipHealthy, STAT.membershipDegraded]) {
      this.#stats.set(stat, 0);
    }
  }

  // Names that requests asked for (DynamicHostWatcher).

  onHosts(hosts: readonly DynamicHost[]): void {
    this.hosts.replace(dynamicAssignment(hosts));
    this.#layOut();
  }

  useCount(name: string): number {
    return this.hosts.useCount(name);
  }

  /** Health flags changed in shared memory: membership follows. */
  refreshMembership(): void {
    this.#setMembership(false);
  }

  /** A worker saw something of a host. */
  onHostEvent(event: HostEvent): void {
    if (event.kind === "met") this.#met?.add(event.address);
    else this.#health.onHostEvent(event);
  }

  /** Of a host in the last interval of outlier detection; undefined where there is none. */
  successRates(hostId: number): SuccessRates | undefined {
    return this.#health.successRates(hostId);
  }

  /** Event logs are opened anew. */
  reopenLogs(): void {
    this.#health.reopenLogs();
  }

  /** Reads the shared counts into the gauges `circuit_breakers.…`; before stats are shown. */
  refreshBreakerGauges(breakers: { readonly [priority in Priority]: SharedBreaker }): void {
    this.#gauges.refresh(breakers);
  }

  #watch(endpoint: EndpointTemplate, resolver: DnsResolver): void {
    const { target } = endpoint;
    const { discovery } = this;
    if (target.kind !== "name" || !("dns" in discovery)) return;
    this.#unanswered.add(endpoint);
    const events = {
      onAttempt: () => this.#stats.inc(STAT.updateAttempt),
      onAddresses: (addresses: readonly DnsAddress[]) => this.#onAddresses(endpoint, addresses),
      onFailure: () => {
        this.#stats.inc(STAT.updateFailure);
        this.#answered(endpoint);
      },
    };
    this.#refreshes.push(
      new DnsRefresh(target.name, discovery.dns, {
        resolver,
        dispatcher: this.#dispatcher,
        events,
      }),
    );
  }

  #onAddresses(endpoint: EndpointTemplate, found: readonly DnsAddress[]): void {
    this.#stats.inc(STAT.updateSuccess);
    const { target } = endpoint;
    const port = target.kind === "name" ? target.port : 0;
    const addresses = found.map(({ host }): Address => ({ kind: "ip", host, port }));
    if (addresses.length === 0 && this.discovery.kind === "logical_dns") {
      // A logical host outlives a name that is gone for a while.
      this.#stats.inc(STAT.updateEmpty);
    } else if (!this.hosts.resolve(endpoint, addresses)) {
      this.#stats.inc(STAT.updateNoRebuild);
    } else {
      this.#layOut();
    }
    this.#answered(endpoint);
  }

  /** Hosts came or went: all threads are told. */
  #layOut(): void {
    this.#setMembership(this.hosts.layOut());
    this.#options.publish(this.update());
    this.#health.hostsChanged();
  }

  /** The hosts before anybody was asked. */
  #firstTemplate(): AssignmentTemplate {
    // Envoy leaves the assignment of a dynamic forward proxy aside.
    if (this.discovery.kind === "dynamic") return dynamicAssignment([]);
    if (this.discovery.kind === "eds") return NO_ENDPOINTS;
    return readAssignment(this.message, "dns" in this.discovery, this.#options.context.problems);
  }

  #onFlags(): void {
    this.#setMembership(false);
    // Not within the check that told so: its session may go.
    if (this.hosts.hasFailedRemoved()) this.#dispatcher.defer(() => this.#layOut());
  }

  #discover(discovery: Discovery & { kind: "eds" }, scope: Scope): EdsHosts {
    const { subscribe, onText } = this.#options;
    return new EdsHosts({
      ...discovery,
      subscribe,
      scope,
      dispatcher: this.#dispatcher,
      stats: scope.group(CLUSTER_STATS),
      onAssignment: ({ template, drop }) => {
        this.#drop = drop;
        this.hosts.replace(template);
        this.#layOut();
      },
      onAnswered: () => {
        if (!this.#isAwaiting) return;
        this.#isAwaiting = false;
        this.#checkInitialized();
      },
      onVersion: (text) => onText(`cluster.${clusterStatName(this.message)}.version_text`, text),
    });
  }

  #meetHosts(cleanupMs: number): MetHosts {
    return new MetHosts({
      cluster: this.message.name,
      cleanupMs,
      memory: this.#options.memory,
      timers: this.#dispatcher.timers,
      hosts: () => this.hosts.sets.flatMap((set) => set.hosts),
      onChange: (template) => {
        this.hosts.replace(template);
        this.#layOut();
      },
    });
  }

  #answered(endpoint: EndpointTemplate): void {
    this.#unanswered.delete(endpoint);
    this.#checkInitialized();
  }

  #checkInitialized(): void {
    if (this.#isChecking || this.#isAwaiting || this.#unanswered.size > 0) return;
    this.#isChecking = true;
    this.#health.start(() => this.#becomeInitialized());
  }

  #becomeInitialized(): void {
    if (this.isInitialized) return;
    this.isInitialized = true;
    this.#options.onInitialized(this);
  }

  #setMembership(hasChanged: boolean): void {
    const membership = this.hosts.membership();
    const stats = this.#stats;
    if (hasChanged) stats.inc(STAT.membershipChange);
    stats.set(STAT.membershipTotal, membership.total);
    stats.set(STAT.membershipHealthy, membership.healthy);
    stats.set(STAT.membershipDegraded, membership.degraded);
    stats.set(STAT.membershipExcluded, membership.excluded);
    const { kind } = this.discovery;
    if (kind === "eds" || "dns" in this.discovery) {
      stats.set(STAT.maxHostWeight, membership.maxWeight);
    }
  }
}

/** Counts each new host for the transport socket it is matched with. */
function countMatches(
  message: envoy_config_cluster_v3_Cluster,
  scope: Scope,
): (endpoint: FilterMetadata, locality: FilterMetadata) => void {
  const matches = new SocketMatches(message);
  const counters = matches.names.map((name) => scope.scope(name).counter("total_match_count"));
  return (endpoint, locality) => counters[matches.indexOf(endpoint, locality)]!.inc();
}

/** As workers compile it: they take a load assignment's policy from it, and nothing below. */
function withoutEndpoints(
  message: envoy_config_cluster_v3_Cluster,
): envoy_config_cluster_v3_Cluster {
  const { loadAssignment } = message;
  if (loadAssignment === undefined) return message;
  return { ...message, loadAssignment: { ...loadAssignment, endpoints: [] } };
}
