// Aggregate clusters: the priorities of their members in one line.

import { assertEquals } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import type { LoadBalancerContext } from "../../../src/upstream/mod.ts";
import { PreviousPriorities } from "../../../src/upstream/mod.ts";
import { ANSWER, assignment, Bench, endpoint, TestRequest } from "../support.ts";

const BAD = { health_status: "UNHEALTHY" };
const NO_PANIC = { common_lb_config: { healthy_panic_threshold: { value: 0 } } };
const group = (priority: number, ...endpoints: object[]): object => ({
  priority,
  lb_endpoints: endpoints,
});
const of = (...clusters: string[]): object => ({
  lb_policy: "CLUSTER_PROVIDED",
  cluster_type: {
    name: "envoy.clusters.aggregate",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
      clusters,
    },
  },
});

async function benchOf(members: Record<string, object>, aggregate: object) {
  const bench = new Bench();
  const cluster = await bench.add(aggregate);
  for (const [name, value] of Object.entries(members)) await bench.add({ name, ...value });
  return { bench, cluster };
}

const a = (more: object = {}): object => ({
  ...assignment(group(0, endpoint(1, more))),
  ...NO_PANIC,
});
const b = (more: object = {}): object => ({
  ...assignment(group(0, endpoint(2, more))),
  ...NO_PANIC,
});
/** 70 of 100 requests to the first priority: half of its hosts are well, overprovisioned by 1.4. */
const HALF = {
  ...assignment(group(0, endpoint(1), endpoint(1, BAD)), group(1, endpoint(3))),
  ...NO_PANIC,
};

const ROWS = [
  { name: "the first member that is well", members: { a: a(), b: b() }, want: { 1: 100 } },
  { name: "the second where the first is down", members: { a: a(BAD), b: b() }, want: { 2: 100 } },
  {
    name: "degraded hosts before a later member's",
    members: { a: a({ health_status: "DEGRADED" }), b: b(BAD) },
    want: { 1: 100 },
  },
  { name: "members that are missing are passed over", members: { b: b() }, want: { 2: 100 } },
  {
    name: "no host where none is well and members do not panic",
    members: { a: a(BAD), b: b(BAD) },
    want: { none: 100 },
  },
  { name: "no host where there is no member", members: {}, want: { none: 100 } },
] as const;
for (const row of ROWS) {
  Deno.test(`aggregate: ${row.name}`, async () => {
    const { cluster } = await benchOf(row.members, of("a", "b"));
    const seen: Record<string, number> = {};
    for (let i = 0; i < 100; i++) {
      const host = cluster.chooseHost(undefined);
      const key = host === undefined ? "none" : formatAddress(host.address).split(":")[1]!;
      seen[key] = (seen[key] ?? 0) + 1;
    }
    assertEquals(seen, row.want);
  });
}

Deno.test("aggregate: all priorities stand in one line, those without hosts left out", async () => {
  const { cluster } = await benchOf(
    { a: HALF, b: b() },
    of("a", "b"),
  );
  const seen: Record<string, number> = {};
  for (let i = 0; i < 4000; i++) {
    const port = formatAddress(cluster.chooseHost(undefined)!.address).split(":")[1]!;
    seen[port] = (seen[port] ?? 0) + 1;
  }
  assertEquals(Object.keys(seen), ["1", "3"]);
  assertEquals(Math.round(seen["1"]! / 400), 7);
});

Deno.test("aggregate: a change of a member's hosts is seen at the next request", async () => {
  const { bench, cluster } = await benchOf({ a: a(), b: b() }, of("a", "b"));
  const port = (): number | undefined => {
    const address = cluster.chooseHost(undefined)?.address;
    return address?.kind === "ip" ? address.port : undefined;
  };
  assertEquals(port(), 1);
  bench.clusters.remove("a");
  assertEquals(port(), 2);
  await bench.add({ name: "a", ...a() });
  assertEquals(port(), 1);
});

Deno.test("aggregate: an aggregate in an aggregate, or itself, has no hosts", async () => {
  const { cluster } = await benchOf({ inner: of("a"), a: a() }, of("c", "inner"));
  assertEquals(cluster.chooseHost(undefined), undefined);
});

Deno.test("aggregate: the member's pools and counts are used", async () => {
  const { bench, cluster } = await benchOf({ a: a() }, of("a"));
  const request = new TestRequest(bench, cluster);
  bench.run(() => bench.connections[0]!.connected());
  bench.run(() => bench.connections[0]!.receive(ANSWER));
  assertEquals(request.log, ["ready", "headers 200 end"]);
  assertEquals(bench.stats(/upstream_(cx|rq)_total/), {});
  assertEquals(
    bench.clusters.snapshot()[1]!.hosts[0]!.stats.find(({ name }) => name === "rq_total")!.value,
    1,
  );
});

Deno.test("aggregate: a retry leaves out the members' priorities that were tried", async () => {
  const { cluster } = await benchOf({ a: a(), b: b() }, of("a", "b"));
  const retryPriority = new PreviousPriorities(1);
  const context: LoadBalancerContext = {
    hash: () => undefined,
    requestHeaders: undefined,
    metadataMatch: undefined,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 0,
    streamInfo: undefined,
    retryPriority,
  };
  const seen: string[] = [];
  for (let i = 0; i < 3; i++) {
    const host = cluster.chooseHost(context)!;
    seen.push(formatAddress(host.address));
    retryPriority.onHostAttempted(host);
  }
  assertEquals(seen, ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]);
});
