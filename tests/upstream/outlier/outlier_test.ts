// Outlier detection from what threads count to ejection, return, stats and news.

import { assertEquals } from "../../support/assert.ts";
import { assignment, Bench, endpoint } from "../support.ts";

const MINUTES = { interval: "300s", base_ejection_time: "300s", max_ejection_percent: 100 };

/** A started cluster of three hosts. */
async function detected(outlier: object, hosts = 3): Promise<Bench> {
  const bench = new Bench();
  const endpoints = Array.from({ length: hosts }, (_, i) => endpoint(i + 1));
  await bench.add({
    ...assignment({ lb_endpoints: endpoints }),
    outlier_detection: { ...MINUTES, ...outlier },
    common_lb_config: { update_merge_window: "0s" },
  });
  bench.clusters.start();
  return bench;
}

function ejected(bench: Bench): number[] {
  return bench.clusters.snapshot()[0]!.hosts
    .map(({ healthText }, i) => healthText === "/failed_outlier_check" ? i : -1)
    .filter((i) => i >= 0);
}

/** Responses of a host; a text is what else became of a request. */
type Result = number | "connected" | "alone" | "refused";

function put(bench: Bench, host: number, ...results: readonly Result[]): void {
  const { monitor } = bench.clusters.manager.cluster("c")!.hostSets[0]!.hosts[host]!;
  for (const result of results) {
    if (result === "connected") monitor!.putConnected();
    else if (result === "alone") monitor!.putConnectedAlone();
    else if (result === "refused") monitor!.putLocalFailure(503);
    else monitor!.putStatus(result);
  }
}

const ROWS: readonly {
  readonly name: string;
  readonly outlier: object;
  readonly results: readonly Result[];
  readonly want: readonly number[];
}[] = [
  { name: "two of three", outlier: { consecutive_5xx: 3 }, results: [500, 500], want: [] },
  { name: "three of three", outlier: { consecutive_5xx: 3 }, results: [500, 503, 500], want: [0] },
  {
    name: "a success in between",
    outlier: { consecutive_5xx: 3 },
    results: [500, 500, 200, 500],
    want: [],
  },
  {
    name: "TCP: refusals count as 503, and a connection as a success in between",
    outlier: { consecutive_5xx: 2 },
    results: ["refused", "alone", "refused"],
    want: [],
  },
  {
    name: "TCP: an HTTP connection alone is no success",
    outlier: { consecutive_5xx: 2 },
    results: ["refused", "connected", "refused"],
    want: [0],
  },
  {
    name: "TCP: a split local origin counts refusals apart",
    outlier: {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
      consecutive_5xx: 1,
    },
    results: ["refused", "alone", "refused", "refused"],
    want: [0],
  },
  { name: "4xx", outlier: { consecutive_5xx: 1 }, results: [404, 429], want: [] },
  {
    name: "gateway failures, not enforced by default",
    outlier: { consecutive_5xx: 9, consecutive_gateway_failure: 2 },
    results: [502, 504],
    want: [],
  },
  {
    name: "gateway failures, enforced",
    outlier: {
      consecutive_5xx: 9,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    },
    results: [502, 504],
    want: [0],
  },
  {
    name: "500 is no gateway failure",
    outlier: {
      consecutive_5xx: 9,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    },
    results: [502, 500, 504],
    want: [],
  },
  {
    name: "enforcing 0",
    outlier: { consecutive_5xx: 1, enforcing_consecutive_5xx: 0 },
    results: [500],
    want: [],
  },
  {
    name: "refused connections as 5xx",
    outlier: { consecutive_5xx: 2 },
    results: ["refused", "refused"],
    want: [0],
  },
  {
    name: "refused connections by themselves",
    outlier: {
      consecutive_5xx: 2,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 3,
    },
    results: ["refused", "refused", "refused"],
    want: [0],
  },
  {
    name: "a connection in between",
    outlier: {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
    },
    results: ["refused", "connected", "refused"],
    want: [],
  },
  {
    name: "max_ejection_percent 10 of three",
    outlier: { consecutive_5xx: 1, max_ejection_percent: 10 },
    results: [500],
    want: [],
  },
  {
    name: "always_eject_one_host",
    outlier: { consecutive_5xx: 1, max_ejection_percent: 0, always_eject_one_host: true },
    results: [500],
    want: [0],
  },
];

for (const { name, outlier, results, want } of ROWS) {
  Deno.test(`ejected: ${name}`, async () => {
    const bench = await detected(outlier);
    put(bench, 0, ...results);
    assertEquals(ejected(bench), want);
  });
}

Deno.test("an ejection is counted and told, its host chosen no more", async () => {
  const bench = await detected({ consecutive_5xx: 1 });
  put(bench, 1, 500);
  assertEquals(bench.stats(/outlier|membership_healthy/), {
    membership_healthy: 2,
    "outlier_detection.ejections_active": 1,
    "outlier_detection.ejections_consecutive_5xx": 1,
    "outlier_detection.ejections_detected_consecutive_5xx": 1,
    "outlier_detection.ejections_enforced_consecutive_5xx": 1,
    "outlier_detection.ejections_enforced_total": 1,
    "outlier_detection.ejections_total": 1,
  });
  const { id } = bench.clusters.get("c")!.hosts.sets[0]!.hosts[1]!;
  assertEquals(bench.health, [{ cluster: "c", refreshes: true, failedHosts: [id] }]);
  assertEquals(bench.clusters.manager.cluster("c")!.hostSets[0]!.healthy.length, 2);
});

Deno.test("max_ejection_percent limits how many are out", async () => {
  const bench = await detected({ consecutive_5xx: 1, max_ejection_percent: 34 });
  put(bench, 0, 500);
  put(bench, 1, 500);
  assertEquals(ejected(bench), [0]);
  assertEquals(bench.stat("outlier_detection.ejections_overflow"), 1);
});

Deno.test("a host returns at the sweep after its time, which grows with each ejection", async () => {
  const bench = await detected({
    consecutive_5xx: 1,
    interval: "1s",
    base_ejection_time: "2s",
  });
  put(bench, 0, 500);
  bench.advance(1_000);
  assertEquals(ejected(bench), [0]);
  bench.advance(1_000);
  assertEquals([ejected(bench), bench.stat("outlier_detection.ejections_active")], [[], 0]);
  put(bench, 0, 500);
  for (let second = 0; second < 3; second++) bench.advance(1_000);
  assertEquals(ejected(bench), [0]);
  bench.advance(1_000);
  assertEquals(ejected(bench), []);
});

/** `share` failures in ten requests of a host. */
function tenRequests(bench: Bench, host: number, share: number): void {
  for (let i = 0; i < 10; i++) put(bench, host, i < share ? 500 : 200);
}

Deno.test("failure percentage ejects at the end of an interval, given the volume", async () => {
  const outlier = {
    consecutive_5xx: 100,
    interval: "1s",
    failure_percentage_threshold: 50,
    failure_percentage_minimum_hosts: 3,
    enforcing_failure_percentage: 100,
  };
  for (const [volume, want] of [[10, [0]], [11, []]] as const) {
    const bench = await detected({ ...outlier, failure_percentage_request_volume: volume });
    tenRequests(bench, 0, 5);
    tenRequests(bench, 1, 4);
    tenRequests(bench, 2, 0);
    assertEquals(ejected(bench), []);
    bench.advance(1_000);
    assertEquals(ejected(bench), want);
  }
});

Deno.test("success rate ejects the one far below the mean", async () => {
  const bench = await detected({
    consecutive_5xx: 100,
    interval: "1s",
    success_rate_request_volume: 10,
    success_rate_stdev_factor: 1500,
  }, 6);
  tenRequests(bench, 3, 9);
  for (const host of [0, 1, 2, 4, 5]) tenRequests(bench, host, 0);
  bench.advance(1_000);
  assertEquals(ejected(bench), [3]);
  assertEquals(bench.stat("outlier_detection.ejections_enforced_success_rate"), 1);
});

Deno.test("success rates show after an interval with requests enough, and go with the next", async () => {
  const bench = await detected({
    consecutive_5xx: 100,
    interval: "1s",
    success_rate_minimum_hosts: 1,
    success_rate_request_volume: 10,
    enforcing_success_rate: 0,
  }, 3);
  const rates = (): number[] => bench.clusters.snapshot()[0]!.hosts.map((host) => host.successRate);
  tenRequests(bench, 0, 0);
  tenRequests(bench, 1, 4);
  put(bench, 2, 200);
  assertEquals(rates(), [-1, -1, -1]);
  bench.advance(1_000);
  assertEquals(rates(), [100, 60, -1]);
  assertEquals(bench.clusters.snapshot()[0]!.hosts[0]!.localOriginSuccessRate, -1);
  bench.advance(1_000);
  assertEquals(rates(), [-1, -1, -1]);
});

Deno.test("what an interval counted does not reach into the next", async () => {
  const bench = await detected({
    consecutive_5xx: 100,
    interval: "1s",
    failure_percentage_threshold: 50,
    failure_percentage_minimum_hosts: 1,
    failure_percentage_request_volume: 10,
    enforcing_failure_percentage: 100,
  });
  for (let i = 0; i < 9; i++) put(bench, 0, 500);
  bench.advance(1_000);
  put(bench, 0, 500);
  bench.advance(1_000);
  assertEquals(ejected(bench), []);
});
