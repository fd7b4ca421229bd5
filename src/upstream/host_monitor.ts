/** What the requests of one thread tell of a host: counted for all threads, judged by main. */

import type { HostMonitor } from "./api.ts";
import { type HostSegmentView, OUTLIER_CELL } from "./host_memory.ts";
import type { OutlierPolicy } from "./outlier/policy.ts";
import type { HostJudgement } from "./resource.ts";

/** Where a host's counts are, and who hears of those that are full. */
export interface MonitorParts {
  readonly cluster: string;
  readonly hostId: number;
  readonly view: HostSegmentView;
  readonly slot: number;
  readonly tell: (event: HostJudgement) => void;
  /** undefined: nothing is counted. */
  readonly policy: OutlierPolicy | undefined;
}

/** Counts results as outlier detection wants them (Envoy's DetectorHostMonitorImpl). */
export class ThreadHostMonitor implements HostMonitor {
  readonly #parts: MonitorParts;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
  }

  failImmediately(): void {
    this.#tell("immediate_fail");
  }

  putStatus(status: number): void {
    const { policy, view, slot } = this.#parts;
    if (policy === undefined) return;
    view.addOutlier(slot, OUTLIER_CELL.total);
    if (status < 500) {
      view.addOutlier(slot, OUTLIER_CELL.success);
      view.resetOutlier(slot, OUTLIER_CELL.consecutive5xx);
      view.resetOutlier(slot, OUTLIER_CELL.consecutiveGateway);
      return;
    }
    if (status < 502 || status > 504) view.resetOutlier(slot, OUTLIER_CELL.consecutiveGateway);
    else if (
      view.addOutlier(slot, OUTLIER_CELL.consecutiveGateway) === policy.consecutiveGatewayFailure
    ) {
      this.#tell("consecutive_gateway_failure");
    }
    if (view.addOutlier(slot, OUTLIER_CELL.consecutive5xx) === policy.consecutive5xx) {
      this.#tell("consecutive_5xx");
    }
  }

  putConnected(): void {
    const { policy, view, slot } = this.#parts;
    if (policy?.splitsLocalOrigin !== true) return;
    view.addOutlier(slot, OUTLIER_CELL.localTotal);
    view.addOutlier(slot, OUTLIER_CELL.localSuccess);
    view.resetOutlier(slot, OUTLIER_CELL.consecutiveLocal);
  }

  putConnectedAlone(): void {
    if (this.#parts.policy?.splitsLocalOrigin === true) this.putConnected();
    else this.putStatus(200);
  }

  putLocalFailure(status: number): void {
    const { policy, view, slot } = this.#parts;
    if (policy?.splitsLocalOrigin !== true) {
      this.putStatus(status);
      return;
    }
    view.addOutlier(slot, OUTLIER_CELL.localTotal);
    const inARow = view.addOutlier(slot, OUTLIER_CELL.consecutiveLocal);
    if (inARow === policy.consecutiveLocalOriginFailure) {
      this.#tell("consecutive_local_origin_failure");
    }
  }

  #tell(kind: HostJudgement["kind"]): void {
    const { cluster, hostId, tell } = this.#parts;
    tell({ cluster, hostId, kind });
  }
}
