/** The gauges `circuit_breakers.…` of one cluster, read from the counts that all threads share. */

import type { envoy_config_cluster_v3_Cluster } from "../../proto/mod.ts";
import { type Scope, type StatGroup, statTemplate } from "../../stats/mod.ts";
import type { Priority } from "../api.ts";
import { compileThresholds, type SharedBreaker } from "../circuit_breaker.ts";

const OPEN_GAUGES = statTemplate("", "cx_open cx_pool_open rq_open rq_pending_open rq_retry_open");
const REMAINING_GAUGES = statTemplate(
  "",
  "remaining_cx remaining_cx_pools remaining_pending remaining_retries remaining_rq",
);
const PRIORITIES: readonly Priority[] = ["default", "high"];

interface PriorityGauges {
  readonly priority: Priority;
  readonly open: StatGroup;
  /** Only where `track_remaining` asks for them. */
  readonly remaining: StatGroup | undefined;
}

/** Which limits are reached, and how much is left of them. */
export class BreakerGauges {
  readonly #gauges: readonly PriorityGauges[];

  /** @param scope the cluster's */
  constructor(message: envoy_config_cluster_v3_Cluster, scope: Scope) {
    const thresholds = compileThresholds(message);
    this.#gauges = PRIORITIES.map((priority) => {
      const own = scope.scope("circuit_breakers").scope(priority);
      const { trackRemaining } = thresholds[priority];
      return {
        priority,
        open: own.group(OPEN_GAUGES),
        remaining: trackRemaining ? own.group(REMAINING_GAUGES) : undefined,
      };
    });
  }

  /** Before stats are shown. */
  refresh(breakers: { readonly [priority in Priority]: SharedBreaker }): void {
    for (const { priority, open, remaining } of this.#gauges) {
      const breaker = breakers[priority];
      const rows: readonly (readonly [count: number, max: number])[] = [
        [breaker.connections, breaker.maxConnections],
        [breaker.connectionPools, breaker.maxConnectionPools],
        [breaker.requests, breaker.maxRequests],
        [breaker.pendingRequests, breaker.maxPendingRequests],
        [breaker.retries, breaker.maxRetries],
      ];
      rows.forEach(([count, max], i) => {
        // A limit of 0 that nothing ran into is not reached, as in Envoy.
        const isOpen = count > 0 && count >= max ? 1 : 0;
        // A gauge that never changed stays unused, as `usedonly` shows it.
        if (isOpen !== open.get(i)) open.set(i, isOpen);
      });
      if (remaining === undefined) continue;
      const left = ([count, max]: readonly [number, number]): number => Math.max(0, max - count);
      [rows[0]!, rows[1]!, rows[3]!, rows[4]!, rows[2]!]
        .forEach((row, i) => remaining.set(i, left(row)));
    }
  }
}
