// The dynamic forward proxy cluster: hosts by the names that requests have.

import { HeaderMap } from "../../../src/http/mod.ts";
import { dynamicForwardProxy } from "../../../src/upstream/provided/dynamic_forward_proxy.ts";
import type {
  DnsCacheEntry,
  DnsCacheView,
  DnsLoad,
  DnsWaiter,
  Host,
  LoadBalancerContext,
} from "../../../src/upstream/mod.ts";
import type { BalancerOptions } from "../../../src/upstream/lb/policy.ts";
import type { ProvidingCluster } from "../../../src/upstream/provided/policy.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { formatAddress } from "../../../src/base/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { fakeConnection, fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { FakeResolver } from "../fake_resolver.ts";
import { Bench, clusterOf } from "../support.ts";

const TYPE = "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
const FORWARD = {
  lb_policy: "CLUSTER_PROVIDED",
  cluster_type: {
    name: "envoy.clusters.dynamic_forward_proxy",
    typed_config: { "@type": TYPE, dns_cache_config: { name: "cache" } },
  },
};

/** A bench whose cluster `c` has the names, each with its addresses. */
async function setUp(names: readonly (readonly [name: string, ...addresses: string[]])[]) {
  const resolver = new FakeResolver();
  const bench = new Bench({
    createResolver: () => resolver,
    extensions: { [dynamicForwardProxy.type]: dynamicForwardProxy },
  });
  const cluster = await bench.add(FORWARD);
  bench.clusters.start();
  for (const [host, ...addresses] of names) {
    bench.clusters.onDnsQuestion(1, { kind: "load", cache: "cache", host, port: 80 });
    bench.run(() => resolver.last.answer(...addresses));
    bench.advance(100);
  }
  return { bench, cluster, resolver };
}

/** What the balancer may look at. */
function request(
  parts: { authority?: string; sni?: string; state?: Readonly<Record<string, string>> },
): LoadBalancerContext {
  const info = fakeStreamInfo({ ...fakeConnection(), requestedServerName: parts.sni ?? "" });
  info.filterState = new Map(
    Object.entries(parts.state ?? {}).map(([name, text]) => [
      name,
      { serialize: () => text, json: () => text },
    ]),
  );
  return {
    hash: () => undefined,
    requestHeaders: parts.authority === undefined
      ? undefined
      : HeaderMap.of([":authority", parts.authority]),
    metadataMatch: undefined,
    shouldSelectAnotherHost: () => false,
    hostSelectionRetryCount: 0,
    streamInfo: info,
  };
}

const addressOf = (host: Host | undefined): string =>
  host === undefined ? "none" : formatAddress(host.address);

const CHOICES = [
  { name: "the authority", parts: { authority: "a.test" }, want: "10.0.0.1:80" },
  { name: "an authority with a port", parts: { authority: "a.test:81" }, want: "10.0.0.2:81" },
  { name: "another case, which is another name", parts: { authority: "A.test" }, want: "none" },
  { name: "an unknown name", parts: { authority: "b.test" }, want: "none" },
  { name: "no name", parts: {}, want: "none" },
  { name: "the server name of a TCP connection", parts: { sni: "a.test" }, want: "10.0.0.1:80" },
  {
    name: "the host in filter state",
    parts: { authority: "b.test", state: { "envoy.upstream.dynamic_host": "a.test" } },
    want: "10.0.0.1:80",
  },
  {
    name: "the port in filter state",
    parts: { authority: "a.test", state: { "envoy.upstream.dynamic_port": "81" } },
    want: "10.0.0.2:81",
  },
  {
    name: "a port in filter state that is none",
    parts: { authority: "a.test", state: { "envoy.upstream.dynamic_port": "70000" } },
    want: "10.0.0.1:80",
  },
] as const;

for (const { name, parts, want } of CHOICES) {
  Deno.test(`a dynamic forward proxy chooses by ${name}`, async () => {
    const { cluster } = await setUp([["a.test:80", "10.0.0.1"], ["a.test:81", "10.0.0.2"]]);
    assertEquals(addressOf(cluster.chooseHost(request(parts))), want);
  });
}

Deno.test("a dynamic forward proxy's host stays when its address changes", async () => {
  const { bench, cluster, resolver } = await setUp([["a.test:80", "10.0.0.1"]]);
  const before = cluster.chooseHost(request({ authority: "a.test" }));
  bench.advance(30_000);
  bench.run(() => resolver.last.answer("10.0.0.9"));
  const after = cluster.chooseHost(request({ authority: "a.test" }));
  assertEquals([before === after, addressOf(after)], [true, "10.0.0.9:80"]);
});

Deno.test("a dynamic forward proxy's hosts count as members, under their names", async () => {
  const { bench } = await setUp([["a.test:80", "10.0.0.1"], ["b.test:80"]]);
  assertEquals(bench.stats(/membership/), {
    membership_change: 1,
    membership_healthy: 1,
    membership_total: 1,
  });
  assertEquals(bench.clusters.snapshot()[0]!.hosts.map(({ hostname }) => hostname), ["a.test:80"]);
});

Deno.test("a dynamic forward proxy checks the names of certificates, if not told otherwise", async () => {
  const { cluster } = await setUp([]);
  assertEquals([cluster.options.autoSni, cluster.options.autoSanValidation], [true, true]);
  assertEquals(cluster.info.dynamicForwardPort, 80);
});

Deno.test("a cluster and a filter of one cache share it", async () => {
  const { bench } = await setUp([]);
  const [known] = bench.clusters.dnsCaches();
  bench.clusters.onDnsQuestion(1, { kind: "declare", options: known!.options });
  assertEquals(bench.clusters.dnsCaches().length, 1);
});

/** A cluster on a worker, whose cache says `load` to every name. */
async function onWorker(load: DnsLoad, canWait = true) {
  const waits: DnsWaiter[] = [];
  const pending = { count: 0 };
  const cache: DnsCacheView = {
    tryRequest: () => canWait && ++pending.count > 0,
    releaseRequest: () => void pending.count--,
    load: (_host, _port, waiter) => {
      waits.push(waiter);
      return load;
    },
  };
  const context = fakeContext({
    services: { dns_caches: { get: () => cache, declare() {} } },
  });
  const message = await clusterOf(FORWARD);
  const { value } = message.clusterDiscoveryType as { value: { typedConfig: object } };
  const policy = dynamicForwardProxy.compile(value.typedConfig, context, false);
  const balancer = policy.createBalancer({} as BalancerOptions, {} as ProvidingCluster);
  return { balancer, waits, pending };
}

const entry = (state: DnsCacheEntry["state"]): DnsCacheEntry => ({
  host: "a.test:80",
  state,
  address: undefined,
  details: "cares_norecords:x",
});

const AWAITED = [
  {
    name: "a name that is known to fail",
    load: { status: "in_cache", entry: entry("failed") },
    want: "dns_resolution_failure{cares_norecords:x}",
  },
  { name: "a full cache", load: { status: "overflow" }, want: "dns_cache_overflow" },
  {
    name: "too many that wait",
    load: { status: "overflow" },
    canWait: false,
    want: "dns_cache_pending_requests_overflow",
  },
] as const;

for (const { name, load, want, ...more } of AWAITED) {
  Deno.test(`a dynamic forward proxy has nothing to wait for: ${name}`, async () => {
    const { balancer, pending } = await onWorker(load, "canWait" in more ? more.canWait : true);
    const wait = balancer.awaitHost!(request({ authority: "a.test" }), () => {});
    assertEquals([wait, pending.count], [{ handle: undefined, details: want }, 0]);
  });
}

Deno.test("a dynamic forward proxy without its filter looks names up itself", async () => {
  const handle = { cancel() {} };
  const { balancer, waits, pending } = await onWorker({ status: "loading", handle });
  const told: string[] = [];
  balancer.awaitHost!(request({ authority: "a.test" }), (details) => told.push(details));
  assertEquals(pending.count, 1);
  waits[0]!.onDnsEntry(entry("failed"));
  assertEquals([told, pending.count], [["dns_resolution_failure{cares_norecords:x}"], 0]);
});

Deno.test("a dynamic forward proxy's wait may be cancelled", async () => {
  let cancelled = 0;
  const handle = { cancel: () => void cancelled++ };
  const { balancer, pending } = await onWorker({ status: "loading", handle });
  balancer.awaitHost!(request({ authority: "a.test" }), () => {}).handle!.cancel();
  assertEquals([cancelled, pending.count], [1, 0]);
});
