/** Mirrored requests: fire and forget. */

import { shadowHost } from "../../src/router/shadow.ts";
import { assertEquals } from "../support/assert.ts";
import { Bench, request, toA } from "./harness.ts";

const mirror = (policy: object): object => toA({ request_mirror_policies: [policy] });

Deno.test("A mirror gets the same request, marked as internal, and its answer is ignored", async () => {
  const bench = await Bench.with([mirror({ cluster: "b" })]);
  bench.get("/x", { headers: [["x-a", "1"], ["x-forwarded-for", "1.2.3.4"]] });
  const [shadow] = bench.b.streams;
  assertEquals(shadow!.log, ["GET /x end"]);
  assertEquals(shadow!.headers!.get(":authority"), "conf.test-shadow");
  assertEquals(shadow!.headers!.get("x-envoy-internal"), "true");
  assertEquals(shadow!.headers!.get("x-a"), "1");
  assertEquals(bench.a.streams[0]!.headers!.get("x-envoy-internal"), undefined);
  bench.run(() => shadow!.respond(500, { body: "x" }));
  bench.run(() => bench.a.streams[0]!.respond(201));
  assertEquals(bench.log, ["201 end"]);
  assertEquals(bench.b.charged, ["500 internal"]);
});

Deno.test("It carries the body; what cannot be sent yet waits up to the limit", async () => {
  const bench = await Bench.with([mirror({ cluster: "b" })], { bufferLimitBytes: 5 });
  bench.b.behaviours = ["waiting"];
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.data("de", true);
  bench.run(() => bench.b.streams[0]!.ready());
  assertEquals(bench.b.streams[0]!.log, ["POST /", "data abc", "data de end"]);
});

Deno.test("A mirror that cannot keep up is given up, the request is not", async () => {
  const bench = await Bench.with([mirror({ cluster: "b" })], { bufferLimitBytes: 4 });
  bench.b.behaviours = ["waiting"];
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.data("def", true);
  assertEquals(bench.b.streams[0]!.isCancelled, true);
  assertEquals(bench.a.streams[0]!.log, ["POST /", "data abc", "data def end"]);
  assertEquals(bench.b.stat("retry_or_shadow_abandoned"), 1);
});

Deno.test("A complete mirror outlives its request; an incomplete one does not", async () => {
  const complete = await Bench.with([mirror({ cluster: "b" })]);
  complete.get();
  complete.run(() => complete.a.streams[0]!.respond(200));
  assertEquals(complete.b.streams[0]!.log, ["GET / end"]);
  const cut = await Bench.with([mirror({ cluster: "b" })]);
  cut.begin(request("/", { method: "POST" }));
  cut.leave();
  assertEquals(cut.b.streams[0]!.log, ["POST /", "reset local_reset"]);
});

Deno.test("A mirror has the request's timeout", async () => {
  const bench = await Bench.with([
    toA({ timeout: "0.2s", request_mirror_policies: [{ cluster: "b" }] }),
  ]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(200));
  bench.advance(210);
  assertEquals(bench.b.streams[0]!.log, ["GET / end", "reset local_reset"]);
  assertEquals(bench.b.charged, ["504 internal"]);
});

const NONE: { name: string; policy: object }[] = [
  {
    name: "fraction 0",
    policy: { cluster: "b", runtime_fraction: { default_value: { numerator: 0 } } },
  },
  { name: "an unknown cluster", policy: { cluster: "nowhere" } },
  { name: "a header that is absent", policy: { cluster_header: "x-mirror" } },
];
for (const row of NONE) {
  Deno.test(`No mirror: ${row.name}`, async () => {
    const bench = await Bench.with([mirror(row.policy)]);
    bench.get();
    assertEquals([bench.b.streams.length, bench.a.streams.length], [0, 1]);
  });
}

const HOSTS: { name: string; policy: object; want: string; host?: string }[] = [
  {
    name: "no suffix",
    policy: { cluster: "b", disable_shadow_host_suffix_append: true },
    want: "conf.test",
  },
  {
    name: "another host",
    policy: { cluster: "b", host_rewrite_literal: "m.test:1" },
    want: "m.test:1",
  },
];
for (const row of HOSTS) {
  Deno.test(`The mirror's host: ${row.name}`, async () => {
    const bench = await Bench.with([mirror(row.policy)]);
    bench.get();
    assertEquals(bench.b.streams[0]!.headers!.get(":authority"), row.want);
  });
}

const SUFFIXES = [
  { host: "a.test", want: "a.test-shadow" },
  { host: "a.test:80", want: "a.test-shadow:80" },
  { host: "[::1]", want: "[::1]-shadow" },
  { host: "[::1]:80", want: "[::1]-shadow:80" },
];
for (const row of SUFFIXES) {
  Deno.test(`The shadow of ${row.host}`, () => assertEquals(shadowHost(row.host), row.want));
}

Deno.test("A mirror changes headers of its own only", async () => {
  const bench = await Bench.with([
    mirror({
      cluster: "b",
      request_headers_mutations: [
        { append: { header: { key: "x-m", value: "%REQ(:path)%" } } },
        { remove: "x-drop" },
      ],
    }),
  ]);
  bench.get("/p", { headers: [["x-drop", "1"]] });
  assertEquals(bench.b.streams[0]!.headers!.get("x-m"), "/p");
  assertEquals(bench.b.streams[0]!.headers!.get("x-drop"), undefined);
  assertEquals(bench.a.streams[0]!.headers!.get("x-drop"), "1");
});
