// The wait for a name in a DNS cache: its place is given back once, whatever comes first.

import { NameWait } from "../../src/filters/name_wait.ts";
import type { DnsCacheEntry, DnsLoad } from "../../src/upstream/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeDnsCache } from "../support/fakes/dns_cache.ts";

const ENTRY: DnsCacheEntry = { host: "a:80", state: "failed", address: undefined, details: "" };

const ROWS: readonly {
  readonly name: string;
  readonly load: DnsLoad | undefined;
  readonly steps: readonly ("answer" | "end")[];
  readonly want: { readonly cancelled: number; readonly heard: readonly string[] };
}[] = [
  {
    name: "a known name",
    load: { status: "in_cache", entry: ENTRY },
    steps: ["end"],
    want: { cancelled: 0, heard: [] },
  },
  {
    name: "a full cache",
    load: { status: "overflow" },
    steps: ["end"],
    want: { cancelled: 0, heard: [] },
  },
  {
    name: "an answer",
    load: undefined,
    steps: ["answer", "end"],
    want: { cancelled: 0, heard: ["failed 0"] },
  },
  {
    name: "an owner that leaves, twice",
    load: undefined,
    steps: ["end", "end"],
    want: { cancelled: 1, heard: [] },
  },
];

for (const { name, load, steps, want } of ROWS) {
  Deno.test(`name wait: ${name}`, () => {
    const cache = new FakeDnsCache(() => load);
    const heard: string[] = [];
    const wait = NameWait.tryBegin(cache, {
      onDnsEntry: (entry) => void heard.push(`${entry.state} ${cache.pending}`),
    })!;
    assertEquals(cache.pending, 1);
    wait.load("a", 80);
    assertEquals([wait.isLoading, cache.pending], load === undefined ? [true, 1] : [false, 0]);
    for (const step of steps) step === "end" ? wait.end() : cache.waiter!.onDnsEntry(ENTRY);
    assertEquals([wait.isLoading, cache.pending], [false, 0]);
    assertEquals({ cancelled: cache.cancelled, heard }, want);
  });
}

Deno.test("name wait: none where too many wait already", () => {
  const cache = new FakeDnsCache(() => undefined);
  cache.canWait = false;
  assertEquals(NameWait.tryBegin(cache, { onDnsEntry() {} }), undefined);
  assertEquals(cache.pending, 0);
});
