// A DNS cache on main: bounds, refreshing, failures, TTLs, what workers and clusters are told.

import { Dispatcher, formatAddress, SeededRandom } from "../../../src/base/mod.ts";
import { StatsRoot } from "../../../src/stats/mod.ts";
import type {
  DnsCacheNews,
  DnsCacheOptions,
  DynamicHost,
} from "../../../src/upstream/dns_cache/api.ts";
import { MainDnsCache } from "../../../src/upstream/dns_cache/main_cache.ts";
import { DnsCacheMemory } from "../../../src/upstream/dns_cache/memory.ts";
import { DNS_CACHE_STATS } from "../../../src/upstream/dns_cache/stats.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeResolver } from "../fake_resolver.ts";

const OPTIONS: DnsCacheOptions = {
  name: "c",
  family: "v4_only",
  refreshMs: 60_000,
  minRefreshMs: 5000,
  hostTtlMs: 300_000,
  maxHosts: 3,
  failureBaseMs: 60_000,
  failureMaxMs: 60_000,
  refreshesOnFailure: true,
  maxPendingRequests: 2,
  queryTimeoutMs: 5000,
  resolver: {
    servers: [],
    usesTcp: false,
    noSearchDomains: false,
    timeoutMs: undefined,
    tries: undefined,
  },
  preresolve: [],
};

class CacheBench {
  readonly clock = new FakeClock();
  readonly dispatcher = new Dispatcher({
    clock: this.clock,
    sleeper: this.clock,
    random: new SeededRandom(1),
  });
  readonly resolver = new FakeResolver();
  readonly stats = new StatsRoot();
  /** `a.test:80 resolved 10.0.0.1:80`, with `worker 2: ` in front of what only one is told. */
  readonly told: string[] = [];
  /** What the cluster has, after each change. */
  readonly hosts: string[] = [];
  uses = 0;
  readonly cache: MainDnsCache;

  constructor(options: Partial<DnsCacheOptions> = {}) {
    this.cache = new MainDnsCache({ ...OPTIONS, ...options }, {
      dispatcher: this.dispatcher,
      scope: this.stats.scope,
      resolver: this.resolver,
      threads: 3,
      onNews: (news, worker) => this.#note(news, worker),
    });
    this.cache.watch({
      onHosts: (hosts) => void this.hosts.push(hosts.map(textOf).join(" ")),
      useCount: () => this.uses,
    });
  }

  load(host: string, worker = 1): void {
    this.dispatcher.run(() => this.cache.load(host, 80, worker));
  }

  answer(...hosts: string[]): void {
    this.dispatcher.run(() => this.resolver.last.answer(...hosts));
  }

  fail(): void {
    this.dispatcher.run(() => this.resolver.last.fail());
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.dispatcher.timers.advance();
  }

  stat(name: string): number {
    const at = DNS_CACHE_STATS.findIndex((spec) => spec.name === name);
    return this.stats.scope.scope("dns_cache").scope("c").group(DNS_CACHE_STATS).get(at);
  }

  #note({ removed, entries }: DnsCacheNews, worker: number | undefined): void {
    const to = worker === undefined ? "" : `worker ${worker}: `;
    for (const key of removed) this.told.push(`${to}${key} removed`);
    for (const { host, state, address, details } of entries) {
      const more = address === undefined ? details : formatAddress(address);
      this.told.push(`${to}${host} ${state} ${more}`.trimEnd());
    }
  }
}

function textOf({ name, addresses }: DynamicHost): string {
  return `${name}=${addresses.map(formatAddress).join(",")}`;
}

Deno.test("a name is looked up once, however many workers ask", () => {
  const bench = new CacheBench();
  bench.load("a.test:80");
  bench.load("a.test:80", 2);
  assertEquals(bench.resolver.asked.map(({ name, family }) => `${name} ${family}`), [
    "a.test v4_only",
  ]);
  bench.answer("10.0.0.1", "10.0.0.2");
  assertEquals(bench.told, ["a.test:80 resolved 10.0.0.1:80"]);
  assertEquals(bench.hosts, ["a.test:80=10.0.0.1:80,10.0.0.2:80"]);
});

Deno.test("a worker that does not know what main knows is told alone", () => {
  const bench = new CacheBench();
  bench.load("a.test:80");
  bench.answer("10.0.0.1");
  bench.load("a.test:80", 2);
  assertEquals(bench.told.at(-1), "worker 2: a.test:80 resolved 10.0.0.1:80");
});

Deno.test("names beyond max_hosts are not looked up (memory exhaustion by Host headers)", () => {
  const bench = new CacheBench();
  for (const host of ["a:80", "b:80", "c:80", "d:80"]) bench.load(host);
  assertEquals(bench.resolver.asked.length, 3);
  assertEquals(bench.told, ["worker 1: d:80 overflow"]);
  assertEquals(bench.stat("num_hosts"), 3);
});

Deno.test("a name without addresses is a success, and known as failed", () => {
  const bench = new CacheBench();
  bench.load("a:80");
  bench.answer();
  assertEquals(bench.told, ["a:80 failed not_resolved"]);
  assertEquals([bench.stat("dns_query_success"), bench.stat("dns_query_failure")], [1, 0]);
  assertEquals(bench.hosts, []);
});

Deno.test("addresses stay through failures and empty answers", () => {
  const bench = new CacheBench();
  bench.load("a:80");
  bench.answer("10.0.0.1");
  bench.uses++;
  bench.advance(30_000);
  bench.fail();
  bench.advance(60_000);
  bench.answer();
  assertEquals(bench.told, ["a:80 resolved 10.0.0.1:80"]);
  assertEquals(bench.stat("dns_query_failure"), 1);
});

Deno.test("other addresses are told, another order is not", () => {
  const bench = new CacheBench();
  bench.load("a:80");
  bench.answer("10.0.0.1", "10.0.0.2");
  bench.advance(30_000);
  bench.answer("10.0.0.2", "10.0.0.1");
  bench.advance(30_000);
  bench.answer("10.0.0.3");
  assertEquals(bench.told, ["a:80 resolved 10.0.0.1:80", "a:80 resolved 10.0.0.3:80"]);
  assertEquals(bench.hosts.at(-1), "a:80=10.0.0.3:80");
  assertEquals(bench.stat("host_address_changed"), 2);
});

const REFRESHES = [
  { name: "a TTL", options: {}, ttlMs: 30_000, refreshMs: 30_000 },
  { name: "dns_min_refresh_rate above the TTL", options: {}, ttlMs: 1000, refreshMs: 5000 },
  {
    name: "a lower dns_min_refresh_rate",
    options: { minRefreshMs: 1000 },
    ttlMs: 0,
    refreshMs: 1000,
  },
] as const;

for (const { name, options, ttlMs, refreshMs } of REFRESHES) {
  Deno.test(`a name is looked up again after ${name}`, () => {
    const bench = new CacheBench(options);
    bench.resolver.ttlMs = ttlMs;
    bench.load("a:80");
    bench.answer("10.0.0.1");
    bench.advance(refreshMs - 100);
    assertEquals(bench.resolver.asked.length, 1);
    bench.advance(200);
    assertEquals(bench.resolver.asked.length, 2);
  });
}

Deno.test("a name that nobody uses goes after host_ttl, one that is used stays", () => {
  const bench = new CacheBench({ hostTtlMs: 45_000 });
  bench.load("a:80");
  bench.answer("10.0.0.1");
  for (let i = 0; i < 4; i++) {
    bench.uses++;
    bench.advance(30_000);
    bench.answer("10.0.0.1");
  }
  assertEquals(bench.stat("num_hosts"), 1);
  bench.advance(30_000);
  bench.answer("10.0.0.1");
  bench.advance(30_000);
  assertEquals(bench.told.at(-1), "a:80 removed");
  assertEquals(bench.hosts.at(-1), "");
  assertEquals([bench.stat("num_hosts"), bench.stat("host_removed")], [0, 1]);
});

Deno.test("a failed name is asked for again at the failure rate, at most until host_ttl", () => {
  const bench = new CacheBench({
    failureBaseMs: 1000,
    failureMaxMs: 10_000,
    hostTtlMs: 20_000,
  });
  bench.load("a:80");
  for (let i = 0; i < 40 && bench.stat("num_hosts") === 1; i++) {
    bench.fail();
    bench.advance(10_100);
  }
  assertEquals(bench.told, [
    "a:80 failed cares_failure:DNS_server_returned_general_failure",
    "a:80 removed",
  ]);
});

Deno.test("disable_dns_refresh_on_failure: only a request asks for a failed name again", () => {
  const bench = new CacheBench({ refreshesOnFailure: false });
  bench.load("a:80");
  bench.fail();
  bench.advance(200_000);
  assertEquals(bench.resolver.asked.length, 1);
  bench.load("a:80");
  assertEquals(bench.resolver.asked.length, 2);
  bench.answer("10.0.0.1");
  assertEquals(bench.told.at(-1), "a:80 resolved 10.0.0.1:80");
});

Deno.test("dns_query_timeout ends a look-up", () => {
  const bench = new CacheBench();
  bench.load("a:80");
  bench.advance(5100);
  assertEquals(bench.told, ["a:80 failed resolve_timeout"]);
  assertEquals([bench.stat("dns_query_timeout"), bench.stat("dns_query_failure")], [1, 1]);
  assertEquals(bench.resolver.cancelled, 1);
});

Deno.test("preresolve_hostnames are looked up before anybody asks", () => {
  const bench = new CacheBench({ preresolve: [{ host: "a.test", port: 443 }] });
  bench.answer("10.0.0.1");
  assertEquals(bench.hosts, ["a.test:443=10.0.0.1:443"]);
});

Deno.test("news of many names go out together", () => {
  const bench = new CacheBench({ maxHosts: 1000 });
  for (let i = 0; i < 200; i++) bench.load(`n${i}:80`);
  bench.dispatcher.run(() => bench.resolver.asked[0]!.answer("10.0.0.1"));
  for (let i = 1; i < 200; i++) {
    bench.dispatcher.run(() => bench.resolver.asked[i]!.answer("10.0.0.1"));
  }
  assertEquals(bench.hosts.length, 1);
  bench.advance(100);
  assertEquals([bench.hosts.length, bench.told.length], [2, 200]);
});

Deno.test("a worker that starts is told all names that have an answer", () => {
  const bench = new CacheBench();
  bench.load("a:80");
  bench.answer("10.0.0.1");
  bench.load("b:80");
  assertEquals(bench.cache.resource().entries.map((entry) => entry.host), ["a:80"]);
});

Deno.test("what a dead worker held of waiting requests is given back", () => {
  const buffer = DnsCacheMemory.allocate(3);
  const [main, one, two] = [0, 1, 2].map((thread) => new DnsCacheMemory(buffer, thread));
  assertEquals([one!.tryPending(2), two!.tryPending(2), two!.tryPending(2)], [true, true, false]);
  main!.retire(1);
  assertEquals([main!.pending, two!.tryPending(2)], [1, true]);
});
