/** Where retries go when the priorities that were tried are left out. */

import { assertEquals } from "../../support/assert.ts";
import { fakeHost } from "../../support/fakes/cluster.ts";
import type { HostSet } from "../../../src/upstream/host_set.ts";
import { PreviousPriorities } from "../../../src/upstream/lb/previous_priorities.ts";
import { priorityLoad } from "../../../src/upstream/lb/priority_load.ts";

/** Sets as the load looks at them: how many of ten hosts are well, and how many degraded. */
function setsOf(rows: readonly (readonly [healthy: number, degraded: number])[]): HostSet[] {
  return rows.map(([healthy, degraded], priority) => ({
    priority,
    data: { weightedPriorityHealth: false, overprovisioningFactor: 100 },
    hosts: new Array(10),
    healthy: new Array(healthy),
    degraded: new Array(degraded),
    excluded: [],
  } as unknown as HostSet));
}

const ROWS: {
  name: string;
  sets: (readonly [number, number])[];
  frequency: number;
  attempts: number[];
  /** Shares of healthy and degraded hosts before each attempt's successor. */
  want: { healthy: number[]; degraded: number[] }[];
}[] = [
  {
    name: "each try excludes its priority; then it begins anew",
    sets: [[10, 0], [10, 0]],
    frequency: 1,
    attempts: [0, 1, 0],
    want: [
      { healthy: [0, 100], degraded: [0, 0] },
      { healthy: [100, 0], degraded: [0, 0] },
      { healthy: [0, 100], degraded: [0, 0] },
    ],
  },
  {
    name: "only every second try changes the load",
    sets: [[10, 0], [10, 0], [10, 0]],
    frequency: 2,
    attempts: [0, 0, 1, 1],
    want: [
      { healthy: [100, 0, 0], degraded: [0, 0, 0] },
      { healthy: [0, 100, 0], degraded: [0, 0, 0] },
      { healthy: [0, 100, 0], degraded: [0, 0, 0] },
      { healthy: [0, 0, 100], degraded: [0, 0, 0] },
    ],
  },
  {
    name: "what is left is shared by what it can take, degraded hosts as well",
    sets: [[10, 0], [3, 3], [6, 0]],
    frequency: 1,
    attempts: [0],
    want: [{ healthy: [0, 30, 40], degraded: [0, 30, 0] }],
  },
  {
    name: "a partly healthy priority alone gets all",
    sets: [[10, 0], [5, 0]],
    frequency: 1,
    attempts: [0],
    want: [{ healthy: [0, 100], degraded: [0, 0] }],
  },
  {
    name: "no host anywhere: the load stays as it was",
    sets: [[0, 0], [0, 0]],
    frequency: 1,
    attempts: [0],
    want: [{ healthy: [0, 0], degraded: [0, 0] }],
  },
];

for (const row of ROWS) {
  Deno.test(`PreviousPriorities: ${row.name}`, () => {
    const sets = setsOf(row.sets);
    const original = priorityLoad(sets, 0);
    const retries = new PreviousPriorities(row.frequency);
    row.attempts.forEach((priority, i) => {
      retries.onHostAttempted(fakeHost(1, { priority }));
      const { healthy, degraded } = retries.adjust(sets, original);
      assertEquals({ healthy, degraded }, row.want[i], `after try ${i + 1}`);
    });
  });
}
