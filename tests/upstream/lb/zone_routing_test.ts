// Zone-aware routing with a local cluster. The counts are those of Envoy 1.40 on the same
// configuration: exact where it draws nothing, else the share that its formula gives.

import { assertEquals, assertOk } from "../../support/assert.ts";
import type { WorkerCluster } from "../../../src/upstream/mod.ts";
import { assignment, Bench, endpoint, policyOf } from "../support.ts";

const OWN = { locality: { region: "r", zone: "a", subZone: "" }, cluster: "self" };
const SICK = { health_status: "UNHEALTHY" };

/** A group of endpoints in zone `name`. */
function zone(name: string, ...endpoints: readonly object[]): object {
  return { locality: { region: "r", zone: name }, lb_endpoints: endpoints };
}

/** `count` endpoints from a port on. */
function hosts(port: number, count: number, more: object = {}): object[] {
  return Array.from({ length: count }, (_, i) => endpoint(port + i, more));
}

const common = (zones: object): object => ({ common_lb_config: { zone_aware_lb_config: zones } });
const typed = (zones: object): object => ({
  load_balancing_policy: policyOf("round_robin", "RoundRobin", {
    locality_lb_config: { zone_aware_lb_config: zones },
  }),
});

/** The share of requests that go to the own zone, in percent. */
function ownShare(cluster: WorkerCluster, requests: number): number {
  let own = 0;
  for (let i = 0; i < requests; i++) {
    if (cluster.chooseHost(undefined)?.locality.zone === "a") own++;
  }
  return own * 100 / requests;
}

/** Three peers in the own zone, one in the other. */
const PEERS = [zone("a", ...hosts(1, 3)), zone("b", ...hosts(4, 1))];
const ONE_ZONE = [zone("a", ...hosts(1, 1))];
const SMALL = [zone("a", ...hosts(11, 1)), zone("b", ...hosts(21, 3))];

const ROWS = [
  {
    name: "a third of the hosts for three quarters of the load: 44 %",
    peers: PEERS,
    share: 44.4,
    groups: [zone("a", ...hosts(11, 2)), zone("b", ...hosts(21, 4))],
    more: {},
  },
  {
    name: "fewer than six hosts: zones do not count",
    peers: PEERS,
    share: 40,
    groups: [zone("a", ...hosts(11, 2)), zone("b", ...hosts(21, 3))],
    more: {},
  },
  {
    name: "min_cluster_size 2",
    peers: PEERS,
    share: 33.3,
    groups: SMALL,
    more: common({ min_cluster_size: 2 }),
  },
  {
    name: "enough hosts in the own zone take all",
    peers: PEERS,
    share: 100,
    groups: [zone("a", ...hosts(11, 3)), zone("b", ...hosts(21, 1))],
    more: common({ min_cluster_size: 2 }),
  },
  {
    name: "routing_enabled 0",
    peers: PEERS,
    share: 25,
    groups: SMALL,
    more: common({ min_cluster_size: 2, routing_enabled: { value: 0 } }),
  },
  {
    name: "groups of one zone are one",
    peers: PEERS,
    share: 44.4,
    groups: [zone("a", ...hosts(11, 1)), zone("b", ...hosts(21, 4)), zone("a", ...hosts(12, 1))],
    more: {},
  },
  {
    name: "peers of one zone only: zones do not count",
    peers: ONE_ZONE,
    share: 25,
    groups: SMALL,
    more: common({ min_cluster_size: 1 }),
  },
  {
    name: "peers in panic: zones do not count",
    share: 25,
    groups: SMALL,
    peers: [zone("a", ...hosts(1, 3, SICK)), zone("b", ...hosts(4, 1))],
    more: common({ min_cluster_size: 1 }),
  },
  {
    name: "no host of the own zone",
    peers: PEERS,
    share: 0,
    groups: [zone("c", ...hosts(11, 1)), zone("b", ...hosts(21, 3))],
    more: common({ min_cluster_size: 1 }),
  },
  {
    name: "all hosts in the own zone",
    peers: PEERS,
    share: 100,
    groups: [zone("a", ...hosts(11, 2))],
    more: common({ min_cluster_size: 1 }),
  },
  {
    name: "the other zone is sick",
    peers: PEERS,
    share: 100,
    groups: [zone("a", ...hosts(11, 2)), zone("b", endpoint(21, SICK))],
    more: common({ min_cluster_size: 1 }),
  },
  {
    name: "force_locality_direct_routing",
    peers: ONE_ZONE,
    share: 100,
    groups: SMALL,
    more: typed({ min_cluster_size: 1, force_locality_direct_routing: true }),
  },
  {
    name: "force_locality_direct_routing without a healthy host there",
    peers: PEERS,
    share: 0,
    groups: [zone("a", ...hosts(11, 2, SICK)), zone("b", ...hosts(21, 3))],
    more: typed({ min_cluster_size: 1, force_locality_direct_routing: true }),
  },
  {
    name: "force_locality_direct_routing needs min_cluster_size too",
    peers: PEERS,
    share: 25,
    groups: SMALL,
    more: typed({ force_locality_direct_routing: true }),
  },
  {
    name: "force_local_zone",
    peers: PEERS,
    share: 100,
    groups: SMALL,
    more: typed({ min_cluster_size: 1, force_local_zone: {} }),
  },
  {
    name: "force_local_zone with too few hosts, peers of one zone",
    peers: ONE_ZONE,
    share: 25,
    groups: SMALL,
    more: typed({ min_cluster_size: 1, force_local_zone: { min_size: 2 } }),
  },
  {
    name: "force_local_zone counts healthy hosts",
    peers: PEERS,
    share: 33.3,
    groups: [zone("a", endpoint(11, SICK), endpoint(12)), zone("b", ...hosts(21, 3))],
    more: typed({ min_cluster_size: 1, force_local_zone: { min_size: 2 } }),
  },
  {
    name: "capacity by weights",
    peers: PEERS,
    share: 100,
    groups: [zone("a", endpoint(11, { load_balancing_weight: 9 })), zone("b", ...hosts(21, 3))],
    more: typed({ min_cluster_size: 1, locality_basis: "HEALTHY_HOSTS_WEIGHT" }),
  },
  {
    name: "a typed policy without locality_lb_config",
    peers: PEERS,
    share: 44.4,
    groups: [zone("a", ...hosts(11, 2)), zone("b", ...hosts(21, 4))],
    more: { lb_policy: "LEAST_REQUEST" },
  },
  {
    name: "random",
    peers: PEERS,
    share: 44.4,
    groups: [zone("a", ...hosts(11, 2)), zone("b", ...hosts(21, 4))],
    more: { lb_policy: "RANDOM" },
  },
  {
    name: "behind subsets",
    peers: PEERS,
    share: 44.4,
    groups: [zone("a", ...hosts(11, 2)), zone("b", ...hosts(21, 4))],
    more: {
      lb_subset_config: { fallback_policy: "ANY_ENDPOINT", subset_selectors: [{ keys: ["x"] }] },
    },
  },
];

for (const row of ROWS) {
  Deno.test(`zone routing: ${row.name}`, async () => {
    const bench = new Bench({ local: OWN });
    // The peers come last, as they may: what is known by then is computed again.
    const cluster = await bench.add({ ...assignment(...row.groups), ...row.more });
    await bench.add({ name: "self", ...assignment(...row.peers) });
    const share = ownShare(cluster, 2000);
    const slack = row.share === 0 || row.share === 100 ? 0 : 4.5;
    assertOk(Math.abs(share - row.share) <= slack, `${share} %`);
  });
}

Deno.test("zone routing: the statistics say how each request was routed", async () => {
  const bench = new Bench({ local: OWN });
  await bench.add({ name: "self", ...assignment(...PEERS) });
  const cluster = await bench.add({ ...assignment(...SMALL), ...common({ min_cluster_size: 2 }) });
  ownShare(cluster, 300);
  const stats = bench.stats(/lb_zone|lb_local|lb_recalc/);
  assertEquals(stats["lb_recalculate_zone_structures"], 1);
  assertEquals(stats["lb_zone_routing_sampled"]! + stats["lb_zone_routing_cross_zone"]!, 300);
  assertEquals(Object.keys(stats).length, 3);
});

Deno.test("zone routing: too small a cluster, and peers in panic, are counted", async () => {
  const bench = new Bench({ local: OWN });
  const cluster = await bench.add({ ...assignment(...SMALL), ...common({ min_cluster_size: 9 }) });
  await bench.add({ name: "self", ...assignment(...PEERS) });
  ownShare(cluster, 10);
  assertEquals(bench.stats(/lb_zone|lb_local|lb_recalc/), {
    lb_recalculate_zone_structures: 2,
    lb_zone_cluster_too_small: 1,
  });
});

Deno.test("zone routing: fail_traffic_on_panic gives no host while the peers panic", async () => {
  const bench = new Bench({ local: OWN });
  const own = await bench.add({ name: "self", ...assignment(...PEERS) });
  const cluster = await bench.add({
    ...assignment(...SMALL),
    ...common({ min_cluster_size: 2, fail_traffic_on_panic: true }),
  });
  assertEquals(cluster.chooseHost(undefined) === undefined, false);
  // Flags are shared: requests may meet them before the peers' change is told.
  for (const host of own.hostSets[0]!.hosts) host.setHealthFlags(1);
  bench.clusters.manager.cluster("self")!.refreshHealth();
  assertEquals(cluster.chooseHost(undefined), undefined);
  assertEquals(bench.stats(/lb_local/), { lb_local_cluster_not_ok: 1 });
});

Deno.test("zone routing: the local cluster itself is spread over all its zones", async () => {
  const bench = new Bench({ local: OWN });
  const many = [zone("a", ...hosts(1, 3)), zone("b", ...hosts(11, 3))];
  const own = await bench.add({ name: "self", ...assignment(...many) });
  assertEquals(ownShare(own, 60), 50);
});

Deno.test("zone routing: without a local cluster nothing is counted", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...assignment(...SMALL), ...common({ min_cluster_size: 2 }) });
  ownShare(cluster, 10);
  assertEquals(bench.stats(/lb_zone|lb_local|lb_recalc/), {});
});

Deno.test("responses count by zone where the own zone and the host's are known", async () => {
  const bench = new Bench({ local: OWN });
  const cluster = await bench.add(assignment(zone("b", endpoint(1))));
  cluster.info.chargeZone("b", 200);
  cluster.info.chargeZone("", 200);
  assertEquals(bench.stats(/zone\./), {
    "zone.a.b.upstream_rq_200": 1,
    "zone.a.b.upstream_rq_2xx": 1,
    "zone.a.b.upstream_rq_completed": 1,
  });
});
