// preconnect_policy: connections ahead of requests, within a pool and over a cluster.

import { assertEquals } from "../support/assert.ts";
import { canForesee, fallsShort, type PoolLoad } from "../../src/upstream/preconnect.ts";
import {
  ANSWER,
  assignment,
  Bench,
  clusterOf,
  endpoint,
  policyOf,
  TestRequest,
} from "./support.ts";
import type { WorkerCluster } from "../../src/upstream/mod.ts";

const PER_UPSTREAM = { preconnect_policy: { per_upstream_preconnect_ratio: 1.5 } };
const PREDICTIVE = { preconnect_policy: { predictive_preconnect_ratio: 2 } };

const LOADS: readonly {
  readonly name: string;
  readonly load: PoolLoad;
  readonly ratio: number;
  readonly anticipated: number;
  readonly want: boolean;
}[] = [
  {
    name: "nothing wanted",
    load: { pending: 0, active: 0, capacity: 0 },
    ratio: 3,
    anticipated: 0,
    want: false,
  },
  {
    name: "the next request wants one",
    load: { pending: 0, active: 0, capacity: 0 },
    ratio: 1,
    anticipated: 1,
    want: true,
  },
  {
    name: "one pending, one connecting",
    load: { pending: 1, active: 0, capacity: 1 },
    ratio: 1,
    anticipated: 0,
    want: false,
  },
  {
    name: "one pending, one connecting, ratio 1.5",
    load: { pending: 1, active: 0, capacity: 1 },
    ratio: 1.5,
    anticipated: 0,
    want: true,
  },
  {
    name: "two active and one free, ratio 1.5",
    load: { pending: 0, active: 2, capacity: 1 },
    ratio: 1.5,
    anticipated: 0,
    want: false,
  },
];

for (const { name, load, ratio, anticipated, want } of LOADS) {
  Deno.test(`fallsShort: ${name}`, () => {
    assertEquals(fallsShort(load, ratio, anticipated), want);
  });
}

const FORESEEN: readonly (readonly [string, object, boolean])[] = [
  ["round robin", {}, true],
  ["least request", { lb_policy: "LEAST_REQUEST" }, true],
  ["random", { lb_policy: "RANDOM" }, true],
  ["ring hash", { lb_policy: "RING_HASH" }, false],
  ["maglev", { lb_policy: "MAGLEV" }, false],
  ["round robin behind subsets", {
    lb_subset_config: { fallback_policy: "ANY_ENDPOINT", subset_selectors: [{ keys: ["a"] }] },
  }, false],
  ["a typed policy", { load_balancing_policy: policyOf("round_robin", "RoundRobin") }, true],
  ["a typed ring hash", { load_balancing_policy: policyOf("ring_hash", "RingHash") }, false],
];

for (const [name, fields, want] of FORESEEN) {
  Deno.test(`canForesee: ${name}`, async () => {
    assertEquals(canForesee(await clusterOf({ ...PREDICTIVE, ...fields })), want);
    assertEquals(canForesee(await clusterOf(fields)), false);
  });
}

/** A cluster of `hosts` endpoints. */
async function cluster(hosts: number, fields: object): Promise<[Bench, WorkerCluster]> {
  const bench = new Bench();
  const endpoints = Array.from({ length: hosts }, (_, i) => endpoint(i + 1));
  return [bench, await bench.add({ ...assignment({ lb_endpoints: endpoints }), ...fields })];
}

Deno.test("per_upstream_preconnect_ratio opens ahead, and serves from what is open", async () => {
  const [bench, upstream] = await cluster(1, PER_UPSTREAM);
  const first = new TestRequest(bench, upstream);
  assertEquals(bench.connections.length, 2);
  bench.connections[0]!.connected();
  bench.connections[1]!.connected();
  assertEquals(first.log, ["ready"]);
  // Two active of 3 provided for: the third was opened as the second began.
  const second = new TestRequest(bench, upstream);
  assertEquals([second.log, bench.connections.length], [["ready"], 3]);
});

Deno.test("a free connection needs no other one ahead of the next request", async () => {
  const [bench, upstream] = await cluster(1, PER_UPSTREAM);
  new TestRequest(bench, upstream);
  for (const connection of bench.connections) connection.connected();
  bench.connections[0]!.receive(ANSWER);
  new TestRequest(bench, upstream);
  assertEquals(bench.connections.length, 2);
});

Deno.test("three connections at most are opened ahead for one request", async () => {
  const [bench, upstream] = await cluster(1, {
    preconnect_policy: { per_upstream_preconnect_ratio: 3 },
  });
  for (let i = 0; i < 4; i++) new TestRequest(bench, upstream, { noSend: true });
  const before = bench.connections.length;
  assertEquals(before, 12);
  new TestRequest(bench, upstream);
  assertEquals(bench.connections.length - before, 3);
});

Deno.test("connections ahead keep within the limits of the cluster", async () => {
  const [bench, upstream] = await cluster(1, {
    ...PER_UPSTREAM,
    circuit_breakers: { thresholds: [{ max_connections: 1 }] },
  });
  new TestRequest(bench, upstream);
  assertEquals(bench.connections.length, 1);
  assertEquals(bench.stat("upstream_cx_overflow"), 1);
});

Deno.test("a host that is not healthy gets no connection ahead", async () => {
  const [bench, upstream] = await cluster(1, PER_UPSTREAM);
  upstream.hostSets[0]!.hosts[0]!.health = "degraded";
  new TestRequest(bench, upstream);
  assertEquals(bench.connections.length, 1);
});

Deno.test("a host that refuses is not called again until the next request", async () => {
  const [bench, upstream] = await cluster(1, PER_UPSTREAM);
  const request = new TestRequest(bench, upstream);
  for (let i = 0; i < 2; i++) bench.connections[i]!.fail("connect_failure");
  assertEquals(request.log, ["failure remote_connection_failure"]);
  assertEquals([bench.connections.length, bench.stat("upstream_cx_active")], [2, 0]);
  assertEquals(upstream.circuitBreakers.default.connections, 0);
});

Deno.test("predictive_preconnect_ratio connects to the hosts that come next", async () => {
  const [bench, upstream] = await cluster(3, PREDICTIVE);
  const order: string[] = [];
  const choose = () => {
    const host = upstream.chooseHost(undefined)!;
    order.push(String(host.address.kind === "ip" ? host.address.port : 0));
    return host;
  };
  // The first two foresee the second and third host; the request's own host is the first.
  new TestRequest(bench, upstream, { host: choose() });
  assertEquals(bench.connections.length, 3);
  for (const connection of bench.connections) connection.connected();
  const second = new TestRequest(bench, upstream, { host: choose() });
  assertEquals(second.log, ["ready"]);
  new TestRequest(bench, upstream, { host: choose() });
  assertEquals(new Set(order).size, 3);
});

Deno.test("hosts foreseen are forgotten with their set", async () => {
  const [bench, upstream] = await cluster(2, PREDICTIVE);
  new TestRequest(bench, upstream);
  upstream.refreshHealth();
  assertEquals(upstream.chooseHost(undefined) === undefined, false);
  upstream.remove();
  assertEquals(upstream.chooseHost(undefined), undefined);
});

Deno.test("a request that looks for another host does not get the foreseen one", async () => {
  const [bench, upstream] = await cluster(2, PREDICTIVE);
  const host = upstream.chooseHost(undefined)!;
  new TestRequest(bench, upstream, { host });
  const foreseen = upstream.hostSets[0]!.hosts.find((other) => other !== host)!;
  const context = {
    hash: () => undefined,
    requestHeaders: undefined,
    metadataMatch: undefined,
    shouldSelectAnotherHost: (candidate: object) => candidate === foreseen,
    hostSelectionRetryCount: 3,
    streamInfo: undefined,
  };
  assertEquals(upstream.chooseHost(context) === foreseen, false);
});
