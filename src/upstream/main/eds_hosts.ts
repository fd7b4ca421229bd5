/**
 * EDS: the assignment of one cluster as discovery brings it, with the counts of its subscription
 * (Envoy's source/extensions/clusters/eds/eds.cc).
 */

import { type Dispatcher, durationMsOr, xxHash64 } from "../../base/mod.ts";
import type { envoy_config_endpoint_v3_ClusterLoadAssignment as Message } from "../../proto/mod.ts";
import { type Histogram, type Scope, type StatGroup, statTemplate } from "../../stats/mod.ts";
import { clusterStat } from "../cluster_stats.ts";
import { type AssignmentTemplate, readLoadAssignment } from "../endpoints.ts";
import { type DropOverload, readDropOverload } from "../drop_overload.ts";
import type {
  ResourceEvents,
  Resources,
  ResourceSource,
  Subscriber,
  Subscription,
} from "./subscription.ts";

const STAT = {
  attempt: clusterStat("update_attempt"),
  success: clusterStat("update_success"),
  failure: clusterStat("update_failure"),
  empty: clusterStat("update_empty"),
  noRebuild: clusterStat("update_no_rebuild"),
  version: clusterStat("version"),
  stale: clusterStat("assignment_stale"),
  timeoutReceived: clusterStat("assignment_timeout_received"),
} as const;
/** What a subscription has beyond what every cluster has. */
const SUBSCRIPTION_STATS = statTemplate("init_fetch_timeout update_rejected", "update_time");
const REJECTED = 1;
const UPDATE_TIME = 2;
const TYPE = "envoy.config.endpoint.v3.ClusterLoadAssignment";

/** An assignment that is taken. */
export interface TakenAssignment {
  readonly template: AssignmentTemplate;
  readonly drop: DropOverload | undefined;
}

export interface EdsHostsOptions {
  /** Name of the assignment. */
  readonly service: string;
  readonly source: ResourceSource;
  readonly subscribe: Subscriber | undefined;
  readonly dispatcher: Dispatcher;
  readonly scope: Scope;
  readonly stats: StatGroup;
  readonly onAssignment: (assignment: TakenAssignment) => void;
  /** The source has answered, well or not; told each time. */
  readonly onAnswered: () => void;
  /** `version_text` of the cluster. */
  readonly onVersion: (text: string) => void;
}

/** The assignment of one cluster from its subscription on. */
export class EdsHosts implements ResourceEvents {
  readonly #options: EdsHostsOptions;
  readonly #subscription: Subscription | undefined;
  readonly #own: StatGroup;
  readonly #duration: Histogram;
  #startedMs = 0;
  /** The assignment as text, which tells whether the next is another. */
  #text = "";
  #staleTimer: { cancel(): void } | undefined;

  constructor(options: EdsHostsOptions) {
    this.#options = options;
    this.#own = options.scope.group(SUBSCRIPTION_STATS);
    this.#duration = options.scope.histogram("update_duration", "milliseconds");
    this.#subscription = options.subscribe?.(options.source, this);
  }

  start(): void {
    if (this.#subscription === undefined) this.#options.onAnswered();
    else this.#subscription.start();
  }

  stop(): void {
    this.#subscription?.stop();
    this.#staleTimer?.cancel();
  }

  onAttempt(): void {
    this.#options.stats.inc(STAT.attempt);
    this.#startedMs = this.#options.dispatcher.clock.nowMs();
  }

  onFailure(): void {
    this.#options.stats.inc(STAT.failure);
    this.#options.onAnswered();
  }

  onRejected(): void {
    this.#own.inc(REJECTED);
    this.#options.onAnswered();
  }

  onResources(resources: Resources): string | undefined {
    const refusal = this.#take(resources);
    if (refusal !== undefined || resources.hasErrors()) {
      this.onRejected();
      return refusal;
    }
    const { stats, dispatcher, onVersion, onAnswered } = this.#options;
    const { version } = resources;
    stats.inc(STAT.success);
    stats.set(STAT.version, Number(xxHash64(version)));
    this.#own.set(UPDATE_TIME, Math.floor(dispatcher.clock.wallMs()));
    this.#duration.record(dispatcher.clock.nowMs() - this.#startedMs);
    onVersion(version);
    onAnswered();
    return undefined;
  }

  #take({ resources, problems, hasErrors }: Resources): string | undefined {
    const { stats, service } = this.#options;
    if (resources.length === 0) {
      stats.inc(STAT.empty);
      return undefined;
    }
    if (resources.length > 1) return `Unexpected EDS resource length: ${resources.length}`;
    const [resource] = resources;
    if (resource!.$typeName !== TYPE) return `Unexpected EDS resource type: ${resource!.$typeName}`;
    const message = resource as Message;
    if (message.clusterName !== service) {
      return `Unexpected EDS cluster (expecting ${service}): ${message.clusterName}`;
    }
    const template = readLoadAssignment(message, false, problems);
    if (!hasErrors()) this.#apply({ template, drop: readDropOverload(message) }, message);
    return undefined;
  }

  #apply(assignment: TakenAssignment, message: Message | undefined): void {
    const { stats, dispatcher, onAssignment } = this.#options;
    this.#staleTimer?.cancel();
    const staleMs = durationMsOr(message?.policy?.endpointStaleAfter, 0);
    if (staleMs > 0) {
      stats.inc(STAT.timeoutReceived);
      this.#staleTimer = dispatcher.timers.after(staleMs, () => this.#onStale());
    }
    const text = JSON.stringify(assignment);
    if (text === this.#text) {
      stats.inc(STAT.noRebuild);
      return;
    }
    this.#text = text;
    onAssignment(assignment);
  }

  /** Nothing came for too long: its endpoints may be gone. */
  #onStale(): void {
    this.#apply({ template: NO_ENDPOINTS, drop: undefined }, undefined);
    this.#options.stats.inc(STAT.stale);
  }
}

/** What is known before the first answer. */
export const NO_ENDPOINTS: AssignmentTemplate = {
  priorities: [{ localities: [], endpoints: [] }],
  overprovisioningFactor: 140,
  weightedPriorityHealth: false,
};
