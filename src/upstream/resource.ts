/**
 * What main posts to workers about clusters. All of it is structured-clonable; shared buffers go
 * along with the hosts and limits that live in them.
 */

import type { Address } from "../base/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../proto/mod.ts";
import type { Priority } from "./api.ts";
import type { DropOverload } from "./drop_overload.ts";

/** One host as main resolved it. */
export interface HostData {
  /** Unique in the process; stays while the host keeps its address and identity. */
  readonly id: number;
  readonly address: Address;
  readonly additionalAddresses: readonly Address[];
  readonly hostname: string;
  /** 1 or more. */
  readonly weight: number;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
  readonly isCanary: boolean;
  /** Index into `HostSetData.localities`. */
  readonly locality: number;
  /** `health_status` as configured (envoy.config.core.v3.HealthStatus). */
  readonly edsHealthStatus: number;
  /** Place of its shared cells. */
  readonly segment: number;
  readonly slot: number;
}

/** One locality of a priority; `weight` counts where localities are weighted. */
export interface LocalityData {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** undefined: none given, which counts as 0 where locality weights are used. */
  readonly weight: number | undefined;
  readonly metadata: { readonly [filter: string]: unknown } | undefined;
}

/** The hosts of one priority. */
export interface HostSetData {
  readonly priority: number;
  readonly localities: readonly LocalityData[];
  readonly hosts: readonly HostData[];
  /** Percent; Envoy's default is 140. */
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
}

/** Cells of hosts in shared memory, see host_memory.ts. */
export interface HostSegment {
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
}

/**
 * Where a hash puts a request within one priority, laid out on main: indices into the priority's
 * hosts by place, and for a ring the hashes at which places begin, in two halves.
 */
export interface TableData {
  readonly owners: Uint32Array<SharedArrayBuffer>;
  readonly high: Uint32Array<SharedArrayBuffer> | undefined;
  readonly low: Uint32Array<SharedArrayBuffer> | undefined;
}

/** New hosts of a cluster: the priorities that changed, each whole. */
export interface HostUpdate {
  readonly cluster: string;
  readonly version: number;
  readonly priorityCount: number;
  readonly sets: readonly HostSetData[];
  readonly segments: readonly HostSegment[];
  /** Of all priorities, where the policy hashes; without them each thread lays its own out. */
  readonly tables?: readonly TableData[] | undefined;
  /** Requests to turn away, as discovery says; absent: as the cluster's own message says. */
  readonly drop?: DropOverload | "none";
}

/** Health of hosts changed; flags themselves are in shared memory. */
export interface HealthUpdate {
  readonly cluster: string;
  /** Whether balancing takes over the flags now; a merge window may hold that up. */
  readonly refreshes: boolean;
  /** Hosts that failed a check or were ejected: their idle connections close. */
  readonly failedHosts: readonly number[];
  /** As in a HostUpdate, where `refreshes`. */
  readonly tables?: readonly TableData[] | undefined;
}

/** What a worker tells main of a host. */
export type HostEvent = HostJudgement | HostMet;

/** A request of an ORIGINAL_DST cluster named an address that no host had. */
export interface HostMet {
  readonly cluster: string;
  readonly kind: "met";
  readonly address: Address;
}

/** What a worker saw of a host that main must judge. */
export interface HostJudgement {
  readonly cluster: string;
  readonly hostId: number;
  /** A response said `x-envoy-immediate-health-check-fail`, or a count of failures was reached. */
  readonly kind:
    | "immediate_fail"
    | "consecutive_5xx"
    | "consecutive_gateway_failure"
    | "consecutive_local_origin_failure";
}

/** A worker may open no connection to a cluster, having none: another one is to let one go. */
export interface ConnectionWanted {
  readonly cluster: string;
  readonly priority: Priority;
}

/** Where the limits of a cluster are counted, see circuit_breaker.ts. */
export interface BreakerPlace {
  readonly buffer: SharedArrayBuffer;
  /** Index of the cluster's first Int32. */
  readonly base: number;
  /** Threads that count: workers and main. */
  readonly threads: number;
}

/** A cluster as a worker gets it. */
export interface ClusterResource {
  readonly message: envoy_config_cluster_v3_Cluster;
  readonly version: number;
  readonly addedViaApi: boolean;
  readonly breakers: BreakerPlace;
  readonly hosts: HostUpdate;
}
