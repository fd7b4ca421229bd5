/**
 * Tells all threads that flags of hosts changed. Changes that follow each other within a cluster's
 * `update_merge_window` reach the balancers together (Envoy's ClusterManagerImpl::scheduleUpdate).
 */

import { type Dispatcher, durationMsOr } from "../../base/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import type { HealthUpdate } from "../resource.ts";

const WINDOW_MS = 1000;

/** A cluster's news, told at once or merged. */
export class HealthNews {
  readonly #cluster: string;
  readonly #windowMs: number;
  readonly #dispatcher: Dispatcher;
  readonly #send: (update: HealthUpdate) => void;
  /** When a priority's health was last told. */
  readonly #toldMs = new Map<number, number>();
  readonly #waiting = new Map<number, { cancel(): void }>();

  constructor(
    cluster: envoy_config_cluster_v3_Cluster,
    dispatcher: Dispatcher,
    send: (update: HealthUpdate) => void,
  ) {
    this.#cluster = cluster.name;
    this.#windowMs = durationMsOr(cluster.commonLbConfig?.updateMergeWindow, WINDOW_MS);
    this.#dispatcher = dispatcher;
    this.#send = send;
  }

  /** @param failedHosts whose idle connections close at once, whatever waits */
  changed(priority: number, failedHosts: readonly number[]): void {
    const refreshes = this.#mayTell(priority);
    if (!refreshes && failedHosts.length === 0) return;
    this.#send({ cluster: this.#cluster, refreshes, failedHosts });
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #mayTell(priority: number): boolean {
    const nowMs = this.#dispatcher.clock.nowMs();
    if (nowMs - (this.#toldMs.get(priority) ?? -Infinity) >= this.#windowMs) {
      this.#waiting.get(priority)?.cancel();
      this.#waiting.delete(priority);
      this.#toldMs.set(priority, nowMs);
      return true;
    }
    if (!this.#waiting.has(priority)) {
      const timer = this.#dispatcher.timers.after(this.#windowMs, () => {
        this.#waiting.delete(priority);
        this.#toldMs.set(priority, this.#dispatcher.clock.nowMs());
        this.#send({ cluster: this.#cluster, refreshes: true, failedHosts: [] });
      });
      this.#waiting.set(priority, timer);
    }
    return false;
  }
}
