/** The stats of the process itself, under Envoy's names; main's alone. */

import type { Scope, StatGroup } from "../stats/mod.ts";
import { type StatTemplate, statTemplate } from "../stats/mod.ts";

const SERVER: StatTemplate = statTemplate(
  `debug_assertion_failures dropped_stat_flushes dynamic_unknown_fields envoy_bug_failures
  envoy_notifications main_thread.watchdog_mega_miss main_thread.watchdog_miss static_unknown_fields
  wip_protos`,
  `compilation_settings.fips_mode concurrency days_until_first_cert_expiring hot_restart_epoch
  hot_restart_generation live memory_allocated memory_heap_size memory_physical_size
 parent_connections seconds_until_first_ocsp_response_expiring state
  stats_recent_lookups total_connections uptime version`,
);

const OTHERS: StatTemplate = statTemplate(
  `denvoy.worker_faults denvoy.workers_replaced main_thread.watchdog_mega_miss
  main_thread.watchdog_miss workers.watchdog_mega_miss
  workers.watchdog_miss runtime.deprecated_feature_use runtime.load_error runtime.load_success
  runtime.override_dir_exists runtime.override_dir_not_exists listener_manager.listener_added
  listener_manager.listener_create_failure listener_manager.listener_create_success
  listener_manager.listener_in_place_updated listener_manager.listener_modified
  listener_manager.listener_removed listener_manager.listener_stopped
  cluster_manager.cluster_added cluster_manager.cluster_modified cluster_manager.cluster_removed
  cluster_manager.cluster_updated cluster_manager.cluster_updated_via_merge
  cluster_manager.update_merge_cancelled cluster_manager.update_out_of_merge_window`,
  `runtime.admin_overrides_active runtime.deprecated_feature_seen_since_process_start
  runtime.num_keys runtime.num_layers listener_manager.total_filter_chains_draining
  listener_manager.total_listeners_active listener_manager.total_listeners_draining
  listener_manager.total_listeners_warming listener_manager.workers_pinned
  listener_manager.workers_started cluster_manager.active_clusters
  cluster_manager.warming_clusters`,
);

/** Envoy's numbers for `server.state`. */
export const STATE_NUMBERS = {
  LIVE: 0,
  DRAINING: 1,
  PRE_INITIALIZING: 2,
  INITIALIZING: 3,
} as const;

/** Sets and counts by name: rare work, so a name is looked up each time. */
export class ServerStats {
  readonly #groups: readonly (readonly [StatTemplate, StatGroup, string])[];

  constructor(root: Scope, workers: number) {
    this.#groups = [
      [SERVER, root.scope("server").group(SERVER), "server."],
      [OTHERS, root.group(OTHERS), ""],
    ];
    for (let worker = 0; worker < workers; worker++) {
      root.counter(`server.worker_${worker}.watchdog_mega_miss`);
      root.counter(`server.worker_${worker}.watchdog_miss`);
    }
    root.histogram("server.initialization_time_ms", "milliseconds");
  }

  /** @param name full name, as in `server.live` */
  set(name: string, value: number): void {
    const [group, index] = this.#find(name);
    group.set(index, value);
  }

  count(name: string, amount = 1): void {
    const [group, index] = this.#find(name);
    group.add(index, amount);
  }

  #find(name: string): [StatGroup, number] {
    for (const [template, group, prefix] of this.#groups) {
      if (!name.startsWith(prefix)) continue;
      const index = template.findIndex((spec) => prefix + spec.name === name);
      if (index >= 0) return [group, index];
    }
    throw new RangeError(`No server stat "${name}"`);
  }
}
