// Choice of hosts through whole clusters: policies, weights, priorities, localities, retries.

import { assertEquals, assertOk } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import type { Host, LoadBalancerContext, WorkerCluster } from "../../../src/upstream/mod.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

function ports(cluster: WorkerCluster, count: number, context?: LoadBalancerContext): string[] {
  return Array.from({ length: count }, () => {
    const host = cluster.chooseHost(context);
    return host === undefined ? "none" : formatAddress(host.address).split(":")[1]!;
  });
}

function counts(seen: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const port of [...seen].sort()) found[port] = (found[port] ?? 0) + 1;
  return found;
}

const UNHEALTHY = { health_status: "UNHEALTHY" };
const typed = (name: string, type: string, config: object = {}): object => ({
  load_balancing_policy: policyOf(name, type, config),
});
const three = assignment({ lb_endpoints: [endpoint(1), endpoint(2), endpoint(3)] });
const weighted = assignment({
  lb_endpoints: [1, 2, 3].map((n) => endpoint(n, { load_balancing_weight: n })),
});

for (const policy of [{}, typed("round_robin", "RoundRobin")]) {
  Deno.test(`round robin takes turns (${Object.keys(policy).length === 0 ? "old" : "typed"})`, async () => {
    const cluster = await new Bench().add({ ...three, ...policy });
    const seen = ports(cluster, 9);
    assertEquals(seen.slice(3, 6), seen.slice(0, 3));
    assertEquals(counts(seen), { 1: 3, 2: 3, 3: 3 });
  });
}

Deno.test("round robin with weights 1, 2, 3 cycles 1 2 3 3 2 3", async () => {
  for (let seed = 1; seed < 10; seed++) {
    const cluster = await new Bench({ seed }).add(weighted);
    const seen = ports(cluster, 12).join(" ");
    assertOk("1 2 3 3 2 3 1 2 3 3 2 3 1 2 3 3 2 3".includes(seen), seen);
  }
});

Deno.test("round robin keeps its place when hosts change", async () => {
  const bench = new Bench();
  const cluster = await bench.add(three);
  const [first] = ports(cluster, 1);
  bench.clusters.manager.updateHosts(bench.clusters.get("c")!.update());
  assertEquals(ports(cluster, 3).at(-1), first);
});

for (const policy of [{ lb_policy: "RANDOM" }, typed("random", "Random")]) {
  Deno.test(`random reaches all hosts (${Object.keys(policy)[0]})`, async () => {
    const cluster = await new Bench().add({ ...three, ...policy });
    const seen = counts(ports(cluster, 300));
    for (const port of ["1", "2", "3"]) assertOk(seen[port]! > 60, `${port}: ${seen[port]}`);
  });
}

/** Marks requests as under way on the host of a port. */
function load(cluster: WorkerCluster, port: string, requests: number): void {
  const host = cluster.hostSets[0]!.hosts.find((h) =>
    formatAddress(h.address).endsWith(`:${port}`)
  )!;
  host.activeRequests = requests;
}

Deno.test("least request: full scan never takes the busy host", async () => {
  const policy = typed("least_request", "LeastRequest", { selection_method: "FULL_SCAN" });
  const cluster = await new Bench().add({ ...three, ...policy });
  load(cluster, "2", 1);
  assertEquals(Object.keys(counts(ports(cluster, 60))), ["1", "3"]);
});

Deno.test("least request: two choices take the busy host only when both are it", async () => {
  const cluster = await new Bench().add({ ...three, lb_policy: "LEAST_REQUEST" });
  load(cluster, "2", 5);
  const seen = counts(ports(cluster, 900));
  assertOk(seen["2"]! > 50 && seen["2"]! < 150, `one in nine, got ${seen["2"]}`);
});

Deno.test("least request: weights count where they differ", async () => {
  const two = assignment({
    lb_endpoints: [endpoint(1), endpoint(2, { load_balancing_weight: 3 })],
  });
  const cluster = await new Bench().add({ ...two, lb_policy: "LEAST_REQUEST" });
  assertEquals(counts(ports(cluster, 16)), { 1: 4, 2: 12 });
});

const SPREADS = [
  {
    name: "a dead first priority sends all to the next",
    groups: [
      { lb_endpoints: [endpoint(1, UNHEALTHY)] },
      { priority: 1, lb_endpoints: [endpoint(2)] },
    ],
    more: {},
    want: { 2: 12 },
  },
  {
    name: "panic uses all hosts",
    groups: [{ lb_endpoints: [endpoint(1), endpoint(2, UNHEALTHY), endpoint(3, UNHEALTHY)] }],
    more: {},
    want: { 1: 4, 2: 4, 3: 4 },
  },
  {
    name: "threshold 0 keeps to the healthy",
    groups: [{ lb_endpoints: [endpoint(1), endpoint(2, UNHEALTHY), endpoint(3, UNHEALTHY)] }],
    more: { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    want: { 1: 12 },
  },
  {
    name: "threshold 0 and nobody well: no host",
    groups: [{ lb_endpoints: [endpoint(1, UNHEALTHY)] }],
    more: { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
    want: { none: 12 },
  },
  {
    name: "draining and timed-out hosts are left out",
    groups: [{
      lb_endpoints: [
        endpoint(1),
        endpoint(2, { health_status: "DRAINING" }),
        endpoint(3, { health_status: "TIMEOUT" }),
        endpoint(4, { health_status: "HEALTHY" }),
      ],
    }],
    more: {},
    want: { 1: 6, 4: 6 },
  },
  {
    name: "locality weights 1 and 3",
    groups: [
      { locality: { zone: "a" }, load_balancing_weight: 1, lb_endpoints: [endpoint(1)] },
      {
        locality: { zone: "b" },
        load_balancing_weight: 3,
        lb_endpoints: [endpoint(2), endpoint(3), endpoint(4)],
      },
    ],
    more: { common_lb_config: { locality_weighted_lb_config: {} } },
    want: { 1: 3, 2: 3, 3: 3, 4: 3 },
  },
  {
    name: "a locality without a weight gets nothing",
    groups: [
      { locality: { zone: "a" }, lb_endpoints: [endpoint(1)] },
      { locality: { zone: "b" }, load_balancing_weight: 3, lb_endpoints: [endpoint(2)] },
    ],
    more: { common_lb_config: { locality_weighted_lb_config: {} } },
    want: { 2: 12 },
  },
];

for (const row of SPREADS) {
  Deno.test(`load balancer: ${row.name}`, async () => {
    const cluster = await new Bench().add({ ...assignment(...row.groups), ...row.more });
    assertEquals(counts(ports(cluster, 12)), row.want);
  });
}

Deno.test("a cluster without hosts counts panic and none healthy", async () => {
  const bench = new Bench();
  const cluster = await bench.add({});
  assertEquals(ports(cluster, 1), ["none"]);
  assertEquals(bench.stats(/lb_healthy_panic|none_healthy/), {
    lb_healthy_panic: 1,
    upstream_cx_none_healthy: 1,
  });
});

Deno.test("fail_traffic_on_panic gives no host", async () => {
  const cluster = await new Bench().add({
    ...assignment({
      lb_endpoints: [endpoint(1), endpoint(2, UNHEALTHY), endpoint(3, UNHEALTHY)],
    }),
    common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } },
  });
  assertEquals(ports(cluster, 2), ["none", "none"]);
});

for (const [name, message] of [["round_robin", "RoundRobin"], ["random", "Random"]] as const) {
  Deno.test(`fail_traffic_on_panic of a typed ${name} policy gives no host`, async () => {
    const cluster = await new Bench().add({
      ...assignment({
        lb_endpoints: [endpoint(1), endpoint(2, UNHEALTHY), endpoint(3, UNHEALTHY)],
      }),
      ...typed(name, message, {
        locality_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } },
      }),
    });
    assertEquals(ports(cluster, 2), ["none", "none"]);
  });
}

Deno.test("a retry may ask for another host, a bounded number of times", async () => {
  const cluster = await new Bench().add(three);
  const tried: Host[] = [];
  const context: LoadBalancerContext = {
    hash: () => undefined,
    requestHeaders: undefined,
    metadataMatch: undefined,
    shouldSelectAnotherHost: (host) => {
      tried.push(host);
      return tried.length < 3;
    },
    hostSelectionRetryCount: 5,
    streamInfo: undefined,
  };
  const host = cluster.chooseHost(context);
  assertEquals([tried.length, host === tried[2]], [3, true]);
});

Deno.test("a flag set in shared memory takes a host out once health is read again", async () => {
  const bench = new Bench();
  const cluster = await bench.add(three);
  const { HEALTH } = await import("../../../src/upstream/mod.ts");
  cluster.hostSets[0]!.hosts[1]!.setHealthFlags(HEALTH.failedOutlierCheck);
  bench.clusters.manager.refreshHealth(["c"]);
  assertEquals(counts(ports(cluster, 6)), { 1: 3, 3: 3 });
  bench.clusters.get("c")!.refreshMembership();
  assertEquals(bench.stat("membership_healthy"), 2);
});
