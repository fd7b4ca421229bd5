// DNS caches on a worker: what is known, who waits, what is asked of main.

import { StatsRoot } from "../../../src/stats/mod.ts";
import type { DnsCacheEntry, DnsCacheOptions } from "../../../src/upstream/dns_cache/api.ts";
import { DnsCacheMemory } from "../../../src/upstream/dns_cache/memory.ts";
import {
  type DnsQuestion,
  WorkerDnsCaches,
} from "../../../src/upstream/dns_cache/worker_caches.ts";
import { assertEquals } from "../../support/assert.ts";

const OPTIONS = {
  name: "c",
  maxHosts: 2,
  maxPendingRequests: 1,
  refreshesOnFailure: true,
} as DnsCacheOptions;

const resolved = (host: string): DnsCacheEntry => ({
  host,
  state: "resolved",
  address: { kind: "ip", host: "10.0.0.1", port: 80 },
  details: "",
});
const failed = (host: string): DnsCacheEntry => ({
  host,
  state: "failed",
  address: undefined,
  details: "d",
});

function setUp(options: Partial<DnsCacheOptions> = {}) {
  const asked: DnsQuestion[] = [];
  const caches = new WorkerDnsCaches({
    scope: new StatsRoot().scope,
    thread: 1,
    ask: (question) => asked.push(question),
  });
  const buffer = DnsCacheMemory.allocate(2);
  caches.apply({ options: { ...OPTIONS, ...options }, buffer, entries: [resolved("known:80")] });
  const heard: string[] = [];
  const waiter = { onDnsEntry: ({ host, state }: DnsCacheEntry) => heard.push(`${host} ${state}`) };
  return { asked, caches, cache: caches.get("c")!, buffer, heard, waiter };
}

const LOADS = [
  { name: "what main told before", host: "known", status: "in_cache", questions: 0 },
  { name: "an unknown name", host: "new", status: "loading", questions: 1 },
  { name: "a name too long to be one", host: "x".repeat(300), status: "in_cache", questions: 0 },
] as const;

for (const { name, host, status, questions } of LOADS) {
  Deno.test(`a worker's DNS cache: ${name} is ${status}`, () => {
    const { cache, waiter, asked } = setUp();
    assertEquals([cache.load(host, 80, waiter).status, asked.length], [status, questions]);
  });
}

Deno.test("all who wait for a name hear of it, once; who left does not", () => {
  const { caches, cache, asked, heard, waiter } = setUp();
  const one = cache.load("a", 80, { ...waiter });
  cache.load("a", 80, { ...waiter });
  cache.load("a", 80, { ...waiter });
  if (one.status === "loading") one.handle.cancel();
  assertEquals(asked, [{ kind: "load", cache: "c", host: "a:80", port: 80 }]);
  caches.hear({ cache: "c", removed: [], entries: [resolved("a:80")] });
  caches.hear({ cache: "c", removed: [], entries: [resolved("a:80")] });
  assertEquals(heard, ["a:80 resolved", "a:80 resolved"]);
});

Deno.test("a full cache refuses at once, without asking main", () => {
  const { cache, buffer, asked, waiter } = setUp();
  new DnsCacheMemory(buffer, 0).hosts = 2;
  assertEquals([cache.load("a", 80, waiter).status, asked.length], ["overflow", 0]);
});

Deno.test("a removed name is asked for again", () => {
  const { caches, cache, waiter } = setUp();
  caches.hear({ cache: "c", removed: ["known:80"], entries: [] });
  assertEquals(cache.load("known", 80, waiter).status, "loading");
});

Deno.test("a failed name is served from the cache while main refreshes it, else asked for", () => {
  for (const refreshesOnFailure of [true, false]) {
    const { caches, cache, waiter } = setUp({ refreshesOnFailure });
    caches.hear({ cache: "c", removed: [], entries: [failed("a:80")] });
    const want = refreshesOnFailure ? "in_cache" : "loading";
    assertEquals(cache.load("a", 80, waiter).status, want);
  }
});

Deno.test("max_pending_requests bounds who may wait", () => {
  const { cache } = setUp();
  assertEquals([cache.tryRequest(), cache.tryRequest()], [true, false]);
  cache.releaseRequest();
  assertEquals(cache.tryRequest(), true);
});

Deno.test("a cache that main made is not declared again", () => {
  const { caches, asked } = setUp();
  caches.declare(OPTIONS);
  caches.declare({ ...OPTIONS, name: "other" });
  assertEquals(asked.map(({ kind }) => kind), ["declare"]);
});
