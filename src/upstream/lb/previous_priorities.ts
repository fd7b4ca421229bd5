/**
 * Retry priorities: a retry leaves out the priorities that were tried before (Envoy's
 * source/extensions/retry/priority/previous_priorities/previous_priorities.cc).
 */

import type { Host, RetryPriority } from "../api.ts";
import type { HostSet } from "../host_set.ts";
import { type Availability, availabilityOf, type PriorityLoad } from "./priority_load.ts";

/** The tries of one request, and the load they leave to the next one. */
export class PreviousPriorities implements RetryPriority {
  readonly #updateFrequency: number;
  readonly #attempted: Host[] = [];
  readonly #excluded = new Set<number>();
  #load: PriorityLoad | undefined;

  /** @param updateFrequency tries between two changes of the load; 1 or more */
  constructor(updateFrequency: number) {
    this.#updateFrequency = updateFrequency;
  }

  onHostAttempted(host: Host): void {
    this.#attempted.push(host);
  }

  adjust(
    sets: readonly HostSet[],
    original: PriorityLoad,
    priorityOf: (host: Host) => number | undefined = ownPriority,
  ): PriorityLoad {
    const attempts = this.#attempted.length;
    if (attempts < this.#updateFrequency) return original;
    if (attempts % this.#updateFrequency === 0) {
      for (const host of this.#attempted) {
        const priority = priorityOf(host);
        if (priority !== undefined) this.#excluded.add(priority);
      }
      this.#load = this.#withoutExcluded(sets.map(availabilityOf), original.panic);
    }
    return this.#load ?? original;
  }

  /** @returns undefined where no priority has anything to offer */
  #withoutExcluded(
    available: readonly Availability[],
    panic: PriorityLoad["panic"],
  ): PriorityLoad | undefined {
    let shares = this.#shares(available);
    if (sum(shares) === 0) {
      // All were tried: it begins anew, which is better than no host at all.
      this.#excluded.clear();
      this.#attempted.length = 0;
      shares = this.#shares(available);
    }
    const total = Math.min(100, sum(shares));
    return total === 0 ? undefined : { ...spread(shares, total, available), panic };
  }

  #shares(available: readonly Availability[]): number[] {
    return available.map(({ healthy, degraded }, priority) =>
      this.#excluded.has(priority) ? 0 : healthy + degraded
    );
  }
}

const ownPriority = (host: Host): number => host.priority;

/**
 * Gives out 100 percent from the first priority on; what rounding leaves goes round again. A
 * priority's healthy and degraded hosts share by their numbers.
 */
function spread(
  shares: readonly number[],
  total: number,
  available: readonly Availability[],
): { healthy: number[]; degraded: number[] } {
  const healthy = shares.map(() => 0);
  const degraded = shares.map(() => 0);
  let left = 100;
  while (left > 0) {
    for (let i = 0; i < shares.length; i++) {
      const delta = Math.min(left, Math.floor(shares[i]! * 100 / total));
      if (delta === 0) continue;
      const well = Math.floor(delta * available[i]!.healthy / shares[i]!);
      healthy[i]! += well;
      degraded[i]! += delta - well;
      left -= delta;
    }
  }
  return { healthy, degraded };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
