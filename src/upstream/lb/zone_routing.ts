/**
 * Zone-aware routing: as many requests as the own zone can take stay there, the rest goes to the
 * zones with room to spare (Envoy's ZoneAwareLoadBalancerBase,
 * source/extensions/load_balancing_policies/common/load_balancer_impl.cc). What each zone must send
 * is known by the local cluster, whose hosts are this proxy's peers. First priority only.
 */

import type { LoadBalancerContext } from "../api.ts";
import { clusterStat } from "../cluster_stats.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { ZoneOptions } from "./locality_config.ts";
import type { BalancerOptions, HostPicker, LocalCluster, PickingPolicy } from "./policy.ts";
import { isInPanic, panicThreshold } from "./priority_load.ts";
import { type Zone, zonesOf } from "./zones.ts";

const STAT = {
  recalculated: clusterStat("lb_recalculate_zone_structures"),
  localNotOk: clusterStat("lb_local_cluster_not_ok"),
  tooSmall: clusterStat("lb_zone_cluster_too_small"),
  noCapacityLeft: clusterStat("lb_zone_no_capacity_left"),
  allDirectly: clusterStat("lb_zone_routing_all_directly"),
  crossZone: clusterStat("lb_zone_routing_cross_zone"),
  sampled: clusterStat("lb_zone_routing_sampled"),
} as const;

/** Shares are counted in parts of this. */
const WHOLE = 10_000;

/** `direct`: all to the own zone; `residual`: what fits there, the rest elsewhere. */
type Mode = "off" | "direct" | "residual";

/** Pickers of one zone, made at its first request. */
interface ZonePickers {
  readonly zone: Zone;
  healthy: HostPicker | undefined;
  degraded: HostPicker | undefined;
}

/** Routes requests of one priority by zone, on one thread. */
export class ZoneRouting {
  readonly #policy: PickingPolicy;
  readonly #options: BalancerOptions;
  readonly #zoneOptions: ZoneOptions;
  readonly #failsOnPanic: boolean;
  readonly #local: LocalCluster;
  #mode: Mode = "off";
  #pickers: readonly ZonePickers[] = [];
  /** Of WHOLE, in mode `residual`. */
  #localShare = 0;
  /** Running sums of what each zone can take beyond its own. */
  #residual: readonly number[] = [];

  constructor(
    policy: PickingPolicy,
    options: BalancerOptions,
    zones: {
      readonly local: LocalCluster;
      readonly options: ZoneOptions;
      readonly failsOnPanic: boolean;
    },
  ) {
    this.#policy = policy;
    this.#options = options;
    this.#zoneOptions = zones.options;
    this.#failsOnPanic = zones.failsOnPanic;
    this.#local = zones.local;
  }

  get isActive(): boolean {
    return this.#mode !== "off";
  }

  /** The cluster's or the local cluster's hosts changed. */
  refresh(set: HostSet | undefined): void {
    this.#options.stats.inc(STAT.recalculated);
    this.#mode = "off";
    this.#pickers = [];
    if (set === undefined) return;
    const zones = zonesOf(set, this.#local.locality);
    const local = this.#local.hosts;
    if (!this.#mayRoute(set, zones, local)) return;
    this.#pickers = zones.map((zone) => ({ zone, healthy: undefined, degraded: undefined }));
    this.#computeShares(zones, zonesOf(local!, this.#local.locality));
  }

  /** @returns a zone's picker, "all" if zones do not count for this request, "none" for no host */
  choose(isDegraded: boolean): HostPicker | "all" | "none" {
    const { random } = this.#options.dispatcher;
    if (random.below(100) >= this.#enabledPct()) return "all";
    if (this.#isLocalInPanic()) {
      this.#options.stats.inc(STAT.localNotOk);
      return this.#failsOnPanic ? "none" : "all";
    }
    const pickers = this.#pickers[this.#chooseZone()]!;
    const { zone } = pickers;
    return isDegraded
      ? pickers.degraded ??= this.#policy.createPicker(zone.degraded, undefined)
      : pickers.healthy ??= this.#policy.createPicker(zone.healthy, undefined);
  }

  #mayRoute(set: HostSet, zones: readonly Zone[], local: HostSet | undefined): boolean {
    const options = this.#zoneOptions;
    if (zones.length < 2) return false;
    const isForced = options.isDirectForced || options.forcedFromHosts !== undefined;
    const localZones = local === undefined ? 0 : zonesOf(local, this.#local.locality).length;
    if (localZones < 2 && !isForced) return false;
    if (this.#isLocalInPanic()) {
      this.#options.stats.inc(STAT.localNotOk);
      return false;
    }
    const key = "upstream.zone_routing.min_cluster_size";
    if (set.healthy.length < this.#options.runtime.number(key, options.minClusterSize)) {
      this.#options.stats.inc(STAT.tooSmall);
      return false;
    }
    return true;
  }

  #computeShares(zones: readonly Zone[], localZones: readonly Zone[]): void {
    const capacityOf = this.#zoneOptions.countsWeights ? weightOf : countOf;
    const upstreamTotal = zones.reduce((sum, zone) => sum + capacityOf(zone.healthy), 0);
    const localTotal = localZones.reduce((sum, zone) => sum + capacityOf(zone.healthy), 0);
    const shareOf = (part: number, total: number): number =>
      total > 0 ? Math.floor(WHOLE * part / total) : 0;
    const shares = zones.map((zone) => {
      // A zone without healthy hosts takes nothing, whatever is sent there.
      if (zone.healthy.length === 0) return { local: 0, upstream: 0 };
      const peers = localZones.find((peer) => peer.name === zone.name);
      return {
        local: shareOf(peers === undefined ? 0 : capacityOf(peers.healthy), localTotal),
        upstream: shareOf(capacityOf(zone.healthy), upstreamTotal),
      };
    });
    const own = zones[0]!.isLocal ? shares[0] : undefined;
    if (own !== undefined && this.#isDirect(own, zones[0]!)) {
      this.#mode = "direct";
      return;
    }
    this.#mode = "residual";
    this.#localShare = own === undefined || own.local === 0
      ? 0
      : Math.floor(own.upstream * WHOLE / own.local);
    let sum = 0;
    this.#residual = shares.map((share) => {
      if (share !== own) sum += Math.max(0, share.upstream - share.local);
      return sum;
    });
  }

  #isDirect(
    own: { readonly local: number; readonly upstream: number },
    { healthy }: Zone,
  ): boolean {
    const { isDirectForced, forcedFromHosts } = this.#zoneOptions;
    if (forcedFromHosts !== undefined && healthy.length >= forcedFromHosts) return true;
    return own.upstream > 0 && (isDirectForced || own.upstream >= own.local);
  }

  #chooseZone(): number {
    const { stats, dispatcher: { random } } = this.#options;
    if (this.#mode === "direct") {
      stats.inc(STAT.allDirectly);
      return 0;
    }
    if (this.#localShare > 0 && random.below(WHOLE) < this.#localShare) {
      stats.inc(STAT.sampled);
      return 0;
    }
    stats.inc(STAT.crossZone);
    const total = this.#residual[this.#residual.length - 1]!;
    // Rounding may leave no room anywhere.
    if (total === 0) {
      stats.inc(STAT.noCapacityLeft);
      return random.below(this.#residual.length);
    }
    const draw = random.below(total);
    let zone = 0;
    while (draw >= this.#residual[zone]!) zone++;
    return zone;
  }

  #enabledPct(): number {
    const { routingEnabledPct } = this.#zoneOptions;
    return this.#options.runtime.number("upstream.zone_routing.enabled", routingEnabledPct);
  }

  #isLocalInPanic(): boolean {
    const { hosts } = this.#local;
    return hosts === undefined || isInPanic(hosts, panicThreshold(this.#options));
  }
}

/** Picks by zone where zones count, else from the whole priority. */
export function pickByZone(
  zones: ZoneRouting,
  request: { readonly isDegraded: boolean; readonly all: HostPicker },
  context: LoadBalancerContext | undefined,
): UpstreamHost | undefined {
  const choice = zones.choose(request.isDegraded);
  if (choice === "none") return undefined;
  return (choice === "all" ? request.all : choice).pick(context);
}

function countOf(hosts: readonly UpstreamHost[]): number {
  return hosts.length;
}

function weightOf(hosts: readonly UpstreamHost[]): number {
  return hosts.reduce((sum, host) => sum + host.weight, 0);
}
