/** What admin's /clusters shows; read from shared memory, no worker is asked. */

import type { Address } from "../../base/mod.ts";
import { HOST_STATS, type HostMemory } from "../host_memory.ts";
import { formatHealthFlags } from "../health_flags.ts";
import type { LocalityData } from "../resource.ts";
import type { SharedBreaker, Thresholds } from "../circuit_breaker.ts";
import type { Priority } from "../api.ts";
import type { MainCluster } from "./main_cluster.ts";

/** One host with its stats summed over all threads. */
export interface HostSnapshot {
  readonly address: Address;
  readonly hostname: string;
  readonly weight: number;
  readonly priority: number;
  readonly locality: LocalityData;
  readonly isCanary: boolean;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  /** Bits of HEALTH. */
  readonly healthFlags: number;
  /** `healthy`, or flags as `/failed_eds_health`. */
  readonly healthText: string;
  /** `health_status` as configured. */
  readonly edsHealthStatus: number;
  /** Percent in the last interval of outlier detection; -1 where it is not known. */
  readonly successRate: number;
  readonly localOriginSuccessRate: number;
  /** Counters first, in name order, then gauges. */
  readonly stats: readonly {
    readonly name: string;
    readonly kind: "counter" | "gauge";
    readonly value: number;
  }[];
}

/** One cluster as /clusters prints it. */
export interface ClusterSnapshot {
  readonly name: string;
  /** alt_stat_name, or the name. */
  readonly observabilityName: string;
  readonly addedViaApi: boolean;
  readonly version: number;
  readonly thresholds: { readonly [priority in Priority]: Thresholds };
  readonly hosts: readonly HostSnapshot[];
}

/** One cluster with its thresholds, hosts, their health and counts, as they are at this moment. */
export function snapshotCluster(
  cluster: MainCluster,
  memory: HostMemory,
  breakers: { readonly [priority in Priority]: SharedBreaker },
): ClusterSnapshot {
  const { message } = cluster;
  return {
    name: message.name,
    observabilityName: message.altStatName === "" ? message.name : message.altStatName,
    addedViaApi: cluster.addedViaApi,
    version: cluster.version,
    thresholds: { default: breakers.default.thresholds, high: breakers.high.thresholds },
    hosts: cluster.hosts.sets.flatMap((set) =>
      set.hosts.map((host): HostSnapshot => {
        const view = memory.view(host.segment);
        const healthFlags = view.flags(host.slot);
        const rates = cluster.successRates(host.id);
        return {
          address: host.address,
          hostname: host.hostname,
          weight: host.weight,
          priority: set.priority,
          locality: set.localities[host.locality]!,
          isCanary: host.isCanary,
          metadata: host.metadata,
          healthFlags,
          healthText: formatHealthFlags(healthFlags),
          edsHealthStatus: host.edsHealthStatus,
          successRate: rates?.external ?? -1,
          localOriginSuccessRate: rates?.localOrigin ?? -1,
          stats: HOST_STATS.map((spec, i) => ({
            name: spec.name,
            kind: spec.kind,
            value: view.sum(host.slot, i),
          })),
        };
      })
    ),
  };
}
