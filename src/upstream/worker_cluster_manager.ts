/** All clusters of one thread, kept up to date by what main posts. */

import { compileClientTls } from "../net/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { Cluster, ClusterManager } from "./api.ts";
import { HostSegmentView } from "./host_memory.ts";
import type { ClusterResource, HealthUpdate, HostSegment, HostUpdate } from "./resource.ts";
import { SOCKET_CONNECTOR } from "./transport.ts";
import { type ClusterParts, WorkerCluster } from "./worker_cluster.ts";

/** The clusters of one thread by name; cluster and host updates replace what they name, whole. */
export class WorkerClusterManager implements ClusterManager {
  readonly #parts: ClusterParts;
  readonly #clusters = new Map<string, WorkerCluster>();
  readonly #views = new Map<number, HostSegmentView>();
  /** Workers and main, as main says with the first cluster. */
  #threads = 0;

  /** @param parts what tests put in place of the system's */
  constructor(context: CompileContext, parts: Partial<Omit<ClusterParts, "context">> = {}) {
    this.#parts = {
      connector: SOCKET_CONNECTOR,
      compileTls: compileClientTls,
      member: (name) => this.#clusters.get(name),
      ...parts,
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
    return cluster;
  }

  /** New hosts of a cluster; news of an older version of it is dropped. */
  updateHosts(update: HostUpdate): void {
    const cluster = this.#clusters.get(update.cluster);
    if (cluster === undefined || cluster.version !== update.version) return;
    this.#addSegments(update.segments);
    cluster.updateHosts(update, this.#views);
  }

  remove(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    this.#clusters.delete(name);
    cluster.remove();
  }

  /** Health flags of these clusters' hosts changed in shared memory. */
  refreshHealth(names: Iterable<string> = this.#clusters.keys()): void {
    for (const name of names) this.#clusters.get(name)?.refreshHealth();
  }

  /** Takes over what main says about the health of a cluster's hosts. */
  applyHealth({ cluster: name, refreshes, failedHosts }: HealthUpdate): void {
    const cluster = this.#clusters.get(name);
    if (refreshes) cluster?.refreshHealth();
    cluster?.drainHosts(failedHosts);
  }

  /** Idle upstream connections close now, others after their streams. */
  drainConnections(name?: string): void {
    if (name !== undefined) {
      this.#clusters.get(name)?.drainConnections();
      return;
    }
    for (const cluster of this.#clusters.values()) cluster.drainConnections();
  }

  #addSegments(segments: readonly HostSegment[]): void {
    for (const segment of segments) {
      if (!this.#views.has(segment.id)) {
        this.#views.set(segment.id, new HostSegmentView(segment, this.#threads));
      }
    }
  }
}
