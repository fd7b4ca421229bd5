// Main's clusters: STATIC at once, DNS as it answers, membership, what is posted, /clusters.

import { assertEquals } from "../../support/assert.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import { compileCluster } from "../../../src/upstream/main_mod.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { FakeResolver } from "../fake_resolver.ts";
import { ANSWER, assignment, Bench, clusterOf, endpoint, TestRequest } from "../support.ts";

const named = (name: string, more: object = {}): object => ({
  endpoint: { address: { socket_address: { address: name, port_value: 80 } } },
  ...more,
});

async function dnsBench(value: object): Promise<{ bench: Bench; resolver: FakeResolver }> {
  const resolver = new FakeResolver();
  const bench = new Bench({ createResolver: () => resolver });
  await bench.add({
    type: "STRICT_DNS",
    ...assignment({ lb_endpoints: [named("a.test")] }),
    ...value,
  });
  bench.clusters.start();
  return { bench, resolver };
}

function hosts(bench: Bench): string[] {
  return bench.clusters.snapshot()[0]!.hosts.map((host) => formatAddress(host.address));
}

Deno.test("STATIC hosts are there at once and counted", async () => {
  const bench = new Bench();
  await bench.add(assignment({
    lb_endpoints: [
      endpoint(1),
      endpoint(2, { health_status: "DEGRADED" }),
      endpoint(3, { health_status: "DRAINING" }),
      endpoint(4, { health_status: "UNHEALTHY" }),
    ],
  }));
  assertEquals(bench.stats(/membership/), {
    membership_change: 1,
    membership_degraded: 1,
    membership_excluded: 1,
    membership_healthy: 1,
    membership_total: 4,
  });
});

Deno.test("a cluster without hosts has not changed", async () => {
  const bench = new Bench();
  await bench.add({});
  assertEquals(bench.stats(/membership/), {});
});

Deno.test("STRICT_DNS: every address is a host; workers are told", async () => {
  const { bench, resolver } = await dnsBench({});
  assertEquals([resolver.last.name, resolver.last.family, hosts(bench)], ["a.test", "auto", []]);
  bench.run(() => resolver.last.answer("10.0.0.1", "10.0.0.2"));
  assertEquals(hosts(bench), ["10.0.0.1:80", "10.0.0.2:80"]);
  assertEquals(bench.updates.length, 1);
  assertEquals(bench.clusters.snapshot()[0]!.hosts[0]!.hostname, "a.test");
  assertEquals(bench.stats(/membership|update_/), {
    membership_change: 1,
    membership_healthy: 2,
    membership_total: 2,
    update_attempt: 1,
    update_success: 1,
  });
});

Deno.test("STRICT_DNS: the same answer rebuilds nothing; a host keeps its id", async () => {
  const { bench, resolver } = await dnsBench({ dns_refresh_rate: "5s" });
  bench.run(() => resolver.last.answer("10.0.0.1", "10.0.0.2"));
  const [first] = bench.updates[0]!.sets[0]!.hosts;
  bench.advance(5100);
  bench.run(() => resolver.last.answer("10.0.0.2", "10.0.0.1"));
  assertEquals([bench.updates.length, bench.stat("update_no_rebuild")], [1, 1]);
  bench.advance(5100);
  bench.run(() => resolver.last.answer("10.0.0.1", "10.0.0.3"));
  assertEquals(bench.updates[1]!.sets[0]!.hosts[0]!.id, first!.id);
  assertEquals([resolver.asked.length, bench.stat("membership_change")], [3, 2]);
});

Deno.test("STRICT_DNS: NXDOMAIN empties, SERVFAIL keeps the hosts", async () => {
  const { bench, resolver } = await dnsBench({ dns_refresh_rate: "1s" });
  bench.run(() => resolver.last.answer("10.0.0.1"));
  bench.advance(1100);
  bench.run(() => resolver.last.fail());
  assertEquals([hosts(bench), bench.stat("update_failure")], [["10.0.0.1:80"], 1]);
  bench.advance(1100);
  bench.run(() => resolver.last.answer());
  assertEquals([hosts(bench), bench.stat("update_failure")], [[], 1]);
  assertEquals(bench.stat("membership_total"), 0);
});

Deno.test("STRICT_DNS: one address of two names is one host", async () => {
  const { bench, resolver } = await dnsBench(
    assignment({ lb_endpoints: [named("a.test"), named("b.test")] }),
  );
  bench.run(() => resolver.asked[0]!.answer("10.0.0.1"));
  bench.run(() => resolver.asked[1]!.answer("10.0.0.1", "10.0.0.2"));
  assertEquals(hosts(bench), ["10.0.0.1:80", "10.0.0.2:80"]);
});

const REFRESHES = [
  { name: "dns_refresh_rate", more: { dns_refresh_rate: "2s" }, afterMs: 2000 },
  { name: "5 s by default", more: {}, afterMs: 5000 },
  { name: "the TTL", more: { respect_dns_ttl: true }, afterMs: 30_000 },
] as const;
for (const row of REFRESHES) {
  Deno.test(`STRICT_DNS asks again after ${row.name}`, async () => {
    const { bench, resolver } = await dnsBench(row.more);
    bench.run(() => resolver.last.answer("10.0.0.1"));
    bench.advance(row.afterMs - 100);
    assertEquals(resolver.asked.length, 1);
    bench.advance(200);
    assertEquals(resolver.asked.length, 2);
  });
}

const LOGICAL = { type: "LOGICAL_DNS" };

for (
  const { name, answers, updates } of [
    { name: "the same addresses", answers: ["10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"], updates: 1 },
    { name: "another order behind the first", answers: ["a b c", "a c b"], updates: 1 },
    { name: "another first", answers: ["10.0.0.1 10.0.0.2", "10.0.0.2 10.0.0.1"], updates: 2 },
    { name: "one more", answers: ["10.0.0.1", "10.0.0.1 ::1"], updates: 2 },
  ]
) {
  Deno.test(`LOGICAL_DNS: ${name} is ${updates - 1} change`, async () => {
    const { bench, resolver } = await dnsBench(LOGICAL);
    for (const answer of answers) {
      bench.run(() => resolver.last.answer(...answer.split(" ")));
      bench.advance(6000);
    }
    const [host] = bench.updates.at(-1)!.sets[0]!.hosts;
    const all = [host!.address, ...host!.additionalAddresses];
    const last = answers[updates - 1]!.split(" ");
    assertEquals(all.map((one) => one.kind === "ip" ? one.host : ""), last);
    assertEquals(bench.updates.length, updates);
  });
}

Deno.test("LOGICAL_DNS: one host that moves; connections of the old address serve on", async () => {
  const { bench, resolver } = await dnsBench({ type: "LOGICAL_DNS", dns_refresh_rate: "1s" });
  bench.run(() => resolver.last.answer("10.0.0.1", "10.0.0.2"));
  const cluster = bench.clusters.manager.cluster("c")!;
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  bench.connections[0]!.receive(ANSWER);
  bench.advance(1100);
  bench.run(() => resolver.last.answer("10.0.0.9"));
  assertEquals(hosts(bench), ["10.0.0.9:80"]);
  assertEquals(new TestRequest(bench, cluster).log, ["ready"]);
  bench.advance(1100);
  bench.run(() => resolver.last.answer());
  assertEquals([hosts(bench), bench.stat("update_empty")], [["10.0.0.9:80"], 1]);
});

Deno.test("the typed DnsCluster resolves as STRICT_DNS does", async () => {
  const { bench, resolver } = await dnsBench({
    type: undefined,
    cluster_type: {
      name: "envoy.clusters.dns",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
        dns_lookup_family: "V4_ONLY",
        dns_refresh_rate: "3s",
      },
    },
  });
  assertEquals(resolver.last.family, "v4_only");
  bench.run(() => resolver.last.answer("10.0.0.1"));
  assertEquals(hosts(bench), ["10.0.0.1:80"]);
});

Deno.test("a removed host ends its requests in peace and gives its place back later", async () => {
  const { bench, resolver } = await dnsBench({ dns_refresh_rate: "1s" });
  bench.run(() => resolver.last.answer("10.0.0.1"));
  const request = new TestRequest(bench, bench.clusters.manager.cluster("c")!);
  bench.connections[0]!.connected();
  bench.advance(1100);
  bench.run(() => resolver.last.answer("10.0.0.2"));
  bench.connections[0]!.receive(ANSWER);
  assertEquals([request.log.length, bench.connections[0]!.isClosed], [2, true]);
});

Deno.test("initialized() waits for every name, but not for ever", async () => {
  for (const answers of [true, false]) {
    const resolver = new FakeResolver();
    const bench = new Bench({ createResolver: () => resolver });
    await bench.add({ type: "STRICT_DNS", ...assignment({ lb_endpoints: [named("a.test")] }) });
    let isDone = false;
    const done = bench.clusters.initialized(2000).then(() => isDone = true);
    await Promise.resolve();
    assertEquals(isDone, false);
    if (answers) bench.run(() => resolver.last.fail());
    else bench.advance(2100);
    await done;
  }
});

Deno.test("a worker gets all clusters as they are now", async () => {
  const { bench, resolver } = await dnsBench({});
  bench.run(() => resolver.last.answer("10.0.0.1"));
  const [resource] = structuredClone(bench.clusters.resources());
  assertEquals(resource!.hosts.sets[0]!.hosts[0]!.address, {
    kind: "ip",
    host: "10.0.0.1",
    port: 80,
  });
  assertEquals([resource!.message.name, resource!.hosts.segments.length], ["c", 1]);
});

Deno.test("the snapshot sums hosts' stats over threads", async () => {
  const bench = new Bench();
  const cluster = await bench.add(assignment({ lb_endpoints: [endpoint(7)] }));
  new TestRequest(bench, cluster);
  bench.connections[0]!.connected();
  const [host] = bench.clusters.snapshot()[0]!.hosts;
  const stats = Object.fromEntries(host!.stats.map(({ name, value }) => [name, value]));
  assertEquals([stats["cx_total"], stats["rq_active"], stats["rq_total"]], [1, 1, 1]);
  bench.clusters.releaseThread(0);
  const after = bench.clusters.snapshot()[0]!.hosts[0]!.stats;
  assertEquals(after.filter(({ value }) => value !== 0).map(({ name }) => name), [
    "cx_total",
    "rq_total",
  ]);
});

const REFUSED = [
  {
    name: "a name in a STATIC cluster",
    value: assignment({ lb_endpoints: [named("a.test")] }),
    want: "error address: malformed IP address: a.test",
  },
  {
    name: "LOGICAL_DNS with two endpoints",
    value: { type: "LOGICAL_DNS", ...assignment({ lb_endpoints: [named("a"), named("b")] }) },
    want:
      "error load_assignment: LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint",
  },
  {
    name: "EDS",
    value: { type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } },
    want: "refused eds_config: the cluster gets no endpoints",
  },
  {
    name: "EDS by a file of protobuf",
    value: {
      type: "EDS",
      eds_cluster_config: { eds_config: { path_config_source: { path: "/a.pb_text" } } },
    },
    want: "refused path: only YAML and JSON files are read",
  },
  {
    name: "a PROXY header over a socket without a type",
    value: {
      ...assignment({ lb_endpoints: [endpoint(1)] }),
      transport_socket: {
        name: "proxy",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
          transport_socket: { name: "envoy.transport_sockets.raw_buffer" },
        },
      },
    },
    want:
      "error name: Didn't find a registered implementation for 'envoy.transport_sockets.raw_buffer' with type URL: ''",
  },
] as const;
for (const row of REFUSED) {
  Deno.test(`compileCluster reports ${row.name}`, async () => {
    const told: string[] = [];
    const context = fakeContext({
      problems: {
        error: (_message, field, text) => void told.push(`error ${field}: ${text}`),
        unsupported: (_message, field, effect, refuse) =>
          void told.push(`${refuse === true ? "refused" : "unsupported"} ${field}: ${effect}`),
        warn() {},
      },
    });
    compileCluster(await clusterOf(row.value), { ...context, worker: 0 });
    assertEquals(told, [row.want]);
  });
}
