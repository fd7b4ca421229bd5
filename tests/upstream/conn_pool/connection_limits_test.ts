/** Pools that may not open their first connection, and those that let one go for them. */

import { assertEquals } from "../../support/assert.ts";
import type { WorkerCluster } from "../../../src/upstream/mod.ts";
import { ANSWER, assignment, Bench, endpoint, TestRequest } from "../support.ts";

/** Three hosts and so three pools, with one connection for all of them. */
async function short(bench: Bench, more: object = {}): Promise<WorkerCluster> {
  return await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1), endpoint(2), endpoint(3)] }),
    circuit_breakers: { thresholds: [{ max_connections: 1 }], ...more },
  });
}

function requestEach(bench: Bench, cluster: WorkerCluster): TestRequest[] {
  return cluster.hostSets[0]!.hosts.map((host) => new TestRequest(bench, cluster, { host }));
}

const RETRY_MS = 30;

Deno.test("connection limits: only one connection in all is over the limit", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  const requests = requestEach(bench, cluster);
  assertEquals([bench.connections.length, cluster.circuitBreakers.default.connections], [2, 2]);
  assertEquals(bench.stat("upstream_cx_overflow"), 1);
  assertEquals(requests.map(({ log }) => log), [[], [], []]);
});

Deno.test("connection limits: a pool that waits gets the idle connection of another", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  const requests = requestEach(bench, cluster);
  for (const connection of bench.connections) connection.connected();
  bench.connections[0]!.receive(ANSWER);
  assertEquals(bench.connections.length, 2, "nothing happens on the way of a request");
  bench.advance(RETRY_MS);
  assertEquals([bench.connections[0]!.isClosed, bench.connections.length], [true, 3]);
  bench.connections[2]!.connected();
  assertEquals(requests.map(({ log }) => log.at(-1)), ["headers 200 end", "ready", "ready"]);
  assertEquals(cluster.circuitBreakers.default.connections, 2);
});

Deno.test("connection limits: a connection that ends is the waiting pool's", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  requestEach(bench, cluster);
  bench.connections[0]!.connected();
  new TestRequest(bench, cluster, { host: cluster.hostSets[0]!.hosts[0]! });
  bench.connections[0]!.endOfInput();
  assertEquals(bench.connections.length, 3);
  assertEquals(cluster.circuitBreakers.default.connections, 2);
});

Deno.test("connection limits: nobody waits any more once the request is gone", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  const requests = requestEach(bench, cluster);
  bench.run(() => requests[2]!.pending!.cancel());
  for (const connection of bench.connections) connection.connected();
  for (const connection of bench.connections) connection.receive(ANSWER);
  bench.advance(RETRY_MS);
  bench.advance(RETRY_MS);
  assertEquals(bench.connections.map(({ isClosed }) => isClosed), [false, false]);
});

Deno.test("connection limits: an idle connection is given to another thread at once", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  const host = cluster.hostSets[0]!.hosts[0]!;
  new TestRequest(bench, cluster, { host });
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.run(() => cluster.giveConnection("default"));
  assertEquals(cluster.circuitBreakers.default.connections, 0);
  const next = new TestRequest(bench, cluster, { host });
  assertEquals([bench.connections.length, next.log], [1, []], "it is left to who asked");
  bench.advance(RETRY_MS);
  bench.advance(RETRY_MS);
  assertEquals(bench.connections.length, 2);
});

const OWED = [
  { name: "after its request, once it was used for a while", ageMs: 30, isGiven: true },
  { name: "not if it is new", ageMs: 0, isGiven: false },
];
for (const row of OWED) {
  Deno.test(`connection limits: a busy connection is given: ${row.name}`, async () => {
    const bench = new Bench();
    const cluster = await short(bench);
    new TestRequest(bench, cluster);
    bench.connections[0]!.connected();
    bench.advance(row.ageMs);
    bench.run(() => cluster.giveConnection("default"));
    bench.advance(1);
    bench.connections[0]!.receive(ANSWER);
    assertEquals(bench.connections[0]!.isClosed, row.isGiven);
  });
}

Deno.test("connection limits: who was asked long ago keeps its connection", async () => {
  const bench = new Bench();
  const cluster = await short(bench);
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.run(() => cluster.giveConnection("default"));
  bench.advance(1000);
  bench.connections[0]!.receive(ANSWER);
  assertEquals(bench.connections[0]!.isClosed, false);
});

Deno.test("connection limits: those of a host are given back with its connections", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] },
  });
  const [host] = cluster.hostSets[0]!.hosts;
  for (let i = 0; i < 2; i++) new TestRequest(bench, cluster);
  assertEquals(bench.connections.length, 1);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.run(() => cluster.drainConnections());
  bench.connections[0]!.receive(ANSWER);
  assertEquals([host!.tryConnection(1), host!.tryConnection(1)], [true, false]);
});
