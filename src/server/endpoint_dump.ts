/** EndpointsConfigDump: the hosts that run, as Envoy prints a ClusterLoadAssignment per cluster. */

import { addressJson, type Json } from "../admin/mod.ts";
import { type ClusterSnapshot, healthOf, type HostSnapshot } from "../upstream/mod.ts";

const HEALTH_NAMES = { healthy: "HEALTHY", degraded: "DEGRADED", unhealthy: "UNHEALTHY" } as const;

/** One `endpoint_config` per cluster; hosts are grouped by priority and locality. */
export function endpointDump(clusters: readonly ClusterSnapshot[]): Json[] {
  return clusters.map((cluster) => ({
    "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    cluster_name: cluster.name,
    endpoints: groups(cluster.hosts).map(localityJson),
    policy: { overprovisioning_factor: 140 },
  }));
}

function groups(hosts: readonly HostSnapshot[]): HostSnapshot[][] {
  const byPlace = new Map<string, HostSnapshot[]>();
  for (const host of hosts) {
    const { region, zone, subZone } = host.locality;
    const key = [host.priority, region, zone, subZone].join("\0");
    const group = byPlace.get(key);
    if (group === undefined) byPlace.set(key, [host]);
    else group.push(host);
  }
  return [...byPlace.values()];
}

function localityJson(hosts: readonly HostSnapshot[]): Json {
  const { locality, priority } = hosts[0]!;
  const { region, zone, subZone } = locality;
  return {
    locality: {
      ...(region === "" ? {} : { region }),
      ...(zone === "" ? {} : { zone }),
      ...(subZone === "" ? {} : { sub_zone: subZone }),
    },
    lb_endpoints: hosts.map((host): Json => ({
      endpoint: {
        address: addressJson(host.address),
        health_check_config: {},
        ...(host.hostname === "" ? {} : { hostname: host.hostname }),
      },
      health_status: HEALTH_NAMES[healthOf(host.healthFlags)],
      ...(host.metadata === undefined
        ? {}
        : { metadata: { filter_metadata: host.metadata as Json } }),
      load_balancing_weight: host.weight,
    })),
    load_balancing_weight: locality.weight ?? 0,
    ...(priority === 0 ? {} : { priority }),
  };
}
