// Slow start: the share of hosts by the time since they became healthy.

import { assertEquals, assertOk } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import { HEALTH, type WorkerCluster } from "../../../src/upstream/mod.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

/** How often each of the ports is chosen. */
function shares(cluster: WorkerCluster, picks: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const port = formatAddress(cluster.chooseHost(undefined)!.address).split(":")[1]!;
    found[port] = (found[port] ?? 0) + 1;
  }
  return found;
}

const two = assignment({ lb_endpoints: [endpoint(1), endpoint(2)] });
const window = { slow_start_window: "10s" };
const POLICIES = {
  "round robin": (config: object) => ({ round_robin_lb_config: { slow_start_config: config } }),
  "least request": (config: object) => ({
    lb_policy: "LEAST_REQUEST",
    least_request_lb_config: { slow_start_config: config },
  }),
  "typed round robin": (config: object) => ({
    load_balancing_policy: policyOf("round_robin", "RoundRobin", { slow_start_config: config }),
  }),
} as const;

/** A cluster whose second host became healthy `ageMs` ago, the first long before. */
async function started(policy: object, ageMs: number): Promise<WorkerCluster> {
  const bench = new Bench();
  const cluster = await bench.add({ ...two, ...policy });
  const { manager } = bench.clusters;
  const host = cluster.hostSets[0]!.hosts[1]!;
  bench.advance(20_000);
  // As after a time in which it was not healthy.
  host.healthySinceMs = undefined;
  manager.refreshHealth(["c"]);
  bench.advance(ageMs);
  return cluster;
}

for (const [name, policy] of Object.entries(POLICIES)) {
  for (
    const row of [
      { ageMs: 0, config: window, part: 0.1 },
      { ageMs: 2000, config: window, part: 0.2 },
      { ageMs: 5000, config: window, part: 0.5 },
      { ageMs: 10_000, config: window, part: 1 },
      { ageMs: 2500, config: { ...window, aggression: aggression(2) }, part: 0.5 },
      { ageMs: 0, config: { ...window, min_weight_percent: { value: 50 } }, part: 0.5 },
    ]
  ) {
    const more = JSON.stringify(row.config);
    Deno.test(`slow start, ${name}: ${row.part} of a share after ${row.ageMs} ms, ${more}`, async () => {
      const seen = shares(await started(policy(row.config), row.ageMs), 1100);
      const want = 1100 * row.part / (1 + row.part);
      assertOk(Math.abs((seen["2"] ?? 0) - want) <= 3, `want ${want}, got ${seen["2"]}`);
    });
  }
}

function aggression(value: number): object {
  return { default_value: value, runtime_key: "aggression" };
}

Deno.test("slow start: hosts that start together share alike", async () => {
  const cluster = await new Bench().add({ ...two, ...POLICIES["round robin"](window) });
  assertEquals(shares(cluster, 10), { 1: 5, 2: 5 });
});

Deno.test("slow start: a host that fails begins anew", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...two, ...POLICIES["round robin"](window) });
  const host = cluster.hostSets[0]!.hosts[1]!;
  assertOk(host.healthySinceMs !== undefined);
  host.setHealthFlags(HEALTH.failedOutlierCheck);
  bench.clusters.manager.refreshHealth(["c"]);
  assertEquals(host.healthySinceMs, undefined);
});
