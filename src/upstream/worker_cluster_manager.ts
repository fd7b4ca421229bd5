/** All clusters of one thread, kept up to date by what main posts. */

import { compileClientTls } from "../net/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { Cluster, ClusterManager } from "./api.ts";
import { HostSegmentView } from "./host_memory.ts";
import type { HostSet } from "./host_set.ts";
import type { LocalCluster } from "./lb/policy.ts";
import type {
  ClusterResource,
  ConnectionWanted,
  HealthUpdate,
  HostSegment,
  HostUpdate,
} from "./resource.ts";
import { SOCKET_CONNECTOR } from "./transport.ts";
import { type ClusterParts, WorkerCluster } from "./worker_cluster.ts";

/** What a thread's clusters are given besides what tests put in. */
export interface ClusterManagerOptions extends Partial<Omit<ClusterParts, "context" | "local">> {
  /** `cluster_manager.local_cluster_name`; "" or absent: zones do not count. */
  readonly localCluster?: string;
}

/** The clusters of one thread by name; cluster and host updates replace what they name, whole. */
export class WorkerClusterManager implements ClusterManager {
  readonly #parts: ClusterParts;
  readonly #clusters = new Map<string, WorkerCluster>();
  readonly #views = new Map<number, HostSegmentView>();
  /** "" if there is none. */
  readonly #localName: string;
  /** Workers and main, as main says with the first cluster. */
  #threads = 0;

  constructor(context: CompileContext, options: ClusterManagerOptions = {}) {
    const { localCluster = "", ...parts } = options;
    this.#localName = localCluster;
    this.#parts = {
      connector: SOCKET_CONNECTOR,
      compileTls: compileClientTls,
      member: (name) => this.#clusters.get(name),
      ...parts,
      local: localCluster === "" ? undefined : this.#localCluster(context),
      context,
    };
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  /** As `get`, with all that a thread's own code may see. */
  cluster(name: string): WorkerCluster | undefined {
    return this.#clusters.get(name);
  }

  get names(): IterableIterator<string> {
    return this.#clusters.keys();
  }

  /** Compiles a cluster and swaps it in; streams of an older one of that name end in peace. */
  apply(resource: ClusterResource): WorkerCluster {
    this.#threads = resource.breakers.threads;
    this.#addSegments(resource.hosts.segments);
    const cluster = new WorkerCluster(resource, this.#parts);
    cluster.updateHosts(resource.hosts, this.#views);
    const old = this.#clusters.get(resource.message.name);
    this.#clusters.set(resource.message.name, cluster);
    old?.remove();
    this.#tellLocal(resource.message.name);
    return cluster;
  }

  /** New hosts of a cluster; news of an older version of it is dropped. */
  updateHosts(update: HostUpdate): void {
    const cluster = this.#clusters.get(update.cluster);
    if (cluster === undefined || cluster.version !== update.version) return;
    this.#addSegments(update.segments);
    cluster.updateHosts(update, this.#views);
    this.#tellLocal(update.cluster);
  }

  remove(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    this.#clusters.delete(name);
    cluster.remove();
    this.#tellLocal(name);
  }

  /** Health flags of these clusters' hosts changed in shared memory. */
  refreshHealth(names: Iterable<string> = this.#clusters.keys()): void {
    for (const name of names) {
      this.#clusters.get(name)?.refreshHealth();
      this.#tellLocal(name);
    }
  }

  /** Takes over what main says about the health of a cluster's hosts. */
  applyHealth({ cluster: name, refreshes, failedHosts, tables }: HealthUpdate): void {
    const cluster = this.#clusters.get(name);
    if (refreshes) {
      cluster?.refreshHealth(tables);
      this.#tellLocal(name);
    }
    cluster?.drainHosts(failedHosts);
  }

  /** Another thread waits for a connection of this cluster. */
  giveConnection({ cluster, priority }: ConnectionWanted): void {
    this.#clusters.get(cluster)?.giveConnection(priority);
  }

  /** Idle upstream connections close now, others after their streams. */
  drainConnections(name?: string): void {
    if (name !== undefined) {
      this.#clusters.get(name)?.drainConnections();
      return;
    }
    for (const cluster of this.#clusters.values()) cluster.drainConnections();
  }

  #localCluster({ server }: CompileContext): LocalCluster {
    const hosts = (): HostSet | undefined => this.#clusters.get(this.#localName)?.hostSets[0];
    return {
      name: this.#localName,
      locality: server.locality,
      get hosts() {
        return hosts();
      },
    };
  }

  /** The local cluster's hosts say how much each zone sends. */
  #tellLocal(changed: string): void {
    if (changed !== this.#localName) return;
    for (const [name, cluster] of this.#clusters) {
      if (name !== changed) cluster.refreshLocal();
    }
  }

  #addSegments(segments: readonly HostSegment[]): void {
    for (const segment of segments) {
      if (!this.#views.has(segment.id)) {
        this.#views.set(segment.id, new HostSegmentView(segment, this.#threads));
      }
    }
  }
}
