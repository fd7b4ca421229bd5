// Active HTTP checks of a cluster, from its message to flags, stats, news and the next check.

import { assertEquals } from "../../support/assert.ts";
import { ANSWER, assignment, Bench, endpoint } from "../support.ts";

const CHECK = {
  timeout: "1s",
  interval: "10s",
  no_traffic_interval: "10s",
  unhealthy_threshold: 2,
  healthy_threshold: 2,
};

/** A started cluster of one host under an HTTP check. */
async function checked(http: object = {}, more: object = {}, cluster: object = {}): Promise<Bench> {
  const bench = new Bench();
  await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    health_checks: [{ ...CHECK, http_health_check: { path: "/hc", ...http }, ...more }],
    common_lb_config: { update_merge_window: "0s" },
    ...cluster,
  });
  bench.clusters.start();
  return bench;
}

function flags(bench: Bench, host = 0): string {
  return bench.clusters.snapshot()[0]!.hosts[host]!.healthText;
}

/** The answer to the check under way, on the last connection. */
function answer(bench: Bench, status: number, headers = "", body = ""): void {
  bench.connections.at(-1)!.receive(
    `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`,
  );
}

/** Goes through these answers, one check each; the first connects. */
function rounds(bench: Bench, ...statuses: number[]): void {
  for (const status of statuses) {
    const connection = bench.connections.at(-1)!;
    if (connection.bytesReceived === 0) connection.connected();
    answer(bench, status);
    bench.advance(10_000);
  }
}

Deno.test("hosts fail until their first check, which the start waits for", async () => {
  const bench = await checked();
  let isReady = false;
  const ready = bench.clusters.initialized(60_000).then(() => isReady = true);
  await Promise.resolve();
  assertEquals([flags(bench), isReady], ["/failed_active_hc", false]);
  bench.connections[0]!.connected();
  assertEquals(
    bench.connections[0]!.written(),
    "GET /hc HTTP/1.1\r\nhost: c\r\nuser-agent: Envoy/HC\r\n\r\n",
  );
  bench.connections[0]!.receive(ANSWER);
  await ready;
  assertEquals(flags(bench), "healthy");
  assertEquals(bench.health, [{ cluster: "c", refreshes: true, failedHosts: [] }]);
  assertEquals(bench.stats(/health_check|healthy/), {
    "health_check.attempt": 1,
    "health_check.healthy": 1,
    "health_check.success": 1,
    membership_healthy: 1,
  });
});

const SEQUENCES: readonly {
  readonly name: string;
  readonly http?: object;
  readonly statuses: readonly number[];
  readonly want: string;
}[] = [
  { name: "an unexpected status fails at once", statuses: [200, 503], want: "/failed_active_hc" },
  { name: "one success does not heal", statuses: [200, 503, 200], want: "/failed_active_hc" },
  { name: "healthy_threshold successes heal", statuses: [200, 503, 200, 200], want: "healthy" },
  {
    name: "a failure starts the successes again",
    statuses: [200, 503, 200, 503, 200],
    want: "/failed_active_hc",
  },
  {
    name: "a retriable status does not fail at once",
    http: { retriable_statuses: [{ start: 503, end: 504 }] },
    statuses: [200, 503],
    want: "healthy",
  },
  {
    name: "retriable statuses fail at the threshold",
    http: { retriable_statuses: [{ start: 503, end: 504 }] },
    statuses: [200, 503, 503],
    want: "/failed_active_hc",
  },
  {
    name: "expected_statuses replaces 200",
    http: { expected_statuses: [{ start: 204, end: 205 }] },
    statuses: [204, 200],
    want: "/failed_active_hc",
  },
];

for (const { name, http, statuses, want } of SEQUENCES) {
  Deno.test(name, async () => {
    const bench = await checked(http);
    rounds(bench, ...statuses);
    assertEquals(flags(bench), want);
  });
}

Deno.test("timeouts fail at the threshold and are told apart", async () => {
  const bench = await checked();
  rounds(bench, 200);
  bench.advance(1_000);
  assertEquals(flags(bench), "healthy");
  bench.advance(10_000);
  bench.advance(1_000);
  assertEquals(flags(bench), "/failed_active_hc/active_hc_timeout");
  assertEquals(bench.stats(/network_failure/), { "health_check.network_failure": 2 });
});

Deno.test("a connection that is kept serves the next check", async () => {
  const bench = await checked();
  rounds(bench, 200, 200, 200);
  assertEquals(bench.connections.length, 1);
});

Deno.test("reuse_connection false opens one a check", async () => {
  const bench = await checked({}, { reuse_connection: false });
  rounds(bench, 200, 200, 200);
  assertEquals(bench.connections.length, 4);
  assertEquals(bench.connections[0]!.closedBy, "no_flush");
});

Deno.test("a refused connection is a network failure and the next check connects anew", async () => {
  const bench = await checked();
  bench.connections[0]!.fail("connect_failure", "refused");
  assertEquals(bench.stats(/health_check/), {
    "health_check.attempt": 1,
    "health_check.failure": 1,
    "health_check.network_failure": 1,
  });
  bench.advance(10_000);
  assertEquals(bench.connections.length, 2);
});

Deno.test("a connection closed between two checks is no failure", async () => {
  const bench = await checked();
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.connections[0]!.endOfInput();
  bench.advance(10_000);
  assertEquals([flags(bench), bench.connections.length], ["healthy", 2]);
});

const ANSWERS: readonly {
  readonly name: string;
  readonly http?: object;
  readonly headers?: string;
  readonly body?: string;
  readonly want: string;
}[] = [
  { name: "degraded", headers: "x-envoy-degraded: \r\n", want: "/degraded_active_hc" },
  {
    name: "parts of the body in their order",
    http: { receive: [{ text: "6162" }, { text: "63" }] },
    body: "-ab-c-",
    want: "healthy",
  },
  {
    name: "parts in another order",
    http: { receive: [{ text: "63" }, { text: "6162" }] },
    body: "-ab-c-",
    want: "/failed_active_hc",
  },
  {
    name: "the right service",
    http: { service_name_matcher: { prefix: "right" } },
    headers: "x-envoy-upstream-healthchecked-cluster: right-one\r\n",
    want: "healthy",
  },
  {
    name: "the wrong service",
    http: { service_name_matcher: { prefix: "right" } },
    want: "/failed_active_hc",
  },
];

for (const { name, http, headers, body, want } of ANSWERS) {
  Deno.test(`an answer with ${name}`, async () => {
    const bench = await checked(http);
    bench.connections[0]!.connected();
    answer(bench, 200, headers, body);
    assertEquals(flags(bench), want);
  });
}

Deno.test("a failed host's number goes out with the news", async () => {
  const bench = await checked();
  rounds(bench, 200, 503);
  const { id } = bench.clusters.get("c")!.hosts.sets[0]!.hosts[0]!;
  assertEquals(bench.health.at(-1), { cluster: "c", refreshes: true, failedHosts: [id] });
});

Deno.test("within the merge window only the failure itself is told", async () => {
  const bench = await checked({}, { interval: "0.1s", no_traffic_interval: "0.1s" }, {
    common_lb_config: {},
    ...assignment({ lb_endpoints: [endpoint(1), endpoint(2)] }),
  });
  const [one, two] = bench.connections;
  for (const connection of [one!, two!]) {
    connection.connected();
    connection.receive(ANSWER);
  }
  bench.health.length = 0;
  bench.advance(100);
  one!.receive("HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n");
  two!.receive("HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n");
  assertEquals(bench.health.map(({ refreshes }) => refreshes), [true, false]);
  bench.advance(1_000);
  assertEquals(bench.health.at(-1), { cluster: "c", refreshes: true, failedHosts: [] });
});

Deno.test("a response that says so fails its host at once", async () => {
  const bench = await checked();
  rounds(bench, 200);
  const host = bench.clusters.manager.cluster("c")!.hostSets[0]!.hosts[0]!;
  host.monitor!.failImmediately();
  assertEquals(flags(bench), "/failed_active_hc/excluded_via_immediate_hc_fail");
  assertEquals(bench.stat("health_check.passive_failure"), 1);
});

Deno.test("an endpoint's own address, name and exemption", async () => {
  const bench = await checked(
    {},
    {},
    assignment({
      lb_endpoints: [
        {
          endpoint: {
            address: { socket_address: { address: "127.0.0.1", port_value: 1 } },
            health_check_config: { hostname: "check.test" },
          },
        },
        {
          endpoint: {
            address: { socket_address: { address: "127.0.0.1", port_value: 2 } },
            health_check_config: { disable_active_health_check: true },
          },
        },
      ],
    }),
  );
  assertEquals([flags(bench, 1), bench.connections.length], ["healthy", 1]);
  bench.connections[0]!.connected();
  assertEquals(/host: (.*)\r/.exec(bench.connections[0]!.written())![1], "check.test");
});

Deno.test("a cluster that goes ends its checks", async () => {
  const bench = await checked();
  rounds(bench, 200);
  bench.clusters.remove("c");
  assertEquals(bench.connections[0]!.closedBy, "no_flush");
  bench.advance(60_000);
  assertEquals(bench.connections.length, 1);
});
