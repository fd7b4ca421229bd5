/** Statistics of single endpoints under names of their own (track_cluster_stats.per_endpoint_stats). */

import { formatAddress } from "../../base/mod.ts";
import type { StatValue } from "../../stats/mod.ts";
import type { ClusterSnapshot, HostSnapshot } from "./snapshot.ts";

/** What /clusters shows of each host, and `healthy`; always used, as in Envoy. */
export function endpointStats(cluster: ClusterSnapshot): StatValue[] {
  return cluster.hosts.flatMap((host) => statsOf(cluster.observabilityName, host));
}

function statsOf(cluster: string, host: HostSnapshot): StatValue[] {
  const address = formatAddress(host.address);
  const tags = [
    { name: "envoy.cluster_name", value: cluster },
    { name: "envoy.endpoint_address", value: address },
    ...(host.hostname === "" ? [] : [{ name: "envoy.endpoint_hostname", value: host.hostname }]),
  ];
  const prefix = `cluster.${cluster}.endpoint.${address}.`.replaceAll(":", "_");
  const healthy = {
    name: "healthy",
    kind: "gauge",
    value: host.healthFlags === 0 ? 1 : 0,
  } as const;
  return [...host.stats, healthy].map(({ name, kind, value }) => ({
    name: prefix + name,
    kind,
    value,
    used: true,
    tagged: { name: `cluster.endpoint.${name}`, tags },
  }));
}
