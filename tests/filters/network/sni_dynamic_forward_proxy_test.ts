// The SNI dynamic forward proxy: which connections wait, what becomes of them.

import { sniDynamicForwardProxyFactory } from "../../../src/filters/network/sni_dynamic_forward_proxy.ts";
import type { DnsCacheEntry, DnsLoad } from "../../../src/upstream/mod.ts";
import { dynamicForwardProxy } from "../../../src/upstream/provided/dynamic_forward_proxy.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeDnsCache } from "../../support/fakes/dns_cache.ts";
import { OneFilter } from "./harness.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const entry = (host: string, state: DnsCacheEntry["state"]): DnsCacheEntry => ({
  host,
  state,
  address: state === "resolved" ? { kind: "ip", host: "10.0.0.1", port: 443 } : undefined,
  details: "",
});

function answerTo(host: string): DnsLoad | undefined {
  if (host === "known.test") return { status: "in_cache", entry: entry(host, "resolved") };
  if (host === "gone.test") return { status: "in_cache", entry: entry(host, "failed") };
  return host === "full.test" ? { status: "overflow" } : undefined;
}

async function setUp(requestedServerName: string) {
  const cache = new FakeDnsCache(answerTo);
  const one = await OneFilter.create(
    sniDynamicForwardProxyFactory,
    { port_value: 443, dns_cache_config: { name: "cache" } },
    { requestedServerName },
    {
      extensions: { [dynamicForwardProxy.type]: dynamicForwardProxy },
      services: { dns_caches: { declare() {}, get: () => cache } },
    },
  );
  return { cache, one };
}

const OPENINGS = [
  { name: "a known name", host: "known.test", status: "continue", loads: ["known.test 443"] },
  {
    name: "a name that does not exist",
    host: "gone.test",
    status: "continue",
    loads: ["gone.test 443"],
  },
  { name: "no name", host: "", status: "continue", loads: [] },
  {
    name: "a full cache",
    host: "full.test",
    status: "stop",
    loads: ["full.test 443"],
    closes: true,
  },
  {
    name: "an unknown name",
    host: "new.test",
    status: "stop",
    loads: ["new.test 443"],
    waits: true,
  },
] as const;

for (const row of OPENINGS) {
  Deno.test(`sni_dynamic_forward_proxy: ${row.name}`, async () => {
    const { cache, one } = await setUp(row.host);
    assertEquals([one.open(), cache.loads], [row.status, row.loads]);
    const waits = "waits" in row;
    assertEquals([cache.pending, one.connection.isReadDisabled], [waits ? 1 : 0, waits]);
    assertEquals(one.connection.closedBy, "closes" in row ? "no_flush" : undefined);
  });
}

Deno.test("sni_dynamic_forward_proxy: what was read goes on once the name is resolved", async () => {
  const { cache, one } = await setUp("new.test");
  one.open();
  assertEquals(one.filter.onData(bytes("hel"), false), "stop");
  assertEquals(one.filter.onData(bytes("lo"), false), "stop");
  one.dispatcher.run(() => cache.waiter!.onDnsEntry(entry("new.test:443", "resolved")));
  assertEquals([one.continued, one.connection.isReadDisabled, cache.pending], [
    ["hello"],
    false,
    0,
  ]);
  assertEquals(one.filter.onData(bytes("more"), false), "continue");
});

Deno.test("sni_dynamic_forward_proxy: tells the cluster its port", async () => {
  const { one } = await setUp("known.test");
  one.open();
  assertEquals(one.info.filterState?.get("envoy.upstream.dynamic_port")?.serialize(), "443");
});

Deno.test("sni_dynamic_forward_proxy: too many waiting requests close the connection", async () => {
  const { cache, one } = await setUp("known.test");
  cache.canWait = false;
  assertEquals([one.open(), one.connection.closedBy, cache.loads], ["stop", "no_flush", []]);
});

Deno.test("sni_dynamic_forward_proxy: a client that leaves while it waits lets go of all", async () => {
  const { cache, one } = await setUp("new.test");
  one.open();
  one.filter.onClose("remote_close", "");
  assertEquals([cache.cancelled, cache.pending], [1, 0]);
});
