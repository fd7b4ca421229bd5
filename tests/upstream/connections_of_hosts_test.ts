// What becomes of connections when hosts come, go or fail, and what is measured of streams.

import { assertEquals } from "../support/assert.ts";
import type { Connection } from "../../src/net/mod.ts";
import type { Resources } from "../../src/upstream/mod.ts";
import { decodeMessage } from "../support/messages.ts";
import { NO_PROBLEMS } from "../support/fakes/compile_context.ts";
import { ANSWER, assignment, Bench, EDS, endpoint, TCP_CHECK, TestRequest } from "./support.ts";

async function edsBench(more: object) {
  let onResources: ((resources: Resources) => unknown) | undefined;
  const bench = new Bench({
    subscribe: (_source, events) => {
      onResources = (resources) => events.onResources(resources);
      return { start() {}, stop() {} };
    },
  });
  const cluster = await bench.add({ ...EDS, ...more });
  bench.clusters.start();
  const answer = async (version: string, ...ports: number[]): Promise<void> => {
    const type = "envoy.config.endpoint.v3.ClusterLoadAssignment";
    const { message } = await decodeMessage<never>(type, {
      cluster_name: "c",
      endpoints: [{ lb_endpoints: ports.map((port) => endpoint(port)) }],
    });
    onResources!({ version, resources: [message], problems: NO_PROBLEMS, hasErrors: () => false });
  };
  return { bench, cluster, answer };
}

const FLUSHES = [
  { name: "with close_connections_on_host_set_change", flag: true, want: 2 },
  { name: "without it", flag: false, want: 1 },
] as const;
for (const row of FLUSHES) {
  Deno.test(`a host that stays when another comes: connections ${row.name}`, async () => {
    const { bench, cluster, answer } = await edsBench({
      common_lb_config: { close_connections_on_host_set_change: row.flag },
    });
    await answer("1", 1);
    const host = cluster.chooseHost(undefined)!;
    const request = new TestRequest(bench, cluster, { host });
    bench.run(() => bench.connections[0]!.connected());
    await answer("2", 1, 2);
    bench.run(() => bench.connections[0]!.receive(ANSWER));
    assertEquals(request.log, ["ready", "headers 200 end"]);
    new TestRequest(bench, cluster, { host });
    assertEquals(bench.connections.length, row.want);
    assertEquals(bench.connections[0]!.isClosed, row.flag);
  });
}

for (const closes of [true, false]) {
  Deno.test(`TCP connections to a host that fails its check are ${closes ? "closed if asked" : "left"}`, async () => {
    const bench = new Bench();
    const cluster = await bench.add({
      ...assignment({ lb_endpoints: [endpoint(1)] }),
      ...TCP_CHECK,
      close_connections_on_host_health_failure: closes,
    });
    bench.clusters.start();
    bench.run(() => bench.connections[0]!.connected());
    let open: Connection | undefined;
    bench.run(() => {
      cluster.newTcpConnection(cluster.chooseHost(undefined)!, {
        priority: "default",
        streamInfo: undefined,
        onReady: (connection) => void (open = connection),
        onFailure: () => {},
      });
    });
    const own = bench.connections.length - 1;
    bench.run(() => bench.connections[own]!.connected());
    bench.advance(1100);
    bench.connections.at(-1)!.fail("connect_failure");
    assertEquals([open !== undefined, bench.connections[own]!.isClosed], [true, closes]);
    bench.clusters.close();
  });
}

Deno.test("wait_for_warm_on_init: false lets the start go on before the first answer", async () => {
  const { bench } = await edsBench({ wait_for_warm_on_init: false });
  await bench.clusters.initialized(60_000);
  assertEquals(bench.clusters.get("c")!.isInitialized, true);
});

Deno.test("request_response_sizes are measured of each stream, well or not", async () => {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    track_cluster_stats: { request_response_sizes: true },
  });
  const whole = new TestRequest(bench, cluster, { noSend: true });
  bench.run(() => bench.connections[0]!.connected());
  bench.run(() => whole.send());
  bench.run(() =>
    bench.connections[0]!.receive("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
  );
  assertEquals(whole.log, ["ready", "headers 200", "data 5 end"]);
  const cut = new TestRequest(bench, cluster);
  bench.connections[0]!.fail("remote_close");
  assertEquals(cut.log, ["ready", "reset connection_termination"]);
  bench.stat("");
  bench.store.flush();
  const seen = bench.store.histograms()
    .filter(({ name }) => /^cluster\.c\.upstream_r[qs]_(headers|body)/.test(name))
    .map(({ name, cumulative }) =>
      `${name.slice("cluster.c.upstream_".length)} ${cumulative.count}`
    );
  assertEquals(seen.sort(), [
    "rq_body_size 2",
    "rq_headers_count 2",
    "rq_headers_size 2",
    "rs_body_size 1",
    "rs_headers_count 1",
    "rs_headers_size 1",
  ]);
});
