// Limits in shared memory: what one thread takes the other sees; a dead thread's share comes back.

import { assertEquals, assertRejects } from "../support/assert.ts";
import {
  BreakerMemory,
  compileThresholds,
  SharedBreaker,
} from "../../src/upstream/circuit_breaker.ts";
import { Dispatcher } from "../../src/base/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Runtime } from "../../src/runtime/mod.ts";
import type { StreamInfo } from "../../src/http/mod.ts";
import type { StreamRequest } from "../../src/upstream/mod.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { ANSWER, assignment, Bench, clusterOf, endpoint, TestRequest } from "./support.ts";

async function breakers(thresholds: object, runtime = new Runtime()): Promise<{
  readonly memory: BreakerMemory;
  readonly clock: FakeClock;
  readonly dispatcher: Dispatcher;
  readonly one: SharedBreaker;
  readonly two: SharedBreaker;
}> {
  const clock = new FakeClock();
  const dispatcher = new Dispatcher({ clock, sleeper: clock });
  const memory = new BreakerMemory(3);
  memory.take();
  const place = memory.take();
  const message = await clusterOf({ circuit_breakers: { thresholds: [thresholds] } });
  const breaker = (thread: number): SharedBreaker =>
    new SharedBreaker({
      place,
      priority: "default",
      thread,
      thresholds: compileThresholds(message).default,
      cluster: "c",
      runtime,
      dispatcher,
    });
  return { memory, clock, dispatcher, one: breaker(1), two: breaker(2) };
}

Deno.test("circuit breaker: defaults are Envoy's", async () => {
  const { one } = await breakers({});
  assertEquals(
    [one.maxConnections, one.maxPendingRequests, one.maxRequests, one.maxRetries],
    [1024, 1024, 1024, 3],
  );
});

Deno.test("circuit breaker: threads share one limit", async () => {
  const { one, two } = await breakers({ max_requests: 2 });
  assertEquals([one.tryRequest(), two.tryRequest(), one.tryRequest()], [true, true, false]);
  two.releaseRequest();
  assertEquals([one.tryRequest(), one.requests], [true, 2]);
});

Deno.test("circuit breaker: what a dead thread held comes back", async () => {
  const { memory, one, two } = await breakers({ max_requests: 2, max_connections: 1 });
  one.tryRequest();
  two.tryRequest();
  assertEquals([two.tryConnection(false), one.tryConnection(false)], [true, false]);
  assertEquals(one.tryRequest(), false);
  memory.retire(2);
  assertEquals([one.requests, one.connections, one.tryConnection(false)], [1, 0, true]);
});

Deno.test("circuit breaker: runtime values win", async () => {
  const runtime = new Runtime(new Map([["circuit_breakers.c.default.max_requests", 1]]));
  const { one } = await breakers({ max_requests: 5 }, runtime);
  assertEquals([one.tryRequest(), one.tryRequest()], [true, false]);
});

Deno.test("circuit breaker: a retry budget follows the active requests", async () => {
  const { one } = await breakers({
    max_retries: 0,
    retry_budget: { budget_percent: { value: 50 }, min_retry_concurrency: 1 },
  });
  assertEquals(one.maxRetries, 1);
  for (let i = 0; i < 8; i++) one.tryRequest();
  assertEquals(one.maxRetries, 4);
});

Deno.test("circuit breaker: a budget with an interval follows what began within it", async () => {
  const { one, two, clock, dispatcher } = await breakers({
    retry_budget: {
      budget_percent: { value: 50 },
      min_retry_concurrency: 0,
      budget_interval: "3.2s",
    },
  });
  for (let i = 0; i < 4; i++) {
    one.tryRequest();
    one.releaseRequest();
  }
  two.tryRequest();
  assertEquals([one.maxRetries, two.maxRetries], [2, 2], "ended or not, of both threads");
  const advance = (ms: number): void => {
    clock.advance(ms);
    dispatcher.timers.advance();
  };
  advance(3000);
  one.tryRequest();
  assertEquals(one.maxRetries, 3);
  advance(400);
  assertEquals([one.maxRetries, one.requests], [0, 2], "one is left, half of it is none");
  advance(3400);
  assertEquals(two.maxRetries, 0);
});

Deno.test("circuit breaker: only the first connection of a pool may be one over", async () => {
  const { one, two } = await breakers({ max_connections: 1 });
  const taken = [one, two, one, two].map((breaker, i) => breaker.tryConnection(i > 0));
  assertEquals([taken, one.connections], [[true, true, false, false], 2]);
});

Deno.test("circuit breaker: priorities do not share", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] },
  });
  assertEquals(new TestRequest(bench, cluster).log, ["failure overflow"]);
  assertEquals(new TestRequest(bench, cluster, { priority: "high" }).log, []);
});

Deno.test("circuit breaker: gauges show what is open and what remains", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { thresholds: [{ max_connections: 1, track_remaining: true }] },
  });
  new TestRequest(bench, cluster);
  bench.clusters.refreshGauges();
  assertEquals(bench.stats(/default\.(cx_open|remaining_(cx|rq|pending|retries)$)/), {
    "circuit_breakers.default.cx_open": 1,
    "circuit_breakers.default.remaining_pending": 1023,
    "circuit_breakers.default.remaining_retries": 3,
    "circuit_breakers.default.remaining_rq": 1024,
  });
});

Deno.test("circuit breaker: what remains is known before it is first asked for", async () => {
  const bench = new Bench();
  await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { thresholds: [{ max_requests: 7, track_remaining: true }] },
  });
  // A thread tells its new stats before the gauges are brought up to date: as admin does it.
  bench.store.absorb(0, bench.context.stats.takeUpdate()!);
  bench.clusters.refreshGauges();
  const stat = bench.store.values().find(({ name }) => name.endsWith("default.remaining_rq"));
  assertEquals(stat?.value, 7);
});

Deno.test("circuit breaker: a limit of 0 that nothing ran into is not open", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { thresholds: [{ max_connections: 0, max_requests: 0 }] },
  });
  bench.clusters.refreshGauges();
  assertEquals(bench.stats(/_open$/), {});
  new TestRequest(bench, cluster);
  bench.clusters.refreshGauges();
  assertEquals(bench.stats(/_open$/), { "circuit_breakers.default.cx_open": 1 });
});

Deno.test("per_host_thresholds take connections only, as in Envoy", async () => {
  await assertRejects(
    () => new Bench().add({ circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } }),
    /Unsupported field in per_host_thresholds/,
  );
});

Deno.test("per_host_thresholds limit the connections of a host", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] },
  });
  for (let i = 0; i < 3; i++) new TestRequest(bench, cluster);
  assertEquals([bench.connections.length, bench.stat("upstream_cx_overflow")], [1, 2]);
});

Deno.test("max_connection_pools: a host without a pool is refused, until another pool is empty", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1), endpoint(2)] }),
    circuit_breakers: { thresholds: [{ max_connection_pools: 1 }] },
  });
  const [one, two] = cluster.hostSets[0]!.hosts;
  const first = new TestRequest(bench, cluster, { host: one! });
  assertEquals(new TestRequest(bench, cluster, { host: two! }).log, ["failure pool_overflow"]);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.connections[0]!.endOfInput();
  assertEquals([first.log.length, cluster.circuitBreakers.default.connectionPools], [2, 0]);
  assertEquals(new TestRequest(bench, cluster, { host: two! }).log, []);
  assertEquals(bench.stat("upstream_cx_pool_overflow"), 1);
});

Deno.test("max_connection_pools: an unused pool of the same host makes room", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    connection_pool_per_downstream_connection: true,
    circuit_breakers: { thresholds: [{ max_connection_pools: 1 }] },
  });
  const from = (id: number): Partial<StreamRequest> => {
    const streamInfo = fakeStreamInfo();
    return { streamInfo: { connection: { ...streamInfo.connection, id } } as StreamInfo };
  };
  new TestRequest(bench, cluster, from(1));
  assertEquals(new TestRequest(bench, cluster, from(2)).log, ["failure pool_overflow"]);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  assertEquals(new TestRequest(bench, cluster, from(2)).log, []);
  assertEquals(bench.connections.map(({ isClosed }) => isClosed), [true, false]);
});
