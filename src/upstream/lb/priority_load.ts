/**
 * How much of the traffic each priority gets, from the health of its hosts: Envoy's
 * LoadBalancerBase (source/extensions/load_balancing_policies/common/load_balancer_impl.cc).
 * In percent.
 */

import type { Runtime } from "../../runtime/mod.ts";
import type { HostSet } from "../host_set.ts";

export interface PriorityLoad {
  /** Percent of requests for the healthy and for the degraded hosts of each priority. */
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** Priorities that use all their hosts, well or not. */
  readonly panic: readonly boolean[];
}

/** What one priority can take. */
export interface Availability {
  /** Percent, overprovisioned and capped at 100. */
  readonly healthy: number;
  readonly degraded: number;
}

/** The loads of a cluster without any priority. */
export const EMPTY_LOAD: PriorityLoad = { healthy: [100], degraded: [0], panic: [true] };

/** @param panicThreshold percent; 0 switches panic off */
export function priorityLoad(sets: readonly HostSet[], panicThreshold: number): PriorityLoad {
  if (sets.length === 0) return EMPTY_LOAD;
  const available = sets.map(availabilityOf);
  const total = Math.min(100, available.reduce((sum, a) => sum + a.healthy + a.degraded, 0));
  if (panicThreshold === 0 && total === 0) {
    const none = sets.map(() => 0);
    return { healthy: none, degraded: none, panic: sets.map(() => false) };
  }
  const panic = sets.map((set) => total !== 100 && isInPanic(set, panicThreshold));
  if (panic.every(Boolean)) {
    return { healthy: loadInTotalPanic(sets), degraded: sets.map(() => 0), panic };
  }
  return { ...distribute(available, total), panic };
}

/** The panic threshold in percent, which runtime may change. */
export function panicThreshold(options: {
  readonly runtime: Runtime;
  readonly healthyPanicThreshold: number;
}): number {
  const { runtime, healthyPanicThreshold } = options;
  return Math.min(100, runtime.number("upstream.healthy_panic_threshold", healthyPanicThreshold));
}

/** The first degraded share's index is told apart by `isDegraded`. */
export interface PriorityChoice {
  priority: number;
  isDegraded: boolean;
}

/** Picks a priority by a number in 0–99; writes into `choice`, so that nothing is allocated. */
export function choosePriority(load: PriorityLoad, draw: number, choice: PriorityChoice): void {
  let sum = 0;
  choice.isDegraded = false;
  for (let i = 0; i < load.healthy.length; i++) {
    sum += load.healthy[i]!;
    if (draw < sum) {
      choice.priority = i;
      return;
    }
  }
  for (let i = 0; i < load.degraded.length; i++) {
    sum += load.degraded[i]!;
    if (draw < sum) {
      choice.priority = i;
      choice.isDegraded = true;
      return;
    }
  }
  choice.priority = 0;
}

/** The availability of a priority by the health of its hosts. */
export function availabilityOf(set: HostSet): Availability {
  let healthy: number;
  let degraded: number;
  let total: number;
  if (set.data.weightedPriorityHealth) {
    healthy = weightOf(set.healthy);
    degraded = weightOf(set.degraded);
    total = weightOf(set.hosts) - weightOf(set.excluded);
  } else {
    healthy = set.healthy.length;
    degraded = set.degraded.length;
    total = set.hosts.length - set.excluded.length;
  }
  if (total <= 0) return { healthy: 0, degraded: 0 };
  const factor = set.data.overprovisioningFactor;
  return {
    healthy: Math.min(100, Math.floor(factor * healthy / total)),
    degraded: Math.min(100, Math.floor(factor * degraded / total)),
  };
}

function weightOf(hosts: HostSet["hosts"]): number {
  return hosts.reduce((sum, host) => sum + host.weight, 0);
}

/** Whether too few hosts of a priority are usable; `threshold` is in percent. */
export function isInPanic(set: HostSet, threshold: number): boolean {
  const total = set.hosts.length - set.excluded.length;
  const usable = total <= 0 ? 0 : 100 * (set.healthy.length + set.degraded.length) / total;
  return usable < threshold;
}

/** All priorities panic: by size, the rest to the first that has hosts. */
function loadInTotalPanic(sets: readonly HostSet[]): number[] {
  const hosts = sets.reduce((sum, set) => sum + set.hosts.length, 0);
  const load = sets.map((set) => hosts === 0 ? 0 : Math.floor(100 * set.hosts.length / hosts));
  const first = Math.max(0, sets.findIndex((set) => set.hosts.length > 0));
  load[first] = load[first]! + 100 - load.reduce((sum, share) => sum + share, 0);
  return load;
}

function distribute(
  available: readonly Availability[],
  total: number,
): { healthy: number[]; degraded: number[] } {
  let left = 100;
  const share = (availability: number): number => {
    const load = Math.min(left, Math.floor(availability * 100 / total));
    left -= load;
    return load;
  };
  const healthy = available.map((a) => share(a.healthy));
  const degraded = available.map((a) => share(a.degraded));
  // What remains is rounding: to the first priority that has anything to offer.
  if (left > 0) {
    const firstHealthy = available.findIndex((a) => a.healthy > 0);
    const firstDegraded = available.findIndex((a) => a.degraded > 0);
    if (firstHealthy >= 0) healthy[firstHealthy]! += left;
    else if (firstDegraded >= 0) degraded[firstDegraded]! += left;
  }
  return { healthy, degraded };
}
