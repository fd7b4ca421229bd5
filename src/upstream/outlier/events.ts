/** Ejections as JSON lines (envoy.data.cluster.v3.OutlierDetectionEvent). */

import { type Address, type Clock, formatAddress } from "../../base/mod.ts";
import { type EventFile, eventTime } from "../event_file.ts";
import type { EjectionType } from "./policy.ts";

/** What an event says of its host. */
export interface EjectionFacts {
  readonly address: Address;
  readonly numEjections: number;
  /** undefined: there was none before. */
  readonly msSinceLastAction: number | undefined;
}

/** Rates behind an ejection by rate. */
export interface RateFacts {
  readonly hostRate: number;
  readonly averageRate: number;
  readonly threshold: number;
}

/** Writes the ejections of one cluster; without a file it does nothing. */
export class OutlierEvents {
  readonly #cluster: string;
  readonly #file: EventFile | undefined;
  readonly #clock: Clock;

  constructor(cluster: string, file: EventFile | undefined, clock: Clock) {
    this.#cluster = cluster;
    this.#file = file;
    this.#clock = clock;
  }

  eject(
    host: EjectionFacts,
    ejection: {
      readonly type: EjectionType;
      readonly isEnforced: boolean;
      readonly rates: RateFacts | undefined;
    },
  ): void {
    const { type, isEnforced, rates } = ejection;
    this.#write(host, {
      type: type.replace(/^local_origin_(.*)$/, "$1_local_origin").toUpperCase(),
      action: "EJECT",
      enforced: isEnforced,
      more: kindJson(type, rates),
    });
  }

  uneject(host: EjectionFacts): void {
    this.#write(host, { type: "CONSECUTIVE_5XX", action: "UNEJECT", enforced: false, more: {} });
  }

  #write(
    { address, numEjections, msSinceLastAction }: EjectionFacts,
    event: {
      readonly type: string;
      readonly action: string;
      readonly enforced: boolean;
      readonly more: object;
    },
  ): void {
    const { type, action, enforced, more } = event;
    this.#file?.write({
      type,
      timestamp: eventTime(this.#clock.wallMs()),
      ...(msSinceLastAction === undefined
        ? {}
        : { secs_since_last_action: String(Math.floor(msSinceLastAction / 1000)) }),
      cluster_name: this.#cluster,
      upstream_url: formatAddress(address),
      action,
      num_ejections: numEjections,
      enforced,
      ...more,
    });
  }
}

function kindJson(type: EjectionType, rates: RateFacts | undefined): object {
  if (rates === undefined) return { eject_consecutive_event: {} };
  const hostRate = Math.floor(rates.hostRate);
  if (type.endsWith("failure_percentage")) {
    return { eject_failure_percentage_event: { host_success_rate: hostRate } };
  }
  return {
    eject_success_rate_event: {
      host_success_rate: hostRate,
      cluster_average_success_rate: Math.floor(rates.averageRate),
      cluster_success_rate_ejection_threshold: Math.floor(rates.threshold),
    },
  };
}
