/** The hosts of a priority by locality, whatever groups configuration put them in. */

import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";

/** Where a host or the proxy itself is. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** All hosts of one locality. */
export interface Zone {
  /** The locality as a text that is equal for equal ones. */
  readonly name: string;
  readonly isLocal: boolean;
  readonly healthy: readonly UpstreamHost[];
  readonly degraded: readonly UpstreamHost[];
}

/** The zones that have hosts: the local one first, then by name, as Envoy keeps them. */
export function zonesOf(set: HostSet, local: Locality | undefined): Zone[] {
  const localName = local === undefined ? undefined : nameOf(local);
  const zones = new Map<string, { healthy: UpstreamHost[]; degraded: UpstreamHost[] }>();
  for (const { locality, hosts, healthy, degraded } of set.localities) {
    if (hosts.length === 0) continue;
    const name = nameOf(locality);
    let zone = zones.get(name);
    if (zone === undefined) zones.set(name, zone = { healthy: [], degraded: [] });
    zone.healthy.push(...healthy);
    zone.degraded.push(...degraded);
  }
  return [...zones].map(([name, zone]) => ({ name, isLocal: name === localName, ...zone }))
    .sort((a, b) => a.isLocal ? -1 : b.isLocal ? 1 : a.name < b.name ? -1 : 1);
}

/** NUL sorts before all that a part may hold, so texts sort as their parts. */
function nameOf({ region, zone, subZone }: Locality): string {
  return `${region}\0${zone}\0${subZone}`;
}
