/**
 * `envoy.clusters.aggregate`: the priorities of several clusters one after the other. A request is
 * balanced over all of them, then within the cluster that it falls to, whose connection and counts
 * it uses (Envoy's source/extensions/clusters/aggregate/cluster.cc).
 */

import type { envoy_extensions_clusters_aggregate_v3_ClusterConfig } from "../../proto/mod.ts";
import type { HeaderMap, StreamInfo } from "../../http/mod.ts";
import type { Host, LoadBalancerContext, RetryPriority } from "../api.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { Balancer, BalancerOptions } from "../lb/policy.ts";
import {
  choosePriority,
  EMPTY_LOAD,
  panicThreshold,
  type PriorityChoice,
  type PriorityLoad,
  priorityLoad,
} from "../lb/priority_load.ts";
import type { MemberCluster, ProvidedPolicy, ProvidingCluster } from "./policy.ts";

/** A priority of a member, in the line of all. */
interface Place {
  readonly member: MemberCluster;
  readonly priority: number;
}

/** The policy of an aggregate cluster. */
export function aggregate(
  message: envoy_extensions_clusters_aggregate_v3_ClusterConfig,
): ProvidedPolicy {
  return {
    createBalancer: (options, cluster) => new AggregateBalancer(message.clusters, options, cluster),
  };
}

class AggregateBalancer implements Balancer {
  readonly #names: readonly string[];
  readonly #options: BalancerOptions;
  readonly #cluster: ProvidingCluster;
  /** What the line was made of; it is made again when any of it is another. */
  readonly #members: (MemberCluster | undefined)[] = [];
  readonly #memberSets: (readonly HostSet[] | undefined)[] = [];
  #places: readonly Place[] = [];
  #sets: readonly HostSet[] = [];
  #load: PriorityLoad = EMPTY_LOAD;
  readonly #placeOf = (host: Host): number | undefined => {
    const at = this.#sets.findIndex((set) => set.hosts.includes(host as UpstreamHost));
    return at < 0 ? undefined : at;
  };
  readonly #choice: PriorityChoice = { priority: 0, isDegraded: false };

  constructor(names: readonly string[], options: BalancerOptions, cluster: ProvidingCluster) {
    this.#names = names;
    this.#options = options;
    this.#cluster = cluster;
  }

  /** An aggregate has no hosts of its own; those of its members are looked at for each request. */
  refresh(): void {}

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    if (this.#hasChanged()) this.#lineUp();
    const choice = this.#choice;
    const load = context?.retryPriority?.adjust(this.#sets, this.#load, this.#placeOf) ??
      this.#load;
    choosePriority(load, this.#options.dispatcher.random.below(100), choice);
    const place = this.#places[choice.priority];
    if (place === undefined) return undefined;
    const { priority } = place;
    return place.member.pickHost(new MemberContext(context, priority, choice.isDegraded));
  }

  #hasChanged(): boolean {
    const names = this.#names;
    for (let i = 0; i < names.length; i++) {
      const member = this.#cluster.member(names[i]!);
      if (member !== this.#members[i] || member?.hostSets !== this.#memberSets[i]) return true;
    }
    return false;
  }

  /** Priorities without hosts, and clusters that are not there, have no place in the line. */
  #lineUp(): void {
    const places: Place[] = [];
    const sets: HostSet[] = [];
    this.#names.forEach((name, i) => {
      const member = this.#cluster.member(name);
      this.#members[i] = member;
      this.#memberSets[i] = member?.hostSets;
      if (member === undefined) return;
      member.hostSets.forEach((set, priority) => {
        if (set.hosts.length === 0) return;
        places.push({ member, priority });
        sets.push(set);
      });
    });
    this.#places = places;
    this.#sets = sets;
    this.#load = priorityLoad(sets, panicThreshold(this.#options));
  }
}

/** The request as the chosen member sees it: its priority is settled. */
class MemberContext implements LoadBalancerContext, RetryPriority {
  readonly #context: LoadBalancerContext | undefined;
  readonly #priority: number;
  readonly #isDegraded: boolean;

  constructor(context: LoadBalancerContext | undefined, priority: number, isDegraded: boolean) {
    this.#context = context;
    this.#priority = priority;
    this.#isDegraded = isDegraded;
  }

  get retryPriority(): RetryPriority {
    return this;
  }

  /** Tries are the request's to remember. */
  onHostAttempted(): void {}

  adjust(sets: readonly HostSet[], original: PriorityLoad): PriorityLoad {
    const all = sets.map((_, priority) => priority === this.#priority ? 100 : 0);
    const none = sets.map(() => 0);
    return {
      healthy: this.#isDegraded ? none : all,
      degraded: this.#isDegraded ? all : none,
      panic: original.panic,
    };
  }

  hash(): number | bigint | undefined {
    return this.#context?.hash();
  }

  get requestHeaders(): HeaderMap | undefined {
    return this.#context?.requestHeaders;
  }

  get metadataMatch(): LoadBalancerContext["metadataMatch"] {
    return this.#context?.metadataMatch;
  }

  shouldSelectAnotherHost(host: Host): boolean {
    return this.#context?.shouldSelectAnotherHost(host) ?? false;
  }

  get hostSelectionRetryCount(): number {
    return this.#context?.hostSelectionRetryCount ?? 0;
  }

  get streamInfo(): StreamInfo | undefined {
    return this.#context?.streamInfo;
  }
}
