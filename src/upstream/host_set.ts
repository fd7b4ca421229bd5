/** The hosts of a cluster by priority, sorted by health; rebuilt whole when anything changes. */

import type { UpstreamHost } from "./host.ts";
import type { HostSetData, LocalityData } from "./resource.ts";

/** Hosts of one locality within a priority. */
export interface LocalityHosts {
  readonly locality: LocalityData;
  readonly hosts: readonly UpstreamHost[];
  readonly healthy: readonly UpstreamHost[];
  readonly degraded: readonly UpstreamHost[];
  readonly excludedCount: number;
}

/**
 * The hosts of one priority on one thread, by health and by locality; it never changes once built.
 */
export class HostSet {
  readonly priority: number;
  readonly data: HostSetData;
  readonly hosts: readonly UpstreamHost[];
  readonly healthy: readonly UpstreamHost[];
  readonly degraded: readonly UpstreamHost[];
  readonly excluded: readonly UpstreamHost[];
  readonly localities: readonly LocalityHosts[];

  constructor(data: HostSetData, hosts: readonly UpstreamHost[]) {
    this.priority = data.priority;
    this.data = data;
    this.hosts = hosts;
    this.healthy = hosts.filter((host) => host.health === "healthy");
    this.degraded = hosts.filter((host) => host.health === "degraded");
    this.excluded = hosts.filter((host) => host.isExcluded);
    this.localities = groupByLocality(data, hosts);
  }

  /**
   * A set of the same priority with only the hosts at `indices` (subsets).
   * @param scalesWeights whether a locality's weight falls with the part of its hosts that is left
   */
  picked(indices: readonly number[], scalesWeights: boolean): HostSet {
    const entries = indices.map((i) => this.data.hosts[i]!);
    const hosts = indices.map((i) => this.hosts[i]!);
    if (!scalesWeights) return new HostSet({ ...this.data, hosts: entries }, hosts);
    const counts = this.data.localities.map(() => 0);
    for (const entry of entries) counts[entry.locality]!++;
    const localities = this.data.localities.map((locality, i) => {
      const { weight } = locality;
      const all = this.localities[i]!.hosts.length;
      if (weight === undefined || all === 0) return locality;
      return { ...locality, weight: Math.round(weight * counts[i]! / all) };
    });
    return new HostSet({ ...this.data, localities, hosts: entries }, hosts);
  }
}

function groupByLocality(data: HostSetData, hosts: readonly UpstreamHost[]): LocalityHosts[] {
  const groups: UpstreamHost[][] = data.localities.map(() => []);
  data.hosts.forEach((entry, i) => groups[entry.locality]!.push(hosts[i]!));
  return groups.map((members, i) => ({
    locality: data.localities[i]!,
    hosts: members,
    healthy: members.filter((host) => host.health === "healthy"),
    degraded: members.filter((host) => host.health === "degraded"),
    excludedCount: members.filter((host) => host.isExcluded).length,
  }));
}
