// Weights of localities above weights that endpoints earn.

import { HeaderMap } from "../../../src/http/mod.ts";
import { parseLoadReport } from "../../../src/upstream/mod.ts";
import { assertEquals, assertOk } from "../../support/assert.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

Deno.test("wrr_locality: localities by their weights, hosts by theirs", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment(
      { locality: { zone: "a" }, load_balancing_weight: 1, lb_endpoints: [endpoint(1)] },
      {
        locality: { zone: "b" },
        load_balancing_weight: 3,
        lb_endpoints: [endpoint(2), endpoint(3)],
      },
    ),
    load_balancing_policy: policyOf("wrr_locality", "WrrLocality", {
      endpoint_picking_policy: policyOf(
        "client_side_weighted_round_robin",
        "ClientSideWeightedRoundRobin",
        { blackout_period: "0s", weight_update_period: "1s" },
      ),
    }),
  });
  const hosts = cluster.hostSets[0]!.hosts;
  for (const [i, rate] of [[1, 100], [2, 200]] as const) {
    const text = `TEXT rps_fractional=${rate},cpu_utilization=1`;
    hosts[i]!.loadSink!.onLoadReport(
      parseLoadReport(HeaderMap.of(["endpoint-load-metrics", text]))!,
    );
  }
  bench.advance(1000);
  const seen = hosts.map(() => 0);
  for (let i = 0; i < 400; i++) {
    const chosen = cluster.chooseHost(undefined);
    seen[hosts.findIndex((host) => host === chosen)]!++;
  }
  assertEquals([seen[0], seen[1]! + seen[2]!], [100, 300]);
  assertOk(Math.abs(seen[1]! - 100) <= 1, String(seen[1]));
});
