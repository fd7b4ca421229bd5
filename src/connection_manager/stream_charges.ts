/** What one stream adds to the stats of its manager. */

import type { Protocol, StreamInfo } from "../http/mod.ts";
import type { Histogram, StatGroup } from "../stats/mod.ts";
import { LISTENER_COMPLETED, STAT, TRACED } from "./stats.ts";

export interface ChargedStats {
  readonly stats: StatGroup;
  /** Under the listener's address; undefined where no listener is known. */
  readonly listenerStats: StatGroup | undefined;
  readonly tracingStats: StatGroup;
  readonly requestTime: Histogram;
}

/** One request begins. */
export function chargeBegin({ stats }: ChargedStats, protocol: Protocol): void {
  stats.inc(STAT.downstream_rq_total);
  stats.change(STAT.downstream_rq_active, 1);
  const isHttp2 = protocol === "HTTP/2";
  stats.inc(isHttp2 ? STAT.downstream_rq_http2_total : STAT.downstream_rq_http1_total);
}

/** One response head, interim ones too. Health checks are not traffic. */
export function chargeStatus(charged: ChargedStats, info: StreamInfo, status: number): void {
  if (info.isHealthCheck) return;
  const { stats, listenerStats } = charged;
  stats.inc(STAT.downstream_rq_completed);
  listenerStats?.inc(LISTENER_COMPLETED);
  const kind = Math.floor(status / 100);
  if (kind < 1 || kind > 5) return;
  stats.inc(STAT.downstream_rq_1xx + kind - 1);
  listenerStats?.inc(kind - 1);
}

/** One stream ends: lowers the gauges and records its time in milliseconds. */
export function chargeEnd(charged: ChargedStats, info: StreamInfo, isUpgrade: boolean): void {
  charged.stats.change(STAT.downstream_rq_active, -1);
  if (isUpgrade) charged.stats.change(STAT.downstream_cx_upgrades_active, -1);
  if (info.isHealthCheck) charged.tracingStats.inc(TRACED.healthCheck);
  charged.requestTime.record(info.endMs - info.startMs);
}

/** Why the request is traced, or not. */
export function chargeTracing({ tracingStats }: ChargedStats, info: StreamInfo): void {
  switch (info.traceReason) {
    case "sampled":
      return tracingStats.inc(TRACED.randomSampling);
    case "forced":
      return tracingStats.inc(TRACED.serviceForced);
    case "client":
      return tracingStats.inc(TRACED.clientEnabled);
    case "not_traced":
      return tracingStats.inc(TRACED.notTraceable);
  }
}
