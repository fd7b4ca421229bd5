/**
 * Tells all threads that flags of hosts changed. Changes that follow each other within a cluster's
 * `update_merge_window` reach the balancers together (Envoy's ClusterManagerImpl::scheduleUpdate).
 */

import { type Dispatcher, durationMsOr } from "../../base/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import { type Scope, type StatGroup, statTemplate } from "../../stats/mod.ts";
import type { HealthUpdate } from "../resource.ts";

const WINDOW_MS = 1000;
/** Under `cluster_manager`, of all clusters. */
const STATS = statTemplate(
  "cluster_updated cluster_updated_via_merge update_merge_cancelled update_out_of_merge_window",
);
const UPDATED = 0;
const MERGED = 1;
const CANCELLED = 2;
const OUT_OF_WINDOW = 3;

/** A cluster's news, told at once or merged. */
export class HealthNews {
  readonly #cluster: string;
  readonly #windowMs: number;
  readonly #dispatcher: Dispatcher;
  readonly #send: (update: HealthUpdate) => void;
  readonly #stats: StatGroup;
  /** When a priority's health was last told. */
  readonly #toldMs = new Map<number, number>();
  readonly #waiting = new Map<number, { cancel(): void }>();

  constructor(
    cluster: envoy_config_cluster_v3_Cluster,
    parts: {
      readonly dispatcher: Dispatcher;
      /** The root's. */
      readonly scope: Scope;
      readonly send: (update: HealthUpdate) => void;
    },
  ) {
    this.#cluster = cluster.name;
    this.#windowMs = durationMsOr(cluster.commonLbConfig?.updateMergeWindow, WINDOW_MS);
    this.#dispatcher = parts.dispatcher;
    this.#send = parts.send;
    this.#stats = parts.scope.scope("cluster_manager").group(STATS);
  }

  /** @param failedHosts whose idle connections close at once, whatever waits */
  changed(priority: number, failedHosts: readonly number[]): void {
    const refreshes = this.#mayTell(priority);
    if (!refreshes && failedHosts.length === 0) return;
    this.#send({ cluster: this.#cluster, refreshes, failedHosts });
  }

  /** Hosts came or went, which is told at once and with it what waits. */
  hostsChanged(): void {
    this.#stats.inc(UPDATED);
    if (this.#waiting.size === 0) return;
    this.#stats.inc(CANCELLED);
    for (const priority of this.#waiting.keys()) {
      this.#toldMs.set(priority, this.#dispatcher.clock.nowMs());
    }
    this.stop();
    this.#send({ cluster: this.#cluster, refreshes: true, failedHosts: [] });
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  #mayTell(priority: number): boolean {
    const nowMs = this.#dispatcher.clock.nowMs();
    if (nowMs - (this.#toldMs.get(priority) ?? -Infinity) >= this.#windowMs) {
      this.#waiting.get(priority)?.cancel();
      if (this.#waiting.delete(priority)) this.#stats.inc(CANCELLED);
      if (this.#windowMs > 0) this.#stats.inc(OUT_OF_WINDOW);
      this.#stats.inc(UPDATED);
      this.#toldMs.set(priority, nowMs);
      return true;
    }
    if (!this.#waiting.has(priority)) {
      const timer = this.#dispatcher.timers.after(this.#windowMs, () => {
        this.#waiting.delete(priority);
        this.#stats.inc(MERGED);
        this.#toldMs.set(priority, this.#dispatcher.clock.nowMs());
        this.#send({ cluster: this.#cluster, refreshes: true, failedHosts: [] });
      });
      this.#waiting.set(priority, timer);
    }
    return false;
  }
}
