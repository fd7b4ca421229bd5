/** The health of one cluster's hosts on main: what checks and requests find is written and told. */

import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { clusterScope } from "../cluster_info.ts";
import type { EventFile } from "../event_file.ts";
import type { CheckableHost, CheckTransport, HealthChecker } from "../health/checker.ts";
import { HEALTH } from "../health_flags.ts";
import { HOST_STAT, type HostMemory } from "../host_memory.ts";
import { OutlierEvents } from "../outlier/events.ts";
import { type DetectedHost, OutlierDetector, type SuccessRates } from "../outlier/detector.ts";
import { OutlierPolicy } from "../outlier/policy.ts";
import { OUTLIER_STATS } from "../outlier/stats.ts";
import type { HealthUpdate, HostJudgement } from "../resource.ts";
import type { ClusterHosts, HostEntry } from "./cluster_hosts.ts";
import { HealthNews } from "./health_news.ts";
import { healthParts } from "./late_parts.ts";

/** What a cluster's health needs of main. */
export interface ClusterHealthOptions {
  readonly context: CompileContext;
  readonly memory: HostMemory;
  readonly hosts: ClusterHosts;
  readonly transport: () => CheckTransport;
  /** Flags changed: membership follows. */
  readonly onFlags: () => void;
  /** Where ejections are logged. */
  readonly outlierLog: EventFile | undefined;
  /** To be applied on every thread. */
  readonly send: (update: HealthUpdate) => void;
}

/** Flags of hosts that nobody has checked yet. */
export function uncheckedFlags(
  message: envoy_config_cluster_v3_Cluster,
  isStatic: boolean,
): number {
  if (message.healthChecks.length === 0) return 0;
  const isLeftOut = message.commonLbConfig?.ignoreNewHostsUntilFirstHc === true && !isStatic;
  return HEALTH.failedActiveHc | (isLeftOut ? HEALTH.pendingActiveHc : 0);
}

/** Runs the checks of a cluster's hosts from its start on. */
export class ClusterHealth {
  readonly #message: envoy_config_cluster_v3_Cluster;
  readonly #options: ClusterHealthOptions;
  readonly #news: HealthNews;
  readonly #checker: HealthChecker | undefined;
  readonly #detector: OutlierDetector | undefined;
  #entries = new Map<number, HostEntry>();
  /** Until the first round of checks is over nothing is told: it all is told then. */
  #state: "waiting" | "first_round" | "running" = "waiting";
  #onReady: () => void = () => {};
  #hasTraffic = false;

  constructor(message: envoy_config_cluster_v3_Cluster, options: ClusterHealthOptions) {
    this.#message = message;
    this.#options = options;
    const { context } = options;
    const { dispatcher, scope } = context;
    this.#news = new HealthNews(message, { dispatcher, scope, send: options.send });
    this.#checker = this.#createChecker();
    this.#detector = this.#createDetector();
  }

  /** @param onReady every host has been checked once; at once where hosts are not checked */
  start(onReady: () => void): void {
    this.#state = "first_round";
    this.#onReady = onReady;
    const hosts = this.#readHosts();
    this.#detector?.setHosts(hosts);
    if (this.#checker === undefined) this.#becomeReady();
    else this.#checker.start(hosts);
  }

  /** Hosts came or went. */
  hostsChanged(): void {
    if (this.#state === "waiting") return;
    if (this.#state === "running") this.#news.hostsChanged();
    const hosts = this.#readHosts();
    this.#detector?.setHosts(hosts);
    this.#checker?.setHosts(hosts);
  }

  /** A worker saw something of a host. */
  onHostEvent(event: HostJudgement): void {
    if (event.kind === "immediate_fail") this.#checker?.failPassively(event.hostId);
    else this.#detector?.onConsecutive(event.hostId, event.kind);
  }

  /** Undefined where outliers are not detected. */
  successRates(hostId: number): SuccessRates | undefined {
    return this.#detector?.successRates(hostId);
  }

  stop(): void {
    this.#checker?.stop();
    this.#detector?.stop();
    this.#news.stop();
  }

  reopenLogs(): void {
    this.#checker?.reopenLogs();
  }

  #createChecker(): HealthChecker | undefined {
    const { context, transport } = this.#options;
    if (this.#message.healthChecks.length === 0) return undefined;
    const { compileCheckPolicy, HealthChecker } = healthParts();
    const policy = compileCheckPolicy(this.#message, context);
    if (policy === undefined) return undefined;
    return new HealthChecker({
      cluster: this.#message.name,
      policy,
      transport,
      hasTraffic: () => this.#sawTraffic(),
      onChecked: (hostId, { isHealthy, hasChanged }) => {
        if (hasChanged) this.#onChanged(hostId, HEALTH.failedActiveHc);
        if (isHealthy) this.#detector?.onActiveSuccess(hostId);
      },
      onFirstRound: () => this.#becomeReady(),
    });
  }

  #createDetector(): OutlierDetector | undefined {
    const { context, outlierLog } = this.#options;
    const { dispatcher, runtime, scope } = context;
    const message = this.#message;
    if (message.outlierDetection === undefined) return undefined;
    return new OutlierDetector({
      policy: new OutlierPolicy(message.outlierDetection, runtime),
      dispatcher,
      stats: clusterScope(message, scope).scope("outlier_detection").group(OUTLIER_STATS),
      events: new OutlierEvents(message.name, outlierLog, dispatcher.clock),
      onChanged: (hostId) => this.#onChanged(hostId, HEALTH.failedOutlierCheck),
    });
  }

  #becomeReady(): void {
    if (this.#state !== "first_round") return;
    this.#state = "running";
    if (this.#checker !== undefined) {
      this.#options.send({ cluster: this.#message.name, refreshes: true, failedHosts: [] });
    }
    this.#onReady();
  }

  /** @param failure the flag that says whether the change was for the worse */
  #onChanged(hostId: number, failure: number): void {
    const entry = this.#entries.get(hostId);
    if (entry === undefined) return;
    this.#options.onFlags();
    if (this.#state !== "running") return;
    const hasFailed = (this.#flagsOf(entry) & failure) !== 0;
    this.#news.changed(entry.set.priority, hasFailed ? [hostId] : []);
  }

  #flagsOf({ data }: HostEntry): number {
    return this.#options.memory.view(data.segment).flags(data.slot);
  }

  #readHosts(): (CheckableHost & DetectedHost)[] {
    const entries = this.#options.hosts.entries();
    this.#entries = new Map(entries.map((entry) => [entry.data.id, entry]));
    return entries.map((entry) => this.#hostOf(entry));
  }

  #hostOf({ data, set, check }: HostEntry): CheckableHost & DetectedHost {
    const view = this.#options.memory.view(data.segment);
    return {
      id: data.id,
      address: data.address,
      hostname: data.hostname,
      locality: set.localities[data.locality]!,
      metadata: data.metadata,
      check,
      get flags() {
        return view.flags(data.slot);
      },
      changeFlags: (add, clear) => {
        view.changeFlags(data.slot, add, clear);
      },
      takeCount: (cell) => view.resetOutlier(data.slot, cell),
    };
  }

  /** Whether a worker has ever opened a connection to one of the hosts. */
  #sawTraffic(): boolean {
    for (const { data } of this.#hasTraffic ? [] : this.#entries.values()) {
      const total = this.#options.memory.view(data.segment).sum(data.slot, HOST_STAT.cxTotal);
      if (total === 0) continue;
      this.#hasTraffic = true;
      break;
    }
    return this.#hasTraffic;
  }
}
