/**
 * The hosts of an ORIGINAL_DST cluster on main: added when a worker meets them, taken away when for
 * a whole interval nobody chose them and no connection is left (Envoy's OriginalDstCluster::cleanup).
 */

import { type Address, formatAddress, type TimerWheel } from "../../base/mod.ts";
import type { AssignmentTemplate, EndpointTemplate } from "../endpoints.ts";
import { HOST_STAT, type HostMemory } from "../host_memory.ts";
import type { HostData } from "../resource.ts";

const LOCALITY = { region: "", zone: "", subZone: "", weight: undefined, metadata: undefined };

export interface MetHostsOptions {
  readonly cluster: string;
  readonly cleanupMs: number;
  readonly memory: HostMemory;
  readonly timers: TimerWheel;
  /** The hosts as they are laid out now. */
  readonly hosts: () => readonly HostData[];
  /** Hosts came or went. */
  readonly onChange: (template: AssignmentTemplate) => void;
}

/** Endpoints by address, and whether anybody uses them. */
export class MetHosts {
  readonly #options: MetHostsOptions;
  readonly #endpoints = new Map<string, EndpointTemplate>();
  /** Requests and connections of a host so far, as of the last sweep. */
  #uses = new Map<string, number>();
  #timer: { cancel(): void } | undefined;
  /** Runs while a change has not been told. */
  #telling: { cancel(): void } | undefined;

  constructor(options: MetHostsOptions) {
    this.#options = options;
  }

  start(): void {
    const { timers, cleanupMs } = this.#options;
    this.#timer = timers.after(cleanupMs, () => {
      this.#sweep();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#telling?.cancel();
  }

  /** Two workers may meet the same host. @returns whether it is new */
  add(address: Address): boolean {
    const key = formatAddress(address);
    if (this.#endpoints.has(key)) return false;
    this.#endpoints.set(key, endpointOf(address, this.#options.cluster + key));
    this.#tell();
    return true;
  }

  /** Hosts that are met within one turn of the timers are told together. */
  #tell(): void {
    this.#telling ??= this.#options.timers.after(0, () => {
      this.#telling = undefined;
      const endpoints = [...this.#endpoints.values()];
      this.#options.onChange({
        priorities: [{ localities: [LOCALITY], endpoints }],
        overprovisioningFactor: 140,
        weightedPriorityHealth: false,
      });
    });
  }

  #sweep(): void {
    const { hosts, memory } = this.#options;
    const uses = new Map<string, number>();
    let hasChanged = false;
    for (const { address, segment, slot } of hosts()) {
      const key = formatAddress(address);
      const view = memory.view(segment);
      const count = view.sum(slot, HOST_STAT.cxTotal) + view.sum(slot, HOST_STAT.rqTotal);
      if (count === this.#uses.get(key) && view.sum(slot, HOST_STAT.cxActive) === 0) {
        this.#endpoints.delete(key);
        hasChanged = true;
      } else uses.set(key, count);
    }
    this.#uses = uses;
    if (hasChanged) this.#tell();
  }
}

function endpointOf(address: Address, hostname: string): EndpointTemplate {
  return {
    priority: 0,
    locality: 0,
    target: address,
    additionalAddresses: [],
    hostname,
    weight: 1,
    edsHealthStatus: 0,
    metadata: undefined,
    isCanary: false,
    check: undefined,
  };
}
