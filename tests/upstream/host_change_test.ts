// What becomes of connections when their host fails or the hosts of the cluster change.

import type { HostUpdate, TcpRequest, WorkerCluster } from "../../src/upstream/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { ANSWER, assignment, Bench, endpoint, TestRequest } from "./support.ts";

interface Tcp {
  readonly log: string[];
}

/** A TCP connection to the first host. */
function tcp(bench: Bench, cluster: WorkerCluster): Tcp {
  const log: string[] = [];
  const request: TcpRequest = {
    priority: "default",
    onReady: (connection) => {
      log.push("ready");
      connection.events = {
        onData() {},
        onEnd() {},
        onClose: (reason) => log.push(reason),
      };
    },
    onFailure: (reason) => log.push(reason),
    streamInfo: undefined,
  };
  bench.run(() => cluster.newTcpConnection(cluster.hostSets[0]!.hosts[0]!, request));
  return { log };
}

/** A cluster of two hosts and their whole update, to be changed. */
async function two(fields: object): Promise<[Bench, WorkerCluster, HostUpdate]> {
  const bench = new Bench();
  const endpoints = [endpoint(1), endpoint(2)];
  const cluster = await bench.add({ ...assignment({ lb_endpoints: endpoints }), ...fields });
  return [bench, cluster, bench.clusters.resources()[0]!.hosts];
}

function fail(bench: Bench, cluster: WorkerCluster): void {
  const { id } = cluster.hostSets[0]!.hosts[0]!;
  bench.run(() =>
    bench.clusters.manager.applyHealth({ cluster: "c", refreshes: false, failedHosts: [id] })
  );
}

for (
  const [closes, want] of [[true, ["ready", "local_close"]], [false, ["ready"]]] as const
) {
  Deno.test(`close_connections_on_host_health_failure ${closes}: TCP connections`, async () => {
    const [bench, cluster] = await two({ close_connections_on_host_health_failure: closes });
    const gone = tcp(bench, cluster);
    bench.connections[0]!.connected();
    bench.connections[0]!.fail("remote_close");
    const user = tcp(bench, cluster);
    bench.connections[1]!.connected();
    fail(bench, cluster);
    assertEquals([gone.log, user.log], [["ready", "remote_close"], want]);
    assertEquals(bench.stat("upstream_cx_active"), closes ? 0 : 1);
  });
}

Deno.test("close_connections_on_host_health_failure: one in the making fails", async () => {
  const [bench, cluster] = await two({ close_connections_on_host_health_failure: true });
  const user = tcp(bench, cluster);
  fail(bench, cluster);
  assertEquals(user.log, ["local_connection_failure"]);
  assertEquals(cluster.circuitBreakers.default.pendingRequests, 0);
});

Deno.test("a host that fails: HTTP streams under way go on, idle connections close", async () => {
  const [bench, cluster] = await two({ close_connections_on_host_health_failure: true });
  const host = cluster.hostSets[0]!.hosts[0]!;
  const busy = new TestRequest(bench, cluster, { host });
  const done = new TestRequest(bench, cluster, { host });
  for (const connection of bench.connections) connection.connected();
  bench.connections[1]!.receive(ANSWER);
  fail(bench, cluster);
  assertEquals(bench.connections.map(({ isClosed }) => isClosed), [false, true]);
  assertEquals([busy.log, done.log], [["ready"], ["ready", "headers 200 end"]]);
});

const CHANGES: readonly {
  readonly name: string;
  readonly closes: boolean;
  readonly kept: readonly number[];
  readonly want: readonly boolean[];
}[] = [
  { name: "a host leaves", closes: true, kept: [0], want: [true, true] },
  { name: "a host leaves, by default", closes: false, kept: [0], want: [false, true] },
  { name: "nothing changes", closes: true, kept: [0, 1], want: [false, false] },
];

for (const { name, closes, kept, want } of CHANGES) {
  Deno.test(`close_connections_on_host_set_change ${closes}: ${name}`, async () => {
    const [bench, cluster, update] = await two({
      common_lb_config: { close_connections_on_host_set_change: closes },
    });
    const { hosts } = cluster.hostSets[0]!;
    for (const host of hosts) new TestRequest(bench, cluster, { host });
    for (const connection of bench.connections) {
      connection.connected();
      connection.receive(ANSWER);
    }
    const sets = update.sets.map((set) => ({
      ...set,
      hosts: set.hosts.filter((_, i) => kept.includes(i)),
    }));
    bench.run(() => bench.clusters.manager.updateHosts({ ...update, sets }));
    assertEquals(bench.connections.map(({ isClosed }) => isClosed), want);
  });
}

Deno.test("close_connections_on_host_set_change: a new host closes idle connections too", async () => {
  const [bench, cluster, update] = await two({
    common_lb_config: { close_connections_on_host_set_change: true },
  });
  const fewer = update.sets.map((set) => ({ ...set, hosts: set.hosts.slice(0, 1) }));
  bench.run(() => bench.clusters.manager.updateHosts({ ...update, sets: fewer }));
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.run(() => bench.clusters.manager.updateHosts(update));
  assertEquals(bench.connections[0]!.isClosed, true);
});
