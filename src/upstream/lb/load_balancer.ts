/**
 * Priority, then locality where weighted, then host: Envoy's ZoneAwareLoadBalancerBase around any
 * policy. One a cluster and thread; rebuilt in place when hosts or their health change.
 */

import type { LoadBalancerContext } from "../api.ts";
import { clusterStat } from "../cluster_stats.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet, LocalityHosts } from "../host_set.ts";
import { EdfScheduler } from "./edf.ts";
import type { LocalityOptions } from "./locality_config.ts";
import type { Balancer, BalancerOptions, HostPicker, LbPolicy, PickingPolicy } from "./policy.ts";
import {
  choosePriority,
  EMPTY_LOAD,
  panicThreshold,
  type PriorityChoice,
  type PriorityLoad,
  priorityLoad,
} from "./priority_load.ts";
import { pickByZone, ZoneRouting } from "./zone_routing.ts";

const HEALTHY_PANIC = clusterStat("lb_healthy_panic");

interface WeightedLocality {
  readonly weight: number;
  readonly picker: HostPicker;
}

/** The pickers of one priority. */
interface PriorityPickers {
  readonly all: HostPicker;
  readonly healthy: HostPicker;
  readonly degraded: HostPicker;
  readonly healthyLocalities: EdfScheduler<WeightedLocality> | undefined;
  readonly degradedLocalities: EdfScheduler<WeightedLocality> | undefined;
}

const weightOfLocality = (locality: WeightedLocality): number => locality.weight;

/** A policy whose picker runs behind the choice of priority and locality. */
export function behindPriorities(policy: PickingPolicy): LbPolicy {
  return { createBalancer: (options) => new LoadBalancer(policy, options) };
}

/** Chooses a host for a request, or none; policies get the hosts of one priority and locality. */
export class LoadBalancer implements Balancer {
  readonly #policy: PickingPolicy;
  readonly #options: BalancerOptions;
  readonly #locality: LocalityOptions;
  /** Undefined where no local cluster is named. */
  readonly #zones: ZoneRouting | undefined;
  #pickers: PriorityPickers[] = [];
  #sets: readonly HostSet[] = [];
  #load: PriorityLoad = EMPTY_LOAD;
  /** All requests go to the healthy hosts of the first priority. */
  #isSimple = false;
  readonly #choice: PriorityChoice = { priority: 0, isDegraded: false };

  constructor(policy: PickingPolicy, options: BalancerOptions) {
    this.#policy = policy;
    this.#options = options;
    const locality = policy.locality ?? options.locality;
    this.#locality = locality;
    const { local } = options;
    this.#zones = local === undefined ? undefined : new ZoneRouting(policy, options, {
      local,
      options: locality.zones,
      failsOnPanic: locality.failsTrafficOnPanic,
    });
  }

  get load(): PriorityLoad {
    return this.#load;
  }

  /** Takes over changed hosts; `sets` are in order of their priorities, without gaps. */
  refresh(sets: readonly HostSet[]): void {
    this.#sets = sets;
    this.#load = priorityLoad(sets, panicThreshold(this.#options));
    this.#pickers = sets.map((set, i) => this.#pickersOf(set, this.#pickers[i]));
    this.refreshLocal();
  }

  refreshLocal(): void {
    this.#zones?.refresh(this.#sets[0]);
    this.#isSimple = this.#load.healthy[0] === 100 && !this.#load.panic[0] &&
      this.#pickers[0]?.healthyLocalities === undefined && this.#zones?.isActive !== true;
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    let host = this.#chooseOnce(context);
    if (context === undefined || host === undefined) return host;
    const retries = context.hostSelectionRetryCount;
    for (let i = 0; i < retries && context.shouldSelectAnotherHost(host); i++) {
      const other = this.#chooseOnce(context);
      if (other === undefined) return undefined;
      host = other;
    }
    return host;
  }

  #chooseOnce(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const retryPriority = context?.retryPriority;
    if (this.#isSimple && retryPriority === undefined) {
      return this.#pickers[0]!.healthy.pick(context);
    }
    const choice = this.#choice;
    const load = retryPriority?.adjust(this.#sets, this.#load) ?? this.#load;
    choosePriority(load, this.#options.dispatcher.random.below(100), choice);
    const pickers = this.#pickers[choice.priority];
    if (this.#load.panic[choice.priority] === true) {
      this.#options.stats.inc(HEALTHY_PANIC);
      if (this.#locality.failsTrafficOnPanic) return undefined;
      return pickers?.all.pick(context);
    }
    if (pickers === undefined) return undefined;
    const localities = choice.isDegraded ? pickers.degradedLocalities : pickers.healthyLocalities;
    if (localities !== undefined && localities.size > 0) {
      return localities.pick(weightOfLocality)!.picker.pick(context);
    }
    const all = choice.isDegraded ? pickers.degraded : pickers.healthy;
    if (choice.priority > 0 || this.#zones?.isActive !== true) return all.pick(context);
    return pickByZone(this.#zones, { isDegraded: choice.isDegraded, all }, context);
  }

  #pickersOf(set: HostSet, previous: PriorityPickers | undefined): PriorityPickers {
    const policy = this.#policy;
    const localities = this.#locality.usesWeights;
    return {
      all: policy.createPicker(set.hosts, previous?.all),
      healthy: policy.createPicker(set.healthy, previous?.healthy),
      degraded: policy.createPicker(set.degraded, previous?.degraded),
      healthyLocalities: localities ? this.#localities(set, "healthy") : undefined,
      degradedLocalities: localities ? this.#localities(set, "degraded") : undefined,
    };
  }

  /** A locality's weight falls with its health, as a priority's load does; 0 leaves it out. */
  #localities(
    set: HostSet,
    health: "healthy" | "degraded",
  ): EdfScheduler<WeightedLocality> | undefined {
    const weighted: WeightedLocality[] = [];
    for (const group of set.localities) {
      const weight = effectiveWeight(group, health, set.data.overprovisioningFactor);
      if (weight <= 0) continue;
      weighted.push({
        weight,
        picker: this.#policy.createPicker(group[health], undefined),
      });
    }
    if (weighted.length === 0) return undefined;
    const seed = this.#options.dispatcher.random.below(1 << 16);
    return EdfScheduler.afterPicks(weighted, weightOfLocality, seed);
  }
}

function effectiveWeight(
  group: LocalityHosts,
  health: "healthy" | "degraded",
  overprovisioningFactor: number,
): number {
  const total = group.hosts.length - group.excludedCount;
  if (total <= 0) return 0;
  const ratio = group[health].length / total;
  return (group.locality.weight ?? 0) * Math.min(1, overprovisioningFactor / 100 * ratio);
}
