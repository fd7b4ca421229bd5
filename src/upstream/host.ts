/** One host on one thread: its facts, its share of the shared cells, and its pools. */

import type { Address } from "../base/mod.ts";
import type { StatGroup } from "../stats/mod.ts";
import type { Cluster, Host, HostHealth, HostMonitor, LoadSink } from "./api.ts";
import { healthOf, isExcluded } from "./health_flags.ts";
import { HOST_STAT, HOST_STATS, type HostSegmentView } from "./host_memory.ts";
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

/** Who opens streams and connections on a host. */
export type HostOwner = Pick<Cluster, "newStream" | "newTcpConnection">;

/** What a host gets of its cluster and thread. */
export interface HostCells {
  readonly owner: HostOwner;
  readonly view: HostSegmentView;
  readonly thread: number;
  /** Only one thread sends requests, so that sums over threads can be skipped. */
  readonly isAlone: boolean;
  readonly monitor: HostMonitor | undefined;
  readonly socket: TransportSocket;
}

/**
 * A host as balancers and pools of one thread use it; kept while its id stays, whatever else
 * changes.
 */
export class UpstreamHost implements Host {
  /** Negative until main knows of it. */
  id: number;
  /** The cluster whose pools it has; an aggregate's choice is another's host. */
  readonly owner: HostOwner;
  /** Changes where a logical host's name resolves anew. */
  address: Address;
  stats: StatGroup;
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
  loadSink: LoadSink | undefined = undefined;
  /** When a balancer with slow start first saw it healthy; cleared while it is not. */
  healthySinceMs: number | undefined = undefined;
  monitor: HostMonitor | undefined;
  /** Pools by `poolIndex`, sparse. */
  readonly pools: (HostPool | undefined)[] = [];
  /** Pools that a TLS server name or a downstream connection keeps apart. */
  readonly keyedPools: Map<string, HostPool> = new Map();
  /** Whether the last ALPN answer was h2, so that a new connection can be trusted with as much. */
  speaksHttp2: boolean | undefined = undefined;
  #view: HostSegmentView;
  #slot: number;
  readonly #isAlone: boolean;

  constructor(
    data: HostData,
    set: HostSetData,
    cells: HostCells,
  ) {
    this.id = data.id;
    this.owner = cells.owner;
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

  /** Main has given this host, which the thread met first, its id and cells: counts move there. */
  settle(data: HostData, set: HostSetData, cells: HostCells): void {
    const met = this.stats;
    this.id = data.id;
    this.#view = cells.view;
    this.#slot = data.slot;
    this.stats = cells.view.group(cells.thread, data.slot);
    for (let i = 0; i < HOST_STATS.length; i++) this.stats.add(i, met.get(i));
    this.monitor = cells.monitor;
    this.update(data, set, cells.socket);
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

  /** Takes a connection if the host has fewer than `max` on all threads. */
  tryConnection(max: number): boolean {
    return this.#view.tryConnection(this.#slot, max);
  }

  releaseConnection(): void {
    this.#view.releaseConnections(this.#slot, 1);
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
