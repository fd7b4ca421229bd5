// per_endpoint_stats: names, tags and values of single endpoints, as seen on Envoy 1.40.

import { StatsStore } from "../../../src/stats/mod.ts";
import { statsPrometheus } from "../../../src/admin/stats/prometheus.ts";
import { assertEquals } from "../../support/assert.ts";
import { assignment, Bench, endpoint, TestRequest } from "../support.ts";

const TRACKED = { track_cluster_stats: { per_endpoint_stats: true } };

function at(address: object, hostname = ""): object {
  return { endpoint: { hostname, address } };
}

const ip = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

Deno.test("per_endpoint_stats: nothing without it", async () => {
  const bench = new Bench();
  await bench.add(assignment({ lb_endpoints: [endpoint(1)] }));
  assertEquals(bench.clusters.endpointStats(), []);
});

Deno.test("per_endpoint_stats: what a request counts", async () => {
  const bench = new Bench();
  const cluster = await bench.add({ ...assignment({ lb_endpoints: [endpoint(7)] }), ...TRACKED });
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  const values = bench.clusters.endpointStats().filter(({ value }) => value > 0);
  assertEquals(Object.fromEntries(values.map(({ name, value }) => [name, value])), {
    "cluster.c.endpoint.127.0.0.1_7.cx_total": 1,
    "cluster.c.endpoint.127.0.0.1_7.rq_total": 1,
    "cluster.c.endpoint.127.0.0.1_7.cx_active": 1,
    "cluster.c.endpoint.127.0.0.1_7.rq_active": 1,
    "cluster.c.endpoint.127.0.0.1_7.healthy": 1,
  });
});

Deno.test("per_endpoint_stats: names and tags of all kinds of addresses", async () => {
  const bench = new Bench();
  await bench.add({
    alt_stat_name: "other:name",
    ...assignment({
      lb_endpoints: [at(ip("127.0.0.1", 1), "hh"), at(ip("::1", 2)), at({ pipe: { path: "/x" } })],
    }),
    ...TRACKED,
  });
  const store = new StatsStore();
  store.addSource(() => bench.clusters.endpointStats());
  const stats = store.values().filter(({ name }) => name.endsWith(".healthy"));
  assertEquals(stats.map(({ name, used }) => [name, used]), [
    ["cluster.other_name.endpoint./x.healthy", true],
    ["cluster.other_name.endpoint.127.0.0.1_1.healthy", true],
    ["cluster.other_name.endpoint.[__1]_2.healthy", true],
  ]);
  const text = statsPrometheus(
    { counters: [], gauges: stats, histograms: [], texts: [], buckets: undefined },
    false,
  );
  const cluster = 'envoy_cluster_name="other:name"';
  assertEquals(text.trim().split("\n"), [
    "# TYPE envoy_cluster_endpoint_healthy gauge",
    `envoy_cluster_endpoint_healthy{${cluster},envoy_endpoint_address="/x"} 1`,
    `envoy_cluster_endpoint_healthy{${cluster},envoy_endpoint_address="127.0.0.1:1",envoy_endpoint_hostname="hh"} 1`,
    `envoy_cluster_endpoint_healthy{${cluster},envoy_endpoint_address="[::1]:2"} 1`,
  ]);
});
