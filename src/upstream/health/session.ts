/**
 * The checks of one host: when the next one is due, and what its result makes of the host's health
 * flags (Envoy's ActiveHealthCheckSession).
 */

import type { Timer } from "../../base/mod.ts";
import { HEALTH } from "../health_flags.ts";
import type { EventHost, FailureType } from "./events.ts";
import type { CheckPolicy } from "./policy.ts";
import type { Probe, ProbeEvents, ProbeFailure } from "./probe.ts";
import { HC_STAT } from "./stats.ts";

/** The host as its checks see it. */
export interface CheckedHost extends EventHost {
  readonly flags: number;
  /** Sets and clears bits for all threads. */
  changeFlags(set: number, clear: number): void;
}

/** Told after every check. */
export interface SessionEvents {
  /** @param hasChanged flags changed that balancing depends on */
  onChecked(
    host: CheckedHost,
    result: { readonly isHealthy: boolean; readonly hasChanged: boolean },
  ): void;
  /** Whether any request has been sent to the cluster yet. */
  hasTraffic(): boolean;
}

type Transition = "unchanged" | "pending" | "changed";

const TIMER_INTERVAL = 0;
const TIMER_TIMEOUT = 1;

/** Thresholds, timers and flags of one host under check. */
export class CheckSession implements ProbeEvents {
  readonly #host: CheckedHost;
  readonly #policy: CheckPolicy;
  readonly #events: SessionEvents;
  readonly #interval: Timer;
  readonly #timeout: Timer;
  readonly #probe: Probe;
  #healthyCount = 0;
  #unhealthyCount = 0;
  #isFirst = true;

  /** @param createProbe makes what is told here */
  constructor(
    host: CheckedHost,
    policy: CheckPolicy,
    parts: { readonly events: SessionEvents; readonly createProbe: (events: ProbeEvents) => Probe },
  ) {
    this.#host = host;
    this.#policy = policy;
    this.#events = parts.events;
    this.#interval = policy.timers.create(this, TIMER_INTERVAL);
    this.#timeout = policy.timers.create(this, TIMER_TIMEOUT);
    this.#probe = parts.createProbe(this);
    const { stats } = policy;
    if ((host.flags & HEALTH.failedActiveHc) === 0) stats.change(HC_STAT.healthy, 1);
    if ((host.flags & HEALTH.degradedActiveHc) !== 0) stats.change(HC_STAT.degraded, 1);
  }

  start(): void {
    const delayMs = this.#policy.times.initialDelay();
    if (delayMs > 0) this.#interval.arm(delayMs);
    else this.#check();
  }

  /** The host is gone. */
  stop(): void {
    this.#interval.cancel();
    this.#timeout.cancel();
    this.#probe.close();
    const { flags } = this.#host;
    const { stats } = this.#policy;
    if ((flags & HEALTH.failedActiveHc) === 0) stats.change(HC_STAT.healthy, -1);
    if ((flags & HEALTH.degradedActiveHc) !== 0) stats.change(HC_STAT.degraded, -1);
  }

  onTimer(tag: number): void {
    if (tag === TIMER_INTERVAL) {
      this.#check();
      return;
    }
    this.#probe.cancel();
    this.#failed({ type: "NETWORK_TIMEOUT", isRetriable: false, httpStatus: undefined });
  }

  // The probe's news.

  onSuccess(isDegraded: boolean): void {
    const { stats, events, logsSuccess } = this.#policy;
    const host = this.#host;
    this.#unhealthyCount = 0;
    let transition = this.#passed();
    transition = this.#clearPending(transition);
    const wasDegraded = (host.flags & HEALTH.degradedActiveHc) !== 0;
    if (isDegraded !== wasDegraded) {
      host.changeFlags(
        isDegraded ? HEALTH.degradedActiveHc : 0,
        isDegraded ? 0 : HEALTH.degradedActiveHc,
      );
      stats.change(HC_STAT.degraded, isDegraded ? 1 : -1);
      events.degraded(host, isDegraded);
      if (transition === "unchanged") transition = "changed";
    }
    if (logsSuccess) events.success(host);
    stats.inc(HC_STAT.success);
    this.#finish(true, transition);
  }

  onFailure({ isRetriable, httpStatus }: ProbeFailure): void {
    this.#failed({ type: "ACTIVE", isRetriable, httpStatus });
  }

  onNetworkFailure(): void {
    this.#failed({ type: "NETWORK", isRetriable: false, httpStatus: undefined });
  }

  onImmediateFail(): void {
    this.#host.changeFlags(HEALTH.excludedViaImmediateHcFail, 0);
  }

  onClusterVerified(): void {
    this.#policy.stats.inc(HC_STAT.verifyCluster);
  }

  /** A response to a request said that the host is to be sent nothing; the checks go on as due. */
  failPassively(): void {
    this.#host.changeFlags(HEALTH.excludedViaImmediateHcFail, 0);
    const transition = this.#setUnhealthy({
      type: "PASSIVE",
      isRetriable: false,
      httpStatus: undefined,
    });
    this.#events.onChecked(this.#host, {
      isHealthy: false,
      hasChanged: transition === "changed",
    });
  }

  #check(): void {
    this.#policy.stats.inc(HC_STAT.attempt);
    this.#timeout.arm(this.#policy.times.timeoutMs);
    this.#probe.start();
  }

  /** Counts a success. The first check of all decides at once. */
  #passed(): Transition {
    const host = this.#host;
    const { stats, events, healthyThreshold } = this.#policy;
    if ((host.flags & HEALTH.failedActiveHc) === 0) return "unchanged";
    if (!this.#isFirst && ++this.#healthyCount < healthyThreshold) return "pending";
    host.changeFlags(
      0,
      HEALTH.failedActiveHc | HEALTH.activeHcTimeout | HEALTH.excludedViaImmediateHcFail,
    );
    stats.change(HC_STAT.healthy, 1);
    events.addHealthy(host, this.#isFirst);
    return "changed";
  }

  #failed(failure: Failure): void {
    this.#finish(false, this.#setUnhealthy(failure));
  }

  #setUnhealthy(failure: Failure): Transition {
    const host = this.#host;
    const { stats, events, unhealthyThreshold, logsFailures } = this.#policy;
    const isNetwork = failure.type === "NETWORK" || failure.type === "NETWORK_TIMEOUT";
    this.#healthyCount = 0;
    let transition: Transition = "unchanged";
    if ((host.flags & HEALTH.failedActiveHc) === 0) {
      const isCounted = isNetwork || failure.isRetriable;
      if (!isCounted || ++this.#unhealthyCount >= unhealthyThreshold) {
        host.changeFlags(HEALTH.failedActiveHc, 0);
        stats.change(HC_STAT.healthy, -1);
        events.ejectUnhealthy(host, failure);
        transition = "changed";
      } else transition = "pending";
    }
    const hasFailed = (host.flags & HEALTH.failedActiveHc) !== 0;
    if (failure.type === "NETWORK_TIMEOUT" && hasFailed) {
      host.changeFlags(HEALTH.activeHcTimeout, 0);
    } else host.changeFlags(0, HEALTH.activeHcTimeout);
    transition = this.#clearPending(transition);
    if (this.#isFirst || logsFailures) events.failure(host, failure, this.#isFirst);
    stats.inc(HC_STAT.failure);
    if (isNetwork) stats.inc(HC_STAT.networkFailure);
    else if (failure.type === "PASSIVE") stats.inc(HC_STAT.passiveFailure);
    return transition;
  }

  /** A host that waited for its first check counts from now on, whatever the result. */
  #clearPending(transition: Transition): Transition {
    if ((this.#host.flags & HEALTH.pendingActiveHc) === 0) return transition;
    this.#host.changeFlags(0, HEALTH.pendingActiveHc);
    return "changed";
  }

  #finish(isHealthy: boolean, transition: Transition): void {
    this.#isFirst = false;
    this.#timeout.cancel();
    const hasTraffic = this.#events.hasTraffic();
    this.#interval.arm(
      this.#policy.times.delayAfter({ isHealthy, isPending: transition === "pending", hasTraffic }),
    );
    this.#events.onChecked(this.#host, { isHealthy, hasChanged: transition === "changed" });
  }
}

interface Failure extends ProbeFailure {
  readonly type: FailureType;
}
