/**
 * The hosts of a priority with their shares of a hash table: Envoy's normalizeWeights
 * (source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc).
 */

import type { UpstreamHost } from "../host.ts";
import type { HostSet, LocalityHosts } from "../host_set.ts";

/** Hosts in parallel with their shares of the table, which add up to 1. */
export interface WeightedHosts {
  readonly hosts: readonly UpstreamHost[];
  /** Where each stands among all hosts of the priority. */
  readonly indices: readonly number[];
  readonly weights: readonly number[];
  readonly minWeight: number;
  readonly maxWeight: number;
}

/**
 * @param usesAll whether hosts count that are not healthy (panic)
 * @param usesLocalities whether localities have shares by their weights
 */
export function weightHosts(
  set: HostSet,
  { usesAll, usesLocalities }: { readonly usesAll: boolean; readonly usesLocalities: boolean },
): WeightedHosts {
  const hosts: UpstreamHost[] = [];
  const indices: number[] = [];
  const weights: number[] = [];
  const indexOf = new Map(set.hosts.map((host, i) => [host, i]));
  const add = (group: readonly UpstreamHost[], share: number): void => {
    const sum = group.reduce((total, host) => total + host.weight, 0);
    for (const host of group) {
      hosts.push(host);
      indices.push(indexOf.get(host)!);
      weights.push(host.weight * share / sum);
    }
  };
  if (!usesLocalities || set.localities.length === 0) add(usesAll ? set.hosts : set.healthy, 1);
  else {
    const sum = set.localities.reduce((total, group) => total + (group.locality.weight ?? 0), 0);
    for (const group of [...set.localities].sort(byName)) {
      const weight = group.locality.weight ?? 0;
      if (weight > 0) add(usesAll ? group.hosts : group.healthy, weight / sum);
    }
  }
  let minWeight = 1;
  let maxWeight = 0;
  for (const weight of weights) {
    minWeight = Math.min(minWeight, weight);
    maxWeight = Math.max(maxWeight, weight);
  }
  return { hosts, indices, weights, minWeight, maxWeight };
}

/** Rounding adds up in this order, and Envoy keeps localities sorted. */
function byName(a: LocalityHosts, b: LocalityHosts): number {
  return compareText(a.locality.region, b.locality.region) ||
    compareText(a.locality.zone, b.locality.zone) ||
    compareText(a.locality.subZone, b.locality.subZone);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
