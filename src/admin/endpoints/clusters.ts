/** /clusters: hosts with their health and stats, as text and as envoy.admin.v3.Clusters. */

import { formatAddress } from "../../base/mod.ts";
import { type ClusterSnapshot, HEALTH, type HostSnapshot } from "../../upstream/mod.ts";
import { type AdminEndpoint, JSON_TYPE, ok, TEXT } from "../endpoint.ts";
import type { Json } from "../host.ts";
import { pretty } from "../json.ts";
import { compileNameFilter } from "../name_filter.ts";
import { addressJson } from "./server.ts";

type Thresholds = ClusterSnapshot["thresholds"]["default"];

/** envoy.config.core.v3.HealthStatus by number. */
const EDS_STATUS: readonly string[] = [
  "HEALTHY",
  "HEALTHY",
  "UNHEALTHY",
  "DRAINING",
  "TIMEOUT",
  "DEGRADED",
];
/** Health flags that have a field of their own in JSON. */
const FLAG_FIELDS: readonly (readonly [flag: number, field: string])[] = [
  [HEALTH.failedActiveHc, "failed_active_health_check"],
  [HEALTH.failedOutlierCheck, "failed_outlier_check"],
  [HEALTH.degradedActiveHc, "failed_active_degraded_check"],
  [HEALTH.pendingDynamicRemoval, "pending_dynamic_removal"],
  [HEALTH.pendingActiveHc, "pending_active_hc"],
  [HEALTH.excludedViaImmediateHcFail, "excluded_via_immediate_hc_fail"],
  [HEALTH.activeHcTimeout, "active_hc_timeout"],
];

export const clusters: AdminEndpoint = {
  path: "/clusters",
  help: "upstream cluster status",
  mutates: false,
  params: ["filter: Regular expression (Google re2) for filtering clusters by name"],
  async handle(request, host) {
    const filter = compileNameFilter(request.query.get("filter"));
    if (typeof filter === "string") return { status: 400, contentType: TEXT, body: filter };
    const shown = (await host.clusters()).filter((cluster) => filter(cluster.name));
    if (request.query.get("format") === "json") {
      return ok(pretty({ cluster_statuses: shown.map(clusterJson) }), JSON_TYPE);
    }
    return ok(shown.map(clusterText).join(""));
  },
};

function clusterText(cluster: ClusterSnapshot): string {
  const lines = [`observability_name::${cluster.observabilityName}`];
  for (const priority of ["default", "high"] as const) {
    for (const [name, value] of thresholdFields(cluster.thresholds[priority])) {
      lines.push(`${priority}_priority::${name}::${value}`);
    }
  }
  lines.push(`added_via_api::${cluster.addedViaApi}`);
  for (const host of cluster.hosts) {
    const address = formatAddress(host.address);
    for (const [name, value] of hostFields(host)) lines.push(`${address}::${name}::${value}`);
  }
  return lines.map((line) => `${cluster.name}::${line}\n`).join("");
}

function hostFields(host: HostSnapshot): (readonly [string, boolean | number | string])[] {
  const stats = host.stats.map(({ name, value }) => [name, value] as const)
    .sort((a, b) => a[0] < b[0] ? -1 : 1);
  return [
    ...stats,
    ["hostname", host.hostname],
    ["health_flags", host.healthText],
    ["weight", host.weight],
    ["region", host.locality.region],
    ["zone", host.locality.zone],
    ["sub_zone", host.locality.subZone],
    ["canary", host.isCanary],
    ["priority", host.priority],
    ["success_rate", host.successRate],
    ["local_origin_success_rate", host.localOriginSuccessRate],
  ];
}

function thresholdFields(thresholds: Thresholds): (readonly [string, number])[] {
  return [
    ["max_connections", thresholds.maxConnections],
    ["max_pending_requests", thresholds.maxPendingRequests],
    ["max_requests", thresholds.maxRequests],
    ["max_retries", thresholds.maxRetries],
  ];
}

function clusterJson(cluster: ClusterSnapshot): Json {
  return {
    name: cluster.name,
    ...(cluster.addedViaApi ? { added_via_api: true } : {}),
    ...(cluster.hosts.length === 0 ? {} : { host_statuses: cluster.hosts.map(hostJson) }),
    circuit_breakers: {
      thresholds: [
        Object.fromEntries(thresholdFields(cluster.thresholds.default)),
        { priority: "HIGH", ...Object.fromEntries(thresholdFields(cluster.thresholds.high)) },
      ],
    },
    observability_name: cluster.observabilityName,
  };
}

function hostJson(host: HostSnapshot): Json {
  const { region, zone, subZone } = host.locality;
  const health: Record<string, Json> = {};
  for (const [flag, field] of FLAG_FIELDS) {
    if ((host.healthFlags & flag) !== 0) health[field] = true;
  }
  return {
    address: addressJson(host.address),
    stats: host.stats.map(({ name, kind, value }): Json => ({
      ...(kind === "gauge" ? { type: "GAUGE" } : {}),
      name,
      ...(value === 0 ? {} : { value: String(value) }),
    })),
    health_status: { ...health, eds_health_status: EDS_STATUS[host.edsHealthStatus] ?? "UNKNOWN" },
    ...rateJson("success_rate", host.successRate),
    weight: host.weight,
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    ...rateJson("local_origin_success_rate", host.localOriginSuccessRate),
    locality: {
      ...(region === "" ? {} : { region }),
      ...(zone === "" ? {} : { zone }),
      ...(subZone === "" ? {} : { sub_zone: subZone }),
    },
  };
}

/** An envoy.type.v3.Percent, where the rate is known. */
function rateJson(name: string, rate: number): Record<string, Json> {
  return rate < 0 ? {} : { [name]: rate === 0 ? {} : { value: rate } };
}
