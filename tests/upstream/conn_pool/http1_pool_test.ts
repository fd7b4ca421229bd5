// HTTP/1.1 pools on scripted connections.

import { assertEquals } from "../../support/assert.ts";
import { ANSWER, assignment, Bench, endpoint, TestRequest } from "../support.ts";

const ONE_HOST = assignment({ lb_endpoints: [endpoint(80)] });
const limits = (thresholds: object): object => ({
  ...ONE_HOST,
  circuit_breakers: { thresholds: [thresholds] },
});

Deno.test("HTTP/1 pool connects, serves and uses the connection again", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const first = new TestRequest(bench, cluster);
  assertEquals(first.log, []);
  assertEquals(bench.stat("upstream_rq_pending_active"), 1);
  const [connection] = bench.connections;
  connection!.connected();
  assertEquals(first.log, ["ready"]);
  assertEquals(connection!.written().startsWith("GET / HTTP/1.1\r\n"), true);
  connection!.receive(ANSWER);
  assertEquals(first.log, ["ready", "headers 200 end"]);
  const second = new TestRequest(bench, cluster);
  assertEquals(second.log, ["ready"]);
  assertEquals(second.ready!.streamCount, 2);
  assertEquals(bench.stats(/upstream_(cx|rq)_(total|active|http1_total|pending_total)$/), {
    upstream_cx_active: 1,
    upstream_cx_http1_total: 1,
    upstream_cx_total: 1,
    upstream_rq_active: 1,
    upstream_rq_pending_total: 1,
    upstream_rq_total: 2,
  });
  connection!.receive(ANSWER);
  assertEquals(bench.stat("upstream_rq_active"), 0);
  assertEquals(cluster.circuitBreakers.default.requests, 0);
  assertEquals(cluster.circuitBreakers.default.connections, 1);
});

Deno.test("HTTP/1 pool opens a connection for each request that waits", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const requests = [1, 2, 3].map(() => new TestRequest(bench, cluster));
  assertEquals(bench.connections.length, 3);
  bench.connections[1]!.connected();
  assertEquals(requests.map((request) => request.log.length), [1, 0, 0]);
});

Deno.test("HTTP/1 pool serves with the connection that became free last", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const requests = [1, 2].map(() => new TestRequest(bench, cluster));
  for (const connection of bench.connections) connection.connected();
  bench.connections[1]!.receive(ANSWER);
  bench.connections[0]!.receive(ANSWER);
  const next = new TestRequest(bench, cluster);
  assertEquals(next.ready!.connectionId, bench.connections[0]!.id);
  assertEquals(requests.map((request) => request.log.length), [2, 2]);
});

Deno.test("HTTP/1 pool gives a freed connection to the request that waits longest", async () => {
  const bench = new Bench();
  const cluster = await bench.add(limits({ max_connections: 1 }));
  const requests = [1, 2, 3].map(() => new TestRequest(bench, cluster));
  assertEquals([bench.connections.length, bench.stat("upstream_cx_overflow")], [1, 2]);
  const [connection] = bench.connections;
  connection!.connected();
  connection!.receive(ANSWER);
  assertEquals(requests.map((request) => request.log), [
    ["ready", "headers 200 end"],
    ["ready"],
    [],
  ]);
  assertEquals(bench.stat("upstream_rq_pending_active"), 1);
});

Deno.test("HTTP/1 pool: a connection that the peer ends behind its answer is not used", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const first = new TestRequest(bench, cluster);
  const [connection] = bench.connections;
  connection!.connected();
  connection!.receive(ANSWER);
  connection!.endOfInput();
  const second = new TestRequest(bench, cluster);
  assertEquals([first.log.length, second.log, bench.connections.length], [2, [], 2]);
  assertEquals(bench.stats(/destroy/), { upstream_cx_destroy: 1, upstream_cx_destroy_remote: 1 });
});

Deno.test("HTTP/1 pool: connection: close ends the connection after the answer", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  const [connection] = bench.connections;
  connection!.connected();
  connection!.receive("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi");
  assertEquals(request.log.at(-1), "data 2 end");
  assertEquals(connection!.isClosed, true);
  assertEquals(bench.stats(/destroy|cx_active/), {
    upstream_cx_destroy: 1,
    upstream_cx_destroy_local: 1,
  });
});

Deno.test("HTTP/1 pool: a refused connection fails what waits, with the reason", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  bench.connections[0]!.fail("connect_failure", "delayed connect error: Connection refused");
  assertEquals(request.log, [
    "failure remote_connection_failure delayed connect error: Connection refused",
  ]);
  assertEquals(bench.stats(/upstream_(cx|rq)/), {
    upstream_cx_connect_fail: 1,
    upstream_cx_destroy: 1,
    upstream_cx_destroy_remote: 1,
    upstream_cx_http1_total: 1,
    upstream_cx_total: 1,
    upstream_rq_pending_failure_eject: 1,
    upstream_rq_pending_total: 1,
  });
  assertEquals(cluster.circuitBreakers.default.connections, 0);
  assertEquals(cluster.circuitBreakers.default.pendingRequests, 0);
});

Deno.test("HTTP/1 pool: a connection that takes too long times out", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...ONE_HOST, connect_timeout: "0.5s" });
  const request = new TestRequest(bench, cluster);
  bench.advance(400);
  assertEquals(request.log, []);
  bench.advance(200);
  assertEquals(request.log, ["failure timeout"]);
  assertEquals(bench.stats(/timeout|connect_fail/), {
    upstream_cx_connect_fail: 1,
    upstream_cx_connect_timeout: 1,
  });
});

Deno.test("HTTP/1 pool: a cancelled request leaves its connection to the next", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  bench.run(() => request.pending!.cancel());
  assertEquals(bench.stat("upstream_rq_cancelled"), 1);
  assertEquals(bench.stat("upstream_rq_pending_active"), 0);
  bench.connections[0]!.connected();
  assertEquals(request.log, []);
  const next = new TestRequest(bench, cluster);
  assertEquals([next.log, bench.connections.length], [["ready"], 1]);
});

Deno.test("HTTP/1 pool: a reset by the router closes the connection", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  const [connection] = bench.connections;
  connection!.connected();
  bench.run(() => request.encoder!.reset("local_reset"));
  assertEquals(connection!.closedBy, "no_flush");
  assertEquals(bench.stats(/destroy|rq_active|_reset/), {
    upstream_cx_destroy: 1,
    upstream_cx_destroy_local: 1,
    upstream_cx_destroy_local_with_active_rq: 1,
    upstream_cx_destroy_with_active_rq: 1,
  });
  assertEquals(request.log, ["ready"]);
});

Deno.test("HTTP/1 pool: a connection lost under a request resets it", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.connections[0]!.fail("remote_close");
  assertEquals(request.log, ["ready", "reset connection_termination"]);
  assertEquals(bench.stats(/destroy|rq_active/), {
    upstream_cx_destroy: 1,
    upstream_cx_destroy_remote: 1,
    upstream_cx_destroy_remote_with_active_rq: 1,
    upstream_cx_destroy_with_active_rq: 1,
  });
});

Deno.test("HTTP/1 pool: nonsense from the peer is a protocol error", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive("nonsense\r\n\r\n");
  assertEquals(request.log, ["ready", "reset protocol_error"]);
  assertEquals(bench.stat("upstream_cx_protocol_error"), 1);
  assertEquals(bench.connections[0]!.isClosed, true);
});

Deno.test("HTTP/1 pool: an answer before the request's end closes the connection", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const request = new TestRequest(bench, cluster, { noSend: true });
  const [connection] = bench.connections;
  connection!.connected();
  const headers = (await import("../../../src/http/mod.ts")).HeaderMap.of(
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "a.test"],
    [":path", "/"],
    ["content-length", "10"],
  );
  bench.run(() => request.encoder!.encodeHeaders(headers, false));
  connection!.receive(ANSWER);
  assertEquals(request.log, ["ready", "headers 200 end"]);
  assertEquals([connection!.isClosed, bench.stat("upstream_rq_active")], [true, 0]);
  bench.run(() => request.encoder!.encodeData(new Uint8Array(10), true));
  assertEquals(cluster.circuitBreakers.default.requests, 0);
});

Deno.test("HTTP/1 pool: max_requests_per_connection", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...ONE_HOST, max_requests_per_connection: 2 });
  for (let i = 0; i < 3; i++) {
    new TestRequest(bench, cluster);
    const connection = bench.connections.at(-1)!;
    if (connection.written() === "") connection.connected();
    connection.receive(ANSWER);
  }
  assertEquals(bench.connections.map((connection) => connection.isClosed), [true, false]);
  assertEquals(bench.stat("upstream_cx_max_requests"), 1);
});

Deno.test("HTTP/1 pool: idle_timeout and max_connection_duration", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...ONE_HOST,
    common_http_protocol_options: { idle_timeout: "10s", max_connection_duration: "60s" },
  });
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.advance(15_000);
  assertEquals(bench.connections[0]!.isClosed, false);
  bench.connections[0]!.receive(ANSWER);
  bench.advance(10_100);
  assertEquals(bench.stat("upstream_cx_idle_timeout"), 1);
  assertEquals(bench.connections[0]!.isClosed, true);
  const request = new TestRequest(bench, cluster);
  bench.connections[1]!.connected();
  bench.advance(61_000);
  assertEquals(bench.stat("upstream_cx_max_duration_reached"), 1);
  assertEquals(bench.connections[1]!.isClosed, false);
  bench.connections[1]!.receive(ANSWER);
  assertEquals([request.log.length, bench.connections[1]!.isClosed], [2, true]);
});

const OVERFLOWS = [
  { name: "max_pending_requests 0", thresholds: { max_pending_requests: 0 }, before: 0 },
  { name: "max_pending_requests 1", thresholds: { max_pending_requests: 1 }, before: 1 },
] as const;
for (const row of OVERFLOWS) {
  Deno.test(`HTTP/1 pool: ${row.name} refuses what must wait`, async () => {
    const bench = new Bench();
    const cluster = await bench.add(limits(row.thresholds));
    for (let i = 0; i < row.before; i++) new TestRequest(bench, cluster);
    const refused = new TestRequest(bench, cluster);
    assertEquals(refused.log, ["failure overflow"]);
    assertEquals(bench.stat("upstream_rq_pending_overflow"), 1);
  });
}

Deno.test("HTTP/1 pool: max_requests limits requests on warm connections", async () => {
  const bench = new Bench();
  const cluster = await bench.add(limits({ max_requests: 1 }));
  const requests = [1, 2].map(() => new TestRequest(bench, cluster));
  for (const connection of bench.connections) connection.connected();
  assertEquals(requests.map((request) => request.log), [["ready"], ["failure overflow"]]);
  assertEquals(bench.stats(/overflow/), { upstream_rq_active_overflow: 1 });
});

Deno.test("HTTP/1 pool: a removed cluster ends its requests in peace", async () => {
  const bench = new Bench();
  const cluster = await bench.add(ONE_HOST);
  const busy = new TestRequest(bench, cluster);
  const idle = new TestRequest(bench, cluster);
  for (const connection of bench.connections) connection.connected();
  bench.connections[1]!.receive(ANSWER);
  bench.run(() => void bench.clusters.remove("c"));
  assertEquals(bench.connections.map((connection) => connection.isClosed), [false, true]);
  bench.connections[0]!.receive(ANSWER);
  assertEquals([busy.log.length, idle.log.length], [2, 2]);
  assertEquals(bench.connections[0]!.isClosed, true);
});

Deno.test("HTTP/1 pool takes the first address of a host that connects (happy eyeballs)", async () => {
  const bench = new Bench();
  const host = endpoint(80) as { endpoint: object };
  const other = { address: { socket_address: { address: "::1", port_value: 80 } } };
  const cluster = await bench.add(
    assignment({
      lb_endpoints: [{ endpoint: { ...host.endpoint, additional_addresses: [other] } }],
    }),
  );
  const first = new TestRequest(bench, cluster);
  bench.advance(350);
  const [slow, quick] = bench.connections;
  quick!.connected();
  assertEquals([first.log, slow!.closedBy], [["ready"], "no_flush"]);
  quick!.receive(ANSWER);
  const second = new TestRequest(bench, cluster);
  assertEquals([second.log, second.ready!.connectionId], [["ready"], quick!.id]);
  assertEquals(bench.stats(/upstream_cx_(total|active|connect_fail)$/), {
    upstream_cx_active: 1,
    upstream_cx_total: 1,
  });
});
