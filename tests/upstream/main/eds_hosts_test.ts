// EDS clusters: assignments as discovery brings them, their counts, and hosts that are kept.

import { assertEquals, assertOk } from "../../support/assert.ts";
import { formatAddress, type Problems } from "../../../src/base/mod.ts";
import type { AnyMessage } from "../../../src/proto/mod.ts";
import type { ResourceEvents, ResourceSource } from "../../../src/upstream/mod.ts";
import { decodeMessage } from "../../support/messages.ts";
import { Bench, EDS, endpoint, TCP_CHECK } from "../support.ts";

/** A source that answers when the test says so. */
class FakeSource {
  events!: ResourceEvents;
  source!: ResourceSource;
  state = "new";

  readonly subscribe = (source: ResourceSource, events: ResourceEvents) => {
    this.source = source;
    this.events = events;
    return {
      start: () => void (this.state = "started"),
      stop: () => void (this.state = "stopped"),
    };
  };

  async answer(version: string, ...assignments: object[]): Promise<string | undefined> {
    const resources = await Promise.all(assignments.map(assignmentOf));
    let hasFailed = false;
    const problems: Problems = {
      error: () => void (hasFailed = true),
      unsupported: () => {},
      warn: () => {},
    };
    this.events.onAttempt();
    return this.events.onResources({ version, resources, problems, hasErrors: () => hasFailed });
  }
}

async function assignmentOf(value: object): Promise<AnyMessage> {
  const type = "envoy.config.endpoint.v3.ClusterLoadAssignment";
  return (await decodeMessage<AnyMessage>(type, { cluster_name: "c", ...value })).message;
}

const at = (...ports: number[]): object => ({
  endpoints: [{ lb_endpoints: ports.map((port) => endpoint(port)) }],
});

async function edsBench(more: object = {}) {
  const source = new FakeSource();
  const bench = new Bench({ subscribe: source.subscribe });
  const cluster = await bench.add({ ...EDS, ...more });
  bench.clusters.start();
  return { bench, cluster, source };
}

function hosts(bench: Bench): string[] {
  return bench.clusters.snapshot()[0]!.hosts.map((host) =>
    `${formatAddress(host.address)} ${host.healthText}`
  );
}

Deno.test("EDS: the cluster warms until its source has answered", async () => {
  const { bench, source } = await edsBench();
  assertEquals([source.state, source.source.path], ["started", "/eds.yaml"]);
  let isReady = false;
  const ready = bench.clusters.initialized(1000).then(() => isReady = true);
  await Promise.resolve();
  assertEquals(isReady, false);
  await source.answer("1", at(1, 2));
  await ready;
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy", "127.0.0.1:2 healthy"]);
  assertEquals(bench.stats(/membership|update_(?!time)|max_host/), {
    max_host_weight: 1,
    membership_change: 1,
    membership_healthy: 2,
    membership_total: 2,
    update_attempt: 1,
    update_success: 1,
  });
  assertEquals(bench.texts.get("cluster.c.version_text"), "1");
  bench.clusters.close();
  assertEquals(source.state, "stopped");
});

const REFUSED = [
  {
    name: "another cluster's assignment",
    answer: [{ ...at(2), cluster_name: "d" }],
    want: "Unexpected EDS cluster (expecting c): d",
  },
  { name: "two assignments", answer: [at(2), at(3)], want: "Unexpected EDS resource length: 2" },
  {
    name: "a name for an address",
    answer: [{
      endpoints: [{
        lb_endpoints: [{
          endpoint: { address: { socket_address: { address: "a.test", port_value: 1 } } },
        }],
      }],
    }],
    want: undefined,
  },
];
for (const row of REFUSED) {
  Deno.test(`EDS: ${row.name} is rejected, the old hosts stay`, async () => {
    const { bench, source } = await edsBench();
    await source.answer("1", at(1));
    assertEquals(await source.answer("2", ...row.answer), row.want);
    assertEquals(hosts(bench), ["127.0.0.1:1 healthy"]);
    assertEquals([bench.stat("update_rejected"), bench.stat("update_success")], [1, 1]);
    assertEquals(bench.texts.get("cluster.c.version_text"), "1");
  });
}

Deno.test("EDS: an unreadable answer, an empty one and the same one change no hosts", async () => {
  const { bench, source } = await edsBench();
  await source.answer("1", at(1));
  source.events.onAttempt();
  source.events.onFailure();
  await source.answer("2");
  await source.answer("3", at(1));
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy"]);
  assertEquals(bench.stats(/update_(?!time)|membership_change/), {
    membership_change: 1,
    update_attempt: 4,
    update_empty: 1,
    update_failure: 1,
    update_no_rebuild: 1,
    update_success: 3,
  });
});

Deno.test("EDS: a host keeps its id while its weight changes, an assignment without hosts empties", async () => {
  const { bench, source } = await edsBench();
  await source.answer("1", at(1));
  const [first] = bench.updates.at(-1)!.sets[0]!.hosts;
  await source.answer("2", {
    endpoints: [{ lb_endpoints: [endpoint(1, { load_balancing_weight: 5 })] }],
  });
  const [second] = bench.updates.at(-1)!.sets[0]!.hosts;
  assertEquals([second!.id === first!.id, second!.weight], [true, 5]);
  assertEquals([bench.stat("membership_change"), bench.stat("max_host_weight")], [1, 5]);
  await source.answer("3", {});
  assertEquals([hosts(bench), bench.stat("membership_change")], [[], 2]);
});

Deno.test("EDS: endpoints grow stale unless they are told again", async () => {
  const { bench, source } = await edsBench();
  const stale = { ...at(1), policy: { endpoint_stale_after: "2s" } };
  await source.answer("1", stale);
  bench.advance(1500);
  await source.answer("2", stale);
  bench.advance(1500);
  assertEquals([hosts(bench).length, bench.stat("assignment_timeout_received")], [1, 2]);
  bench.advance(600);
  assertEquals([hosts(bench), bench.stat("assignment_stale")], [[], 1]);
});

Deno.test("EDS: drop_overloads come and go with the assignment", async () => {
  const { cluster, source } = await edsBench();
  const policy = {
    drop_overloads: [{ category: "x", drop_percentage: { numerator: 25, denominator: "HUNDRED" } }],
  };
  await source.answer("1", { ...at(1), policy });
  assertEquals([cluster.info.dropOverloadCategory, cluster.info.dropOverloadPercent], ["x", 25]);
  await source.answer("2", at(1));
  assertEquals([cluster.info.dropOverloadCategory, cluster.info.dropOverloadPercent], [
    undefined,
    0,
  ]);
});

Deno.test("EDS: a removed host that its checks find well stays until one fails", async () => {
  const { bench, source } = await edsBench(TCP_CHECK);
  await source.answer("1", at(1, 2));
  for (const connection of bench.connections) connection.connected();
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy", "127.0.0.1:2 healthy"]);
  await source.answer("2", at(1));
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy", "127.0.0.1:2 /pending_dynamic_removal"]);
  assertEquals(bench.stat("membership_change"), 1);
  await source.answer("3", at(1, 2));
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy", "127.0.0.1:2 healthy"]);
  await source.answer("4", at(1));
  const known = bench.connections.length;
  bench.advance(1100);
  assertOk(bench.connections.length > known);
  for (const connection of bench.connections.slice(known)) connection.fail("connect_failure");
  assertEquals(hosts(bench), ["127.0.0.1:1 /failed_active_hc"]);
});

Deno.test("EDS: with ignore_health_on_host_removal a host goes at once", async () => {
  const { bench, source } = await edsBench({ ...TCP_CHECK, ignore_health_on_host_removal: true });
  await source.answer("1", at(1, 2));
  for (const connection of bench.connections) connection.connected();
  await source.answer("2", at(1));
  assertEquals(hosts(bench), ["127.0.0.1:1 healthy"]);
});
