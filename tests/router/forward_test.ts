/** Requests and responses that go through, and answers that need no upstream. */

import { assertEquals } from "../support/assert.ts";
import { Bench, header, request, toA } from "./harness.ts";

Deno.test("A request goes to the cluster and its response comes back", async () => {
  const bench = await Bench.with([toA()]);
  bench.get("/x");
  const [stream] = bench.a.streams;
  assertEquals(stream!.log, ["GET /x end"]);
  assertEquals(stream!.headers!.get("x-envoy-expected-rq-timeout-ms"), "15000");
  bench.clock.advance(12);
  bench.run(() => stream!.respond(200, { body: "hello" }));
  assertEquals(bench.log, ["200", "data hello end"]);
  assertEquals(header(bench, "x-envoy-upstream-service-time"), "12");
  assertEquals([bench.flags, bench.details], ["-", "via_upstream"]);
  assertEquals(bench.a.charged, ["200 external"]);
  assertEquals(bench.streamInfo.upstream?.cluster, "a");
  assertEquals(bench.streamInfo.upstream?.wireBytesSent, 20);
  assertEquals(bench.stat("http.in.rq_total"), 1);
});

Deno.test("A body and trailers pass both ways", async () => {
  const bench = await Bench.with([toA()]);
  bench.send(request("/", { method: "POST" }), undefined);
  assertEquals(bench.a.streams[0]!.log, ["POST / end"]);
  const second = await Bench.with([toA()]);
  second.begin(request("/", { method: "POST" }));
  second.data("abc", false);
  second.run(() => second.manager.decodeTrailers(request("")));
  assertEquals(second.a.streams[0]!.log, ["POST /", "data abc", "trailers end"]);
  second.run(() => {
    second.a.streams[0]!.respond(200, { more: true });
    second.a.streams[0]!.data("x", false);
    second.a.streams[0]!.trailers(["x-t", "1"]);
  });
  assertEquals(second.log, ["200", "data x", "trailers end"]);
  assertEquals(second.responseTrailers!.get("x-t"), "1");
});

Deno.test("A request waits for its connection, body and all, and pauses the client above the limit", async () => {
  const bench = await Bench.with([toA()], { bufferLimitBytes: 4 });
  bench.a.behaviours = ["waiting"];
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.data("def", true);
  assertEquals(bench.log, ["pause"]);
  bench.run(() => bench.a.streams[0]!.ready());
  assertEquals(bench.a.streams[0]!.log, ["POST /", "data abc", "data def end"]);
  assertEquals(bench.log, ["pause", "resume"]);
});

Deno.test("A client that leaves resets its upstream, or gives up its place in the queue", async () => {
  const bench = await Bench.with([toA()]);
  bench.get();
  bench.leave();
  assertEquals(bench.a.streams[0]!.log, ["GET / end", "reset local_reset"]);
  const waiting = await Bench.with([toA()]);
  waiting.a.behaviours = ["waiting"];
  waiting.get();
  waiting.leave();
  assertEquals(waiting.a.streams[0]!.isCancelled, true);
});

Deno.test("A response before the end of its request ends the upstream stream", async () => {
  const bench = await Bench.with([toA()]);
  bench.begin(request("/", { method: "POST" }));
  bench.run(() => bench.a.streams[0]!.respond(413, { body: "no" }));
  assertEquals(bench.log, ["413", "data no end"]);
  assertEquals(bench.a.streams[0]!.log, ["POST /", "reset local_reset"]);
  assertEquals(header(bench, "x-envoy-upstream-service-time"), undefined);
});

Deno.test("One interim response passes, and no retry follows it", async () => {
  const bench = await Bench.with([toA({ retry_policy: { retry_on: "5xx" } })]);
  bench.get();
  bench.run(() => {
    bench.a.streams[0]!.interim(100);
    bench.a.streams[0]!.interim(100);
    bench.a.streams[0]!.respond(503);
  });
  assertEquals(bench.log, ["interim 100", "503 end"]);
});

Deno.test("Pressure goes both ways", async () => {
  const bench = await Bench.with([toA()]);
  bench.begin(request("/", { method: "POST" }));
  const stream = bench.a.streams[0]!;
  bench.run(() => stream.fill(true));
  bench.run(() => stream.fill(false));
  assertEquals(bench.log, ["pause", "resume"]);
  // Before the response has begun the downstream's pressure waits.
  bench.run(() => bench.manager.onAboveWatermark());
  assertEquals(stream.log, ["POST /"]);
  bench.run(() => stream.respond(200, { more: true }));
  assertEquals(stream.log, ["POST /", "pause"]);
  bench.run(() => bench.manager.onBelowWatermark());
  assertEquals(stream.log, ["POST /", "pause", "resume"]);
});

Deno.test("An attempt that ends gives back the pauses it asked for", async () => {
  const bench = await Bench.with([toA()]);
  bench.begin(request("/", { method: "POST" }));
  bench.run(() => bench.a.streams[0]!.fill(true));
  bench.run(() => bench.a.streams[0]!.onReset("remote_reset"));
  assertEquals(bench.log.slice(0, 2), ["pause", "resume"]);
});

const UPGRADE = request("/", { headers: [["upgrade", "websocket"], ["connection", "upgrade"]] });

Deno.test("The bytes of an upgrade wait until the upstream has accepted it", async () => {
  const bench = await Bench.with([toA()]);
  bench.begin(UPGRADE.copy());
  bench.data("early", false);
  assertEquals(bench.a.streams[0]!.log, ["GET /"]);
  bench.run(() => bench.a.streams[0]!.respond(101, { more: true }));
  assertEquals(bench.a.streams[0]!.log, ["GET /", "data early"]);
  bench.data("more", false);
  bench.advance(20_000);
  assertEquals(bench.a.streams[0]!.log, ["GET /", "data early", "data more"]);
  assertEquals(bench.log, ["101"]);
});

const HANDSHAKES = [
  { status: 400, want: ["400", "data no end"], details: "via_upstream" },
  { status: 200, want: ["200 end"], details: "websocket_handshake_unsuccessful" },
];
for (const row of HANDSHAKES) {
  Deno.test(`A WebSocket handshake answered with ${row.status}`, async () => {
    const bench = await Bench.with([toA()]);
    bench.begin(UPGRADE.copy());
    bench.run(() => bench.a.streams[0]!.respond(row.status, { body: "no" }));
    assertEquals(bench.log, row.want);
    assertEquals(bench.details, row.details);
  });
}

const ANSWERS: {
  name: string;
  route: object;
  want: string[];
  flags: string;
  details: string;
  location?: string;
}[] = [
  {
    name: "no route",
    route: { match: { prefix: "/other" }, route: { cluster: "a" } },
    want: ["404 end"],
    flags: "NR",
    details: "route_not_found",
  },
  {
    name: "an unknown cluster",
    route: toA({ cluster: "nowhere" }),
    want: ["503 end"],
    flags: "NC",
    details: "cluster_not_found",
  },
  {
    name: "an unknown cluster told as 404",
    route: toA({ cluster: "nowhere", cluster_not_found_response_code: "NOT_FOUND" }),
    want: ["404 end"],
    flags: "NC",
    details: "cluster_not_found",
  },
  {
    name: "a missing cluster header",
    route: { match: { prefix: "/" }, route: { cluster_header: "x-cluster" } },
    want: ["503 end"],
    flags: "NC",
    details: "cluster_not_found",
  },
  {
    name: "a direct response",
    route: {
      match: { prefix: "/" },
      direct_response: { status: 418, body: { inline_string: "tea" } },
    },
    want: ["418", "data tea end"],
    flags: "-",
    details: "direct_response",
  },
  {
    name: "a direct 302",
    route: { match: { prefix: "/" }, direct_response: { status: 302 } },
    want: ["302 end"],
    flags: "-",
    details: "direct_response",
    location: "http://conf.test/x",
  },
  {
    name: "a redirect",
    route: { match: { prefix: "/" }, redirect: { https_redirect: true } },
    want: ["301 end"],
    flags: "-",
    details: "direct_response",
    location: "https://conf.test/x",
  },
];
for (const row of ANSWERS) {
  Deno.test(`Without an upstream: ${row.name}`, async () => {
    const bench = await Bench.with([row.route]);
    bench.get("/x");
    assertEquals(bench.log, row.want);
    assertEquals([bench.flags, bench.details], [row.flags, row.details]);
    assertEquals(header(bench, "location"), row.location);
  });
}

Deno.test("No host: 503, counted", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.hosts = [];
  bench.get();
  assertEquals(bench.log, ["503", "data no healthy upstream end"]);
  assertEquals([bench.flags, bench.details], ["UH", "no_healthy_upstream"]);
  assertEquals(bench.a.charged, ["503 external"]);
});

for (const body of [undefined, "abc"]) {
  Deno.test(`A cluster that finds the host out: the request waits, body ${body}`, async () => {
    const bench = await Bench.with([toA()]);
    const { hosts } = bench.a;
    bench.a.hosts = [];
    bench.a.awaits = {};
    bench.send(request("/", { method: "POST" }), body);
    assertEquals([bench.a.streams.length, bench.log], [0, []]);
    bench.a.hosts = hosts;
    bench.run(() => bench.a.awaits!.done!(""));
    const want = body === undefined ? ["POST / end"] : ["POST /", `data ${body} end`];
    assertEquals(bench.a.streams[0]!.log, want);
  });
}

Deno.test("A cluster that finds no host out tells why", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.hosts = [];
  bench.a.awaits = {};
  bench.get();
  bench.run(() => bench.a.awaits!.done!("dns_resolution_failure{x}"));
  assertEquals(bench.log, ["503", "data no healthy upstream end"]);
  assertEquals([bench.flags, bench.details], ["UH", "dns_resolution_failure{x}"]);
});

Deno.test("A cluster that will not find the host out tells why at once", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.hosts = [];
  bench.a.awaits = { details: "dns_cache_overflow" };
  bench.get();
  assertEquals([bench.flags, bench.details], ["UH", "dns_cache_overflow"]);
});

Deno.test("A request that ends while its host is found out lets go of it", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.hosts = [];
  bench.a.awaits = {};
  bench.get();
  bench.run(() => bench.manager.destroy());
  assertEquals(bench.a.awaits.isCancelled, true);
});

Deno.test("Maintenance mode", async () => {
  const bench = await Bench.with([toA()], { clusterInfo: { isMaintenanceMode: () => true } });
  bench.get();
  assertEquals(bench.log, ["503", "data maintenance mode end"]);
  assertEquals([bench.flags, bench.details], ["UO", "maintenance_mode"]);
  assertEquals(header(bench, "x-envoy-overloaded"), "true");
});

Deno.test("Everything is dropped", async () => {
  const bench = await Bench.with([toA()], { clusterInfo: { dropOverloadPercent: 100 } });
  bench.get();
  assertEquals(bench.log, ["503", "data unconditional drop overload end"]);
  assertEquals([bench.flags, bench.details], ["UDO", "unconditional_drop_overload"]);
  assertEquals(header(bench, "x-envoy-unconditional-drop-overload"), "true");
});

Deno.test("strict_check_headers refuses what is malformed", async () => {
  const router = { strict_check_headers: ["x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on"] };
  const bench = await Bench.with([toA()], { router });
  bench.get("/", { headers: [["x-envoy-retry-on", "5xx,whenever"]] });
  assertEquals(bench.log, [
    "400",
    "data invalid header 'x-envoy-retry-on' with value '5xx,whenever' end",
  ]);
  assertEquals(bench.flags, "IH");
});

Deno.test("suppress_envoy_headers keeps our headers away from both sides", async () => {
  const bench = await Bench.with([toA({ prefix_rewrite: "/y" })], {
    router: { suppress_envoy_headers: true },
  });
  bench.get("/x");
  assertEquals(bench.a.streams[0]!.headers!.get("x-envoy-expected-rq-timeout-ms"), undefined);
  assertEquals(bench.a.streams[0]!.headers!.get("x-envoy-original-path"), undefined);
  bench.run(() => bench.a.streams[0]!.respond(200));
  assertEquals(header(bench, "x-envoy-upstream-service-time"), undefined);
});

Deno.test("auto_host_rewrite takes the endpoint's name", async () => {
  const bench = await Bench.with([toA({ auto_host_rewrite: true })]);
  bench.a.hosts = [{ ...bench.a.hosts[0]!, hostname: "endpoint.test" }];
  bench.get();
  const { headers } = bench.a.streams[0]!;
  assertEquals(headers!.get(":authority"), "endpoint.test");
  assertEquals(headers!.get("x-envoy-original-host"), "conf.test");
});

Deno.test("Headers that the codec cannot do without", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.behaviours = ["waiting"];
  bench.get();
  bench.a.streams[0]!.missing = "missing required header: :path";
  bench.run(() => bench.a.streams[0]!.ready());
  assertEquals(bench.log[0], "503");
  assertEquals(
    bench.details,
    "filter_removed_required_request_headers{missing_required_header:_:path}",
  );
});

Deno.test("Virtual clusters and routes with a stat_prefix count responses", async () => {
  const bench = await Bench.with({
    virtual_hosts: [{
      name: "v",
      domains: ["*"],
      virtual_clusters: [{
        name: "vc",
        headers: [{ name: ":path", string_match: { prefix: "/x" } }],
      }],
      routes: [toA({}, { stat_prefix: "r" })],
    }],
  });
  bench.get("/x");
  bench.run(() => bench.a.streams[0]!.respond(200));
  for (const prefix of ["vhost.v.vcluster.vc", "vhost.v.route.r"]) {
    assertEquals(bench.stat(`${prefix}.upstream_rq_200`), 1);
    assertEquals(bench.stat(`${prefix}.upstream_rq_total`), 1);
  }
  assertEquals(bench.streamInfo.virtualClusterName, "vc");
});
