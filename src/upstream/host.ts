/** One host on one thread: its facts, its share of the shared cells, and its pools. */

import type { Address } from "../base/mod.ts";
import type { StatGroup } from "../stats/mod.ts";
import type { Host, HostHealth, HostMonitor } from "./api.ts";
import { healthOf, isExcluded } from "./health_flags.ts";
import { HOST_STAT, type HostSegmentView } from "./host_memory.ts";
import type { PoolLoad } from "./preconnect.ts";
import type { HostData, HostSetData, LocalityData } from "./resource.ts";
import type { TransportSocket } from "./transport_sockets.ts";

/** What a host needs of a pool to let it go. */
export interface HostPool {
  /** Closes idle connections; busy ones close after their last stream. */
  drain(): void;
  /** As `drain`; the pool is not used again. */
  drainForDeletion(): void;
  /** Adds what it carries and could carry. */
  addLoad(load: PoolLoad): void;
}

/**
 * A host as balancers and pools of one thread use it; kept while its id stays, whatever else
 * changes.
 */
export class UpstreamHost implements Host {
  readonly id: number;
  /** Changes where a logical host's name resolves anew. */
  address: Address;
  readonly stats: StatGroup;
  additionalAddresses: readonly Address[];
  hostname: string;
  weight: number;
  priority: number;
  locality: LocalityData;
  metadata: { readonly [filter: string]: unknown } | undefined;
  /** How its connections are made, by its metadata. */
  socket: TransportSocket;
  isCanary: boolean;
  health: HostHealth = "healthy";
  activeRequests = 0;
  /** When a balancer with slow start first saw it healthy; cleared while it is not. */
  healthySinceMs: number | undefined = undefined;
  readonly monitor: HostMonitor | undefined;
  /** Pools by `poolIndex`, sparse. */
  readonly pools: (HostPool | undefined)[] = [];
  /** Pools that a TLS server name or a downstream connection keeps apart. */
  readonly keyedPools: Map<string, HostPool> = new Map();
  /** Whether the last ALPN answer was h2: decides how much a new connection may be trusted to carry. */
  speaksHttp2 = false;
  readonly #view: HostSegmentView;
  readonly #slot: number;
  readonly #isAlone: boolean;

  /** @param isAlone only one thread sends requests, so that sums over threads can be skipped */
  constructor(
    data: HostData,
    set: HostSetData,
    cells: {
      readonly view: HostSegmentView;
      readonly thread: number;
      readonly isAlone: boolean;
      readonly monitor: HostMonitor | undefined;
      readonly socket: TransportSocket;
    },
  ) {
    this.id = data.id;
    this.address = data.address;
    this.additionalAddresses = data.additionalAddresses;
    this.hostname = data.hostname;
    this.weight = data.weight;
    this.priority = set.priority;
    this.locality = set.localities[data.locality]!;
    this.metadata = data.metadata;
    this.socket = cells.socket;
    this.isCanary = data.isCanary;
    this.#view = cells.view;
    this.#slot = data.slot;
    this.#isAlone = cells.isAlone;
    this.monitor = cells.monitor;
    this.stats = cells.view.group(cells.thread, data.slot);
    this.refreshHealth();
  }

  /** Takes over what may change while a host stays the same. */
  update(data: HostData, set: HostSetData, socket: TransportSocket): void {
    this.address = data.address;
    this.additionalAddresses = data.additionalAddresses;
    this.hostname = data.hostname;
    this.weight = data.weight;
    this.priority = set.priority;
    this.locality = set.localities[data.locality]!;
    this.metadata = data.metadata;
    this.socket = socket;
    this.isCanary = data.isCanary;
    this.refreshHealth();
  }

  get healthFlags(): number {
    return this.#view.flags(this.#slot);
  }

  get isExcluded(): boolean {
    return isExcluded(this.healthFlags);
  }

  /** Sets bits for all threads at once; main takes them away again. */
  setHealthFlags(flags: number): void {
    this.#view.changeFlags(this.#slot, flags, 0);
    this.refreshHealth();
  }

  refreshHealth(): void {
    this.health = healthOf(this.healthFlags);
    if (this.health !== "healthy") this.healthySinceMs = undefined;
  }

  /** Requests under way on all threads. */
  totalActiveRequests(): number {
    return this.#isAlone ? this.activeRequests : this.#view.sum(this.#slot, HOST_STAT.rqActive);
  }

  /** Connections of all threads. */
  totalConnections(): number {
    return this.#view.sum(this.#slot, HOST_STAT.cxActive);
  }

  /** Adds the streams of all its pools. */
  addLoad(load: PoolLoad): void {
    for (const pool of this.pools) pool?.addLoad(load);
    for (const pool of this.keyedPools.values()) pool.addLoad(load);
  }

  drainPools(): void {
    for (const pool of this.pools) pool?.drain();
    for (const pool of [...this.keyedPools.values()]) pool.drain();
  }

  /** The host is gone: requests under way end in peace, new ones find other hosts. */
  removePools(): void {
    for (const pool of this.pools) pool?.drainForDeletion();
    for (const pool of [...this.keyedPools.values()]) pool.drainForDeletion();
  }
}
