/**
 * Ejects hosts of one cluster that fail too often and lets them back after their time. Requests are
 * counted by all threads in shared memory; this runs on main (Envoy's outlier_detection_impl.cc).
 */

import type { Address, Dispatcher, Timer } from "../../base/mod.ts";
import type { StatGroup } from "../../stats/mod.ts";
import { HEALTH } from "../health_flags.ts";
import { OUTLIER_CELL } from "../host_memory.ts";
import type { OutlierEvents, RateFacts } from "./events.ts";
import type { EjectionType, OutlierPolicy } from "./policy.ts";
import { outlierStat } from "./stats.ts";

/** A host as the detector sees it. */
export interface DetectedHost {
  readonly id: number;
  readonly address: Address;
  readonly flags: number;
  changeFlags(set: number, clear: number): void;
  /** Sets a count of requests to 0. @returns what it was */
  takeCount(cell: number): number;
}

export interface DetectorOptions {
  readonly policy: OutlierPolicy;
  readonly dispatcher: Dispatcher;
  readonly stats: StatGroup;
  readonly events: OutlierEvents;
  /** A host was ejected or let back. */
  readonly onChanged: (hostId: number) => void;
}

/** Percent of a host's requests that succeeded in the last interval; -1 where too few came. */
export interface SuccessRates {
  readonly external: number;
  readonly localOrigin: number;
}

const NO_RATES: SuccessRates = { external: -1, localOrigin: -1 };

/** One host's record of ejections. */
interface Monitor {
  readonly host: DetectedHost;
  numEjections: number;
  /** How many base times the ejection lasts. */
  backoff: number;
  jitterMs: number;
  ejectedMs: number | undefined;
  unejectedMs: number | undefined;
  rates: SuccessRates;
}

interface Rated {
  readonly monitor: Monitor;
  readonly rate: number;
  readonly volume: number;
}

const ACTIVE = outlierStat("active");
const CONSECUTIVE_CELLS = {
  consecutive_5xx: OUTLIER_CELL.consecutive5xx,
  consecutive_gateway_failure: OUTLIER_CELL.consecutiveGateway,
  consecutive_local_origin_failure: OUTLIER_CELL.consecutiveLocal,
} as const;

/** Ejection and return of a cluster's hosts. */
export class OutlierDetector {
  readonly #options: DetectorOptions;
  readonly #timer: Timer;
  readonly #monitors = new Map<number, Monitor>();

  constructor(options: DetectorOptions) {
    this.#options = options;
    this.#timer = options.dispatcher.timers.create(this);
  }

  /** Takes over the cluster's hosts; the first call begins the intervals. */
  setHosts(hosts: readonly DetectedHost[]): void {
    const kept = new Set(hosts.map((host) => host.id));
    for (const [id, { host }] of this.#monitors) {
      if (kept.has(id)) continue;
      if (isEjected(host)) this.#options.stats.change(ACTIVE, -1);
      this.#monitors.delete(id);
    }
    for (const host of hosts) {
      if (this.#monitors.has(host.id)) continue;
      this.#monitors.set(host.id, {
        host,
        numEjections: 0,
        backoff: 0,
        jitterMs: 0,
        ejectedMs: undefined,
        unejectedMs: undefined,
        rates: NO_RATES,
      });
    }
    if (!this.#timer.isArmed) this.#timer.arm(this.#options.policy.intervalMs);
  }

  /** A thread's request was the last that a host may fail in a row. */
  onConsecutive(hostId: number, type: keyof typeof CONSECUTIVE_CELLS): void {
    const monitor = this.#monitors.get(hostId);
    if (monitor === undefined || isEjected(monitor.host)) return;
    this.#detect(monitor, type, undefined);
    if (type === "consecutive_5xx") this.#options.stats.inc(outlierStat("consecutive_5xx"));
    // The next bout counts from its start, also without a success in between.
    monitor.host.takeCount(CONSECUTIVE_CELLS[type]);
  }

  /** As of the last interval's end. */
  successRates(hostId: number): SuccessRates {
    return this.#monitors.get(hostId)?.rates ?? NO_RATES;
  }

  /** An active check passed: a host that is ejected returns. */
  onActiveSuccess(hostId: number): void {
    const monitor = this.#monitors.get(hostId);
    if (monitor === undefined || !this.#options.policy.unejectsOnActiveSuccess) return;
    const { host } = monitor;
    if (isEjected(host) && (host.flags & HEALTH.failedActiveHc) === 0) this.#uneject(monitor);
  }

  onTimer(): void {
    const { dispatcher, policy } = this.#options;
    const now = dispatcher.clock.nowMs();
    for (const monitor of this.#monitors.values()) this.#returnIfDue(monitor, now);
    for (const monitor of this.#monitors.values()) monitor.rates = NO_RATES;
    this.#judgeRates(false);
    if (policy.splitsLocalOrigin) this.#judgeRates(true);
    for (const monitor of this.#monitors.values()) {
      const { backoff, unejectedMs } = monitor;
      if (isEjected(monitor.host) || backoff === 0 || unejectedMs === undefined) continue;
      if (now - unejectedMs >= policy.intervalMs) monitor.backoff--;
    }
    this.#timer.arm(policy.intervalMs);
  }

  stop(): void {
    this.#timer.cancel();
    for (const { host } of this.#monitors.values()) {
      if (isEjected(host)) this.#options.stats.change(ACTIVE, -1);
    }
    this.#monitors.clear();
  }

  #returnIfDue(monitor: Monitor, now: number): void {
    if (!isEjected(monitor.host)) return;
    const { policy } = this.#options;
    const lastsMs = Math.min(policy.baseEjectionMs * monitor.backoff, policy.maxEjectionMs);
    if (lastsMs + monitor.jitterMs <= now - (monitor.ejectedMs ?? 0)) this.#uneject(monitor);
  }

  #uneject(monitor: Monitor): void {
    const { dispatcher, events, onChanged, stats } = this.#options;
    const now = dispatcher.clock.nowMs();
    stats.change(ACTIVE, -1);
    monitor.host.changeFlags(0, HEALTH.failedOutlierCheck);
    for (const cell of Object.values(CONSECUTIVE_CELLS)) monitor.host.takeCount(cell);
    monitor.unejectedMs = now;
    onChanged(monitor.host.id);
    events.uneject(factsOf(monitor, now, monitor.ejectedMs));
  }

  #detect(monitor: Monitor, type: EjectionType, rates: RateFacts | undefined): void {
    const { policy, stats, events, dispatcher } = this.#options;
    stats.inc(outlierStat(`detected_${type}`));
    const active = stats.get(ACTIVE);
    const percent = 100 * (active + 1) / this.#monitors.size;
    const mayEject = percent <= policy.maxEjectionPercent ||
      (policy.alwaysEjectsOne && active === 0);
    if (!mayEject) {
      stats.inc(outlierStat("overflow"));
      return;
    }
    if (type === "consecutive_5xx" || type === "success_rate") stats.inc(outlierStat("total"));
    const isEnforced = policy.enforces(type, dispatcher.random);
    const now = dispatcher.clock.nowMs();
    const last = monitor.unejectedMs;
    if (isEnforced) this.#eject(monitor, type, now);
    events.eject(factsOf(monitor, now, last), { type, isEnforced, rates });
  }

  #eject(monitor: Monitor, type: EjectionType, now: number): void {
    const { policy, stats, dispatcher, onChanged } = this.#options;
    stats.change(ACTIVE, 1);
    stats.inc(outlierStat("enforced_total"));
    stats.inc(outlierStat(`enforced_${type}`));
    monitor.host.changeFlags(HEALTH.failedOutlierCheck, 0);
    monitor.numEjections++;
    monitor.ejectedMs = now;
    const base = policy.baseEjectionMs;
    if (monitor.backoff * base < policy.maxEjectionMs + base) monitor.backoff++;
    const jitterMs = policy.maxJitterMs;
    monitor.jitterMs = jitterMs < 1 ? 0 : dispatcher.random.below(jitterMs + 1);
    onChanged(monitor.host.id);
  }

  /** Judges what the last interval counted, and begins the next. */
  #judgeRates(isLocal: boolean): void {
    const { policy } = this.#options;
    const { successRate, failurePercentage } = policy;
    const rated = this.#takeRates(isLocal);
    const size = this.#monitors.size;
    if (size < successRate.minHosts && size < failurePercentage.minHosts) return;
    const shown = Math.min(successRate.volume, failurePercentage.volume);
    for (const { monitor, rate, volume } of rated) {
      if (volume < shown) continue;
      monitor.rates = { ...monitor.rates, [isLocal ? "localOrigin" : "external"]: rate };
    }
    const bySuccess = rated.filter(({ volume }) => volume >= successRate.volume);
    if (bySuccess.length > 0 && bySuccess.length >= successRate.minHosts) {
      const averageRate = bySuccess.reduce((sum, { rate }) => sum + rate, 0) / bySuccess.length;
      const variance = bySuccess.reduce((sum, { rate }) => sum + (rate - averageRate) ** 2, 0) /
        bySuccess.length;
      const threshold = averageRate - successRate.factor * Math.sqrt(variance);
      for (const { monitor, rate } of bySuccess) {
        if (rate >= threshold) continue;
        if (!isLocal) this.#options.stats.inc(outlierStat("success_rate"));
        const type = isLocal ? "local_origin_success_rate" : "success_rate";
        this.#detect(monitor, type, { hostRate: rate, averageRate, threshold });
      }
    }
    const byFailure = rated.filter(({ volume }) => volume >= failurePercentage.volume);
    if (byFailure.length === 0 || byFailure.length < failurePercentage.minHosts) return;
    for (const { monitor, rate } of byFailure) {
      if (100 - rate < failurePercentage.threshold || isEjected(monitor.host)) continue;
      const type = isLocal ? "local_origin_failure_percentage" : "failure_percentage";
      this.#detect(monitor, type, { hostRate: rate, averageRate: -1, threshold: -1 });
    }
  }

  #takeRates(isLocal: boolean): Rated[] {
    const rated: Rated[] = [];
    for (const monitor of this.#monitors.values()) {
      const { host } = monitor;
      const volume = host.takeCount(isLocal ? OUTLIER_CELL.localTotal : OUTLIER_CELL.total);
      const success = host.takeCount(isLocal ? OUTLIER_CELL.localSuccess : OUTLIER_CELL.success);
      if (volume === 0 || isEjected(host)) continue;
      rated.push({ monitor, rate: Math.min(100, success * 100 / volume), volume });
    }
    return rated;
  }
}

function isEjected(host: DetectedHost): boolean {
  return (host.flags & HEALTH.failedOutlierCheck) !== 0;
}

function factsOf(monitor: Monitor, now: number, lastMs: number | undefined): {
  readonly address: Address;
  readonly numEjections: number;
  readonly msSinceLastAction: number | undefined;
} {
  return {
    address: monitor.host.address,
    numEjections: monitor.numEjections,
    msSinceLastAction: lastMs === undefined ? undefined : now - lastMs,
  };
}
