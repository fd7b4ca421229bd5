/** Timeouts: of the request, of a try, of gRPC and of the stream; hedging. */

import { assertEquals } from "../support/assert.ts";
import { BACK_OFF_MS, Bench, header, INTERNAL, request, retry, toA } from "./harness.ts";

Deno.test("The route's timeout: 504 UT", async () => {
  const bench = await Bench.with([toA({ timeout: "0.2s" })]);
  bench.get();
  bench.advance(190);
  assertEquals(bench.log, []);
  bench.advance(20);
  assertEquals(bench.log, ["504", "data upstream request timeout end"]);
  assertEquals([bench.flags, bench.details], ["UT", "response_timeout"]);
  assertEquals(bench.a.streams[0]!.log, ["GET / end", "reset local_reset"]);
  assertEquals(bench.a.stat("upstream_rq_timeout"), 1);
  assertEquals(bench.a.charged, ["504 external"]);
});

Deno.test("It counts from the end of the request", async () => {
  const bench = await Bench.with([toA({ timeout: "0.2s" })]);
  bench.begin(request("/", { method: "POST" }));
  bench.advance(1000);
  bench.data("x", true);
  bench.advance(150);
  assertEquals(bench.log, []);
});

Deno.test("Within a response it resets", async () => {
  const bench = await Bench.with([toA({ timeout: "0.2s" })]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(200, { more: true }));
  bench.advance(210);
  assertEquals(bench.log, ["200", "reset local_reset"]);
  assertEquals([bench.flags, bench.details], ["UT", "response_timeout"]);
  assertEquals(bench.a.charged, ["200 external"]);
});

const HEADERS: {
  name: string;
  route: object;
  headers: [string, string][];
  expected: string | undefined;
}[] = [
  { name: "the default", route: {}, headers: [], expected: "15000" },
  { name: "none", route: { timeout: "0s" }, headers: [], expected: undefined },
  {
    name: "the request's",
    route: {},
    headers: [["x-envoy-upstream-rq-timeout-ms", "1500"]],
    expected: "1500",
  },
  {
    name: "the request's 0",
    route: {},
    headers: [["x-envoy-upstream-rq-timeout-ms", "0"]],
    expected: undefined,
  },
  {
    name: "a malformed one",
    route: {},
    headers: [["x-envoy-upstream-rq-timeout-ms", "soon"]],
    expected: "15000",
  },
  {
    name: "of each try",
    route: { timeout: "2s", ...retry({ per_try_timeout: "0.15s" }) },
    headers: [],
    expected: "150",
  },
  {
    name: "of each try by the request",
    route: {},
    headers: [["x-envoy-upstream-rq-per-try-timeout-ms", "120"]],
    expected: "120",
  },
  {
    name: "of each try, too long",
    route: { timeout: "0.2s", ...retry({ per_try_timeout: "0.3s" }) },
    headers: [],
    expected: "200",
  },
  {
    name: "max_stream_duration in its place",
    route: { max_stream_duration: { max_stream_duration: "1s" } },
    headers: [],
    expected: undefined,
  },
];
for (const row of HEADERS) {
  Deno.test(`The upstream is told of its timeout: ${row.name}`, async () => {
    const bench = await Bench.with([toA(row.route)]);
    bench.get("/", { headers: [INTERNAL, ...row.headers] });
    const { headers } = bench.a.streams[0]!;
    assertEquals(headers!.get("x-envoy-expected-rq-timeout-ms"), row.expected);
    for (const [name] of row.headers) assertEquals(headers!.get(name), undefined);
  });
}

Deno.test("respect_expected_rq_timeout takes what another proxy has set", async () => {
  const bench = await Bench.with([toA()], { router: { respect_expected_rq_timeout: true } });
  bench.get("/", { headers: [["x-envoy-expected-rq-timeout-ms", "300"]] });
  bench.advance(310);
  assertEquals(bench.log[0], "504");
});

Deno.test("x-envoy-upstream-rq-timeout-alt-response answers 204", async () => {
  const bench = await Bench.with([toA({ timeout: "0.2s" })]);
  bench.get("/", { headers: [INTERNAL, ["x-envoy-upstream-rq-timeout-alt-response", "1"]] });
  bench.advance(210);
  assertEquals(bench.log, ["204 end"]);
});

const GRPC: { name: string; route: object; timeout?: string; expected?: string; grpc?: string }[] =
  [
    {
      name: "grpc-timeout",
      route: { max_grpc_timeout: "10s" },
      timeout: "2S",
      expected: "2000",
      grpc: "2000m",
    },
    {
      name: "its maximum",
      route: { max_grpc_timeout: "1s" },
      timeout: "2S",
      expected: "1000",
      grpc: "1000m",
    },
    {
      name: "its offset",
      route: { max_grpc_timeout: "10s", grpc_timeout_offset: "0.5s" },
      timeout: "2S",
      expected: "1500",
      grpc: "1500m",
    },
    {
      name: "none, with a maximum",
      route: { max_grpc_timeout: "3s" },
      expected: "3000",
      grpc: "3000m",
    },
    { name: "no maximum: the route's", route: {}, timeout: "2S", expected: "15000", grpc: "2S" },
  ];
for (const row of GRPC) {
  Deno.test(`gRPC timeouts: ${row.name}`, async () => {
    const bench = await Bench.with([toA(row.route)]);
    const headers: [string, string][] = [["content-type", "application/grpc"]];
    if (row.timeout !== undefined) headers.push(["grpc-timeout", row.timeout]);
    bench.get("/", { headers });
    const sent = bench.a.streams[0]!.headers!;
    assertEquals(sent.get("x-envoy-expected-rq-timeout-ms"), row.expected);
    assertEquals(sent.get("grpc-timeout"), row.grpc);
  });
}

const PER_TRY = {
  timeout: "2s",
  ...retry({ retry_on: "5xx", num_retries: 1, per_try_timeout: "0.15s" }),
};

Deno.test("A try that takes too long is followed by another", async () => {
  const bench = await Bench.with([toA(PER_TRY)]);
  bench.get();
  bench.advance(160);
  assertEquals(bench.a.streams[0]!.log, ["GET / end", "reset local_reset"]);
  bench.advance(BACK_OFF_MS);
  bench.run(() => bench.a.streams[1]!.respond(200));
  assertEquals(bench.log, ["200 end"]);
  assertEquals(bench.a.stat("upstream_rq_per_try_timeout"), 1);
});

Deno.test("All tries take too long", async () => {
  const bench = await Bench.with([toA(PER_TRY)]);
  bench.get();
  bench.advance(160);
  bench.advance(BACK_OFF_MS);
  bench.advance(160);
  assertEquals(bench.log, ["504", "data upstream request timeout end"]);
  assertEquals([bench.flags, bench.details], ["URX,UT", "upstream_per_try_timeout"]);
});

Deno.test("What is left of the timeout is told to the next try", async () => {
  const bench = await Bench.with([
    toA({
      timeout: "0.3s",
      ...retry({ retry_on: "5xx", num_retries: 3, per_try_timeout: "0.2s" }),
    }),
  ]);
  bench.get();
  bench.advance(210);
  bench.advance(BACK_OFF_MS);
  const told = Number(bench.a.streams[1]!.headers!.get("x-envoy-expected-rq-timeout-ms"));
  assertEquals(told <= 95 && told >= 60, true, String(told));
});

Deno.test("A try that has begun to answer is not cut short", async () => {
  const bench = await Bench.with([toA(PER_TRY)]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(200, { more: true }));
  bench.advance(200);
  bench.run(() => bench.a.streams[0]!.data("x", true));
  assertEquals(bench.log, ["200", "data x end"]);
});

Deno.test("A try may be idle for so long only", async () => {
  const policy = retry({ retry_on: "reset", num_retries: 1, per_try_idle_timeout: "0.15s" });
  const bench = await Bench.with([toA({ timeout: "2s", ...policy })]);
  bench.get();
  bench.advance(160);
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.a.streams.length, 2);
  bench.advance(160);
  assertEquals([bench.flags, bench.details], ["URX,UT", "upstream_per_try_idle_timeout"]);
  assertEquals(bench.a.stat("upstream_rq_per_try_idle_timeout"), 2);
});

Deno.test("The cluster's max_stream_duration: 504 UMSDR", async () => {
  const bench = await Bench.with([toA()], { clusterInfo: { maxStreamDurationMs: 100 } });
  bench.get();
  bench.advance(110);
  assertEquals(bench.log, ["504", "data upstream max stream duration reached end"]);
  assertEquals([bench.flags, bench.details], ["UMSDR", "upstream_max_stream_duration_reached"]);
});

const HEDGED = {
  timeout: "2s",
  hedge_policy: { hedge_on_per_try_timeout: true },
  ...retry({ retry_on: "5xx", num_retries: 1, per_try_timeout: "0.15s" }),
};

Deno.test("Hedging: the slow try goes on and may win", async () => {
  const bench = await Bench.with([toA(HEDGED)]);
  bench.get();
  bench.advance(160);
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.a.streams.length, 2);
  assertEquals(bench.a.streams[0]!.log, ["GET / end"]);
  bench.run(() => bench.a.streams[0]!.respond(200, { body: "first" }));
  assertEquals(bench.log, ["200", "data first end"]);
  assertEquals(bench.a.streams[1]!.log, ["GET / end", "reset local_reset"]);
});

Deno.test("Hedging: a bad answer waits for the other one", async () => {
  const bench = await Bench.with([toA(HEDGED)]);
  bench.get();
  bench.advance(160);
  bench.advance(BACK_OFF_MS);
  bench.run(() => bench.a.streams[0]!.respond(503));
  assertEquals(bench.log, []);
  bench.run(() => bench.a.streams[1]!.respond(200));
  assertEquals(bench.log, ["200 end"]);
  assertEquals(header(bench, "x-envoy-overloaded"), undefined);
});
