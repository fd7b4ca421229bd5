// Load of priorities: rows follow Envoy's load_balancer_impl_test.cc and FACTS.

import { assertEquals } from "../../support/assert.ts";
import type { HostSet } from "../../../src/upstream/host_set.ts";
import { choosePriority, priorityLoad } from "../../../src/upstream/lb/priority_load.ts";

/** Counts of one priority: healthy, degraded, unhealthy. */
type Counts = readonly [healthy: number, degraded: number, unhealthy: number];

function setOf([healthy, degraded, unhealthy]: Counts, factor = 140): HostSet {
  const hosts = (count: number): { weight: number }[] =>
    Array.from({ length: count }, () => ({ weight: 1 }));
  return {
    hosts: hosts(healthy + degraded + unhealthy),
    healthy: hosts(healthy),
    degraded: hosts(degraded),
    excluded: [],
    data: { overprovisioningFactor: factor, weightedPriorityHealth: false },
  } as unknown as HostSet;
}

const ROWS: readonly {
  readonly name: string;
  readonly sets: readonly Counts[];
  readonly threshold?: number;
  readonly factor?: number;
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  readonly panic: readonly boolean[];
}[] = [
  {
    name: "all well: the first priority takes all",
    sets: [[2, 0, 0], [1, 0, 0]],
    healthy: [100, 0],
    degraded: [0, 0],
    panic: [false, false],
  },
  {
    name: "half of the first keeps 70 in 100",
    sets: [[1, 0, 1], [1, 0, 0]],
    healthy: [70, 30],
    degraded: [0, 0],
    panic: [false, false],
  },
  {
    name: "three quarters of the first keep all",
    sets: [[3, 0, 1], [1, 0, 0]],
    healthy: [100, 0],
    degraded: [0, 0],
    panic: [false, false],
  },
  {
    name: "factor 100 keeps 50 in 100",
    sets: [[1, 0, 1], [1, 0, 0]],
    factor: 100,
    healthy: [50, 50],
    degraded: [0, 0],
    panic: [false, false],
  },
  {
    name: "one healthy, one degraded: about 30 in 100 are degraded",
    sets: [[1, 1, 0]],
    healthy: [70],
    degraded: [30],
    panic: [false],
  },
  {
    name: "a healthy second priority beats a degraded first",
    sets: [[0, 1, 0], [1, 0, 0]],
    healthy: [0, 100],
    degraded: [0, 0],
    panic: [false, false],
  },
  {
    name: "a third of one priority: panic",
    sets: [[1, 0, 2]],
    healthy: [100],
    degraded: [0],
    panic: [true],
  },
  {
    name: "threshold 0: no panic",
    sets: [[1, 0, 2]],
    threshold: 0,
    healthy: [100],
    degraded: [0],
    panic: [false],
  },
  {
    name: "threshold 0 and nobody well: no load at all",
    sets: [[0, 0, 2]],
    threshold: 0,
    healthy: [0],
    degraded: [0],
    panic: [false],
  },
  {
    name: "no hosts: the first priority, in panic",
    sets: [[0, 0, 0]],
    healthy: [100],
    degraded: [0],
    panic: [true],
  },
  {
    name: "total panic spreads by size",
    sets: [[0, 0, 3], [1, 0, 2]],
    healthy: [50, 50],
    degraded: [0, 0],
    panic: [true, true],
  },
  {
    name: "rounding goes to the first that has hosts",
    sets: [[0, 0, 1], [0, 0, 1], [0, 0, 1]],
    healthy: [34, 33, 33],
    degraded: [0, 0, 0],
    panic: [true, true, true],
  },
  { name: "no priority at all", sets: [], healthy: [100], degraded: [0], panic: [true] },
];

for (const row of ROWS) {
  Deno.test(`priorityLoad: ${row.name}`, () => {
    const load = priorityLoad(
      row.sets.map((counts) => setOf(counts, row.factor)),
      row.threshold ?? 50,
    );
    assertEquals(load, { healthy: row.healthy, degraded: row.degraded, panic: row.panic });
  });
}

Deno.test("choosePriority goes through healthy shares, then degraded ones", () => {
  const load = { healthy: [50, 20], degraded: [20, 10], panic: [false, false] };
  const seen: string[] = [];
  for (const draw of [0, 49, 50, 69, 70, 89, 90, 99]) {
    const choice = { priority: -1, isDegraded: false };
    choosePriority(load, draw, choice);
    seen.push(`${choice.priority}${choice.isDegraded ? "d" : ""}`);
  }
  assertEquals(seen, ["0", "0", "1", "1", "0d", "0d", "1d", "1d"]);
});
