/** What the requests of one thread tell of a host; main judges by it. */

import type { HostMonitor } from "./api.ts";
import type { HostEvent } from "./resource.ts";

/** Passes on what a response says of its host. */
export class ThreadHostMonitor implements HostMonitor {
  readonly #cluster: string;
  readonly #hostId: number;
  readonly #tell: (event: HostEvent) => void;

  constructor(cluster: string, hostId: number, tell: (event: HostEvent) => void) {
    this.#cluster = cluster;
    this.#hostId = hostId;
    this.#tell = tell;
  }

  failImmediately(): void {
    this.#tell({ cluster: this.#cluster, hostId: this.#hostId, kind: "immediate_fail" });
  }
}
