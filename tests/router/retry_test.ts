/** Retries: what calls for one, how many, their counters, and what the answer is in the end. */

import { assertEquals, assertOk } from "../support/assert.ts";
import type { ResetReason } from "../../src/http/mod.ts";
import type { FakeStream } from "../support/fakes/cluster.ts";
import { fakeHost } from "../support/fakes/cluster.ts";
import { BACK_OFF_MS, Bench, header, INTERNAL, request, retry, toA } from "./harness.ts";

const LOAD = { healthy: [100], degraded: [0], panic: [false] };

type Outcome = number | ResetReason | readonly [number, readonly (readonly [string, string])[]];

/** Lets each attempt end in turn; back-offs pass between them. */
function play(bench: Bench, outcomes: readonly Outcome[]): void {
  for (const [index, outcome] of outcomes.entries()) {
    const stream: FakeStream | undefined = bench.a.streams[index];
    if (stream === undefined) return;
    bench.run(() => {
      if (typeof outcome === "number") stream.respond(outcome);
      else if (typeof outcome === "string") stream.onReset(outcome);
      else stream.respond(outcome[0], { headers: outcome[1] });
    });
    bench.advance(BACK_OFF_MS);
  }
}

const ROWS: {
  name: string;
  policy: object;
  outcomes: Outcome[];
  attempts: number;
  status: string;
  headers?: [string, string][];
}[] = [
  {
    name: "5xx: 503",
    policy: { retry_on: "5xx" },
    outcomes: [503, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "5xx: 500",
    policy: { retry_on: "5xx" },
    outcomes: [500, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "5xx: reset",
    policy: { retry_on: "5xx" },
    outcomes: ["remote_reset", 200],
    attempts: 2,
    status: "200",
  },
  { name: "5xx: 404", policy: { retry_on: "5xx" }, outcomes: [404], attempts: 1, status: "404" },
  {
    name: "one retry by default",
    policy: { retry_on: "5xx" },
    outcomes: [503, 502, 200],
    attempts: 2,
    status: "502",
  },
  {
    name: "num_retries 3",
    policy: { retry_on: "5xx", num_retries: 3 },
    outcomes: [503, 503, 503, 200],
    attempts: 4,
    status: "200",
  },
  {
    name: "num_retries 0",
    policy: { retry_on: "5xx", num_retries: 0 },
    outcomes: [503, 200],
    attempts: 1,
    status: "503",
  },
  {
    name: "gateway-error: 502",
    policy: { retry_on: "gateway-error" },
    outcomes: [502, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "gateway-error: 500",
    policy: { retry_on: "gateway-error" },
    outcomes: [500],
    attempts: 1,
    status: "500",
  },
  {
    name: "gateway-error: refused stream",
    policy: { retry_on: "gateway-error" },
    outcomes: ["remote_refused_stream", 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "retriable-4xx: 409",
    policy: { retry_on: "retriable-4xx" },
    outcomes: [409, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "retriable-4xx: 404",
    policy: { retry_on: "retriable-4xx" },
    outcomes: [404],
    attempts: 1,
    status: "404",
  },
  {
    name: "a listed status",
    policy: { retry_on: "retriable-status-codes", retriable_status_codes: [418] },
    outcomes: [418, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "a status that is not listed",
    policy: { retry_on: "retriable-status-codes", retriable_status_codes: [418] },
    outcomes: [503],
    attempts: 1,
    status: "503",
  },
  {
    name: "a listed status without the condition",
    policy: { retry_on: "reset", retriable_status_codes: [418] },
    outcomes: [418],
    attempts: 1,
    status: "418",
  },
  {
    name: "reset",
    policy: { retry_on: "reset" },
    outcomes: ["connection_termination", 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "reset: a 503 is none",
    policy: { retry_on: "reset" },
    outcomes: [503],
    attempts: 1,
    status: "503",
  },
  {
    name: "reset-before-request: too late",
    policy: { retry_on: "reset-before-request" },
    outcomes: ["connection_termination"],
    attempts: 1,
    status: "503",
  },
  {
    name: "refused-stream",
    policy: { retry_on: "refused-stream" },
    outcomes: ["remote_refused_stream", 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "refused-stream: another reset",
    policy: { retry_on: "refused-stream" },
    outcomes: ["remote_reset"],
    attempts: 1,
    status: "503",
  },
  {
    name: "connect-failure: a reset is none",
    policy: { retry_on: "connect-failure" },
    outcomes: ["remote_reset"],
    attempts: 1,
    status: "503",
  },
  {
    name: "CONNECT refused",
    policy: { retry_on: "5xx,reset" },
    outcomes: ["connect_error"],
    attempts: 1,
    status: "503",
  },
  {
    name: "a retriable header",
    policy: { retry_on: "retriable-headers", retriable_headers: [{ name: "x-again" }] },
    outcomes: [[200, [["x-again", "1"]]], 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "no retriable header",
    policy: { retry_on: "retriable-headers", retriable_headers: [{ name: "x-again" }] },
    outcomes: [200],
    attempts: 1,
    status: "200",
  },
  {
    name: "envoy-ratelimited",
    policy: { retry_on: "envoy-ratelimited" },
    outcomes: [[429, [["x-envoy-ratelimited", "true"]]], 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "a rate limit stops other reasons",
    policy: { retry_on: "5xx" },
    outcomes: [[503, [["x-envoy-ratelimited", "true"]]]],
    attempts: 1,
    status: "503",
  },
  {
    name: "grpc unavailable",
    policy: { retry_on: "unavailable" },
    outcomes: [[200, [["grpc-status", "14"]]], 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "grpc: another status",
    policy: { retry_on: "unavailable,internal" },
    outcomes: [[200, [["grpc-status", "5"]]]],
    attempts: 1,
    status: "200",
  },
  {
    name: "a request matcher that matches",
    policy: {
      retry_on: "5xx",
      retriable_request_headers: [{ name: ":method", string_match: { exact: "GET" } }],
    },
    outcomes: [503, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "a request matcher that does not",
    policy: {
      retry_on: "5xx",
      retriable_request_headers: [{ name: ":method", string_match: { exact: "PUT" } }],
    },
    outcomes: [503],
    attempts: 1,
    status: "503",
  },
  {
    name: "x-envoy-retry-on",
    policy: {},
    headers: [["x-envoy-retry-on", "5xx"]],
    outcomes: [503, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "x-envoy-retry-grpc-on",
    policy: {},
    headers: [["x-envoy-retry-grpc-on", "cancelled"]],
    outcomes: [[200, [["grpc-status", "1"]]], 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "x-envoy-max-retries",
    policy: {},
    headers: [["x-envoy-retry-on", "5xx"], ["x-envoy-max-retries", "2"]],
    outcomes: [503, 503, 200],
    attempts: 3,
    status: "200",
  },
  {
    name: "x-envoy-max-retries below the policy",
    policy: { retry_on: "5xx", num_retries: 3 },
    headers: [["x-envoy-max-retries", "1"]],
    outcomes: [503, 503, 200],
    attempts: 2,
    status: "503",
  },
  {
    name: "x-envoy-retriable-status-codes",
    policy: {},
    headers: [["x-envoy-retry-on", "retriable-status-codes"], [
      "x-envoy-retriable-status-codes",
      "404, 405",
    ]],
    outcomes: [405, 200],
    attempts: 2,
    status: "200",
  },
  {
    name: "x-envoy-retriable-header-names",
    policy: {},
    headers: [["x-envoy-retry-on", "retriable-headers"], [
      "x-envoy-retriable-header-names",
      "X-Again",
    ]],
    outcomes: [[200, [["x-again", "1"]]], 200],
    attempts: 2,
    status: "200",
  },
];

for (const row of ROWS) {
  Deno.test(`Retry: ${row.name}`, async () => {
    const bench = await Bench.with([toA(retry(row.policy))]);
    bench.get("/", { headers: [INTERNAL, ...row.headers ?? []] });
    play(bench, row.outcomes);
    assertEquals(bench.a.streams.length, row.attempts);
    assertEquals(bench.log[0]?.split(" ")[0], row.status);
    assertEquals(bench.a.circuitBreakers.default.retries, 0, "units of the breaker");
    for (const [name] of row.headers ?? []) {
      assertEquals(bench.a.streams[0]!.headers!.get(name), undefined, name);
    }
  });
}

Deno.test("A failed connection is retried, and reset-before-request counts as such", async () => {
  for (const retry_on of ["connect-failure", "reset-before-request", "5xx"]) {
    const bench = await Bench.with([toA(retry({ retry_on }))]);
    bench.a.behaviours = ["remote_connection_failure", "ready"];
    bench.get();
    bench.advance(BACK_OFF_MS);
    assertEquals(bench.a.streams.length, 2, retry_on);
  }
});

Deno.test("Overflow is never retried", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx,reset,connect-failure" }))]);
  bench.a.behaviours = ["overflow"];
  bench.get();
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.a.streams.length, 1);
  assertEquals([bench.flags, bench.details], [
    "UO",
    "upstream_reset_before_response_started{overflow}",
  ]);
  assertEquals(header(bench, "x-envoy-overloaded"), "true");
});

Deno.test("All tries fail to connect: URX,UF and the words for it", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "connect-failure", num_retries: 1 }))]);
  bench.a.behaviours = ["remote_connection_failure"];
  bench.get();
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.log, [
    "503",
    "data upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure end",
  ]);
  assertEquals(bench.flags, "URX,UF");
  assertEquals(bench.a.stat("upstream_rq_retry_limit_exceeded"), 1);
});

Deno.test("The transport's reason stands in the details only", async () => {
  const bench = await Bench.with([toA()]);
  bench.a.behaviours = ["waiting"];
  bench.get();
  bench.run(() =>
    bench.a.streams[0]!.fail(
      "remote_connection_failure",
      "delayed connect error: Connection refused",
    )
  );
  assertEquals(
    bench.details,
    "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
  );
  assertEquals(
    bench.log[1],
    "data upstream connect error or disconnect/reset before headers. reset reason: remote connection failure end",
  );
});

Deno.test("Counters of retries", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx", num_retries: 2 }))]);
  bench.get();
  play(bench, [503, 503, 200]);
  assertEquals(bench.a.stat("upstream_rq_retry"), 2);
  assertEquals(bench.a.stat("upstream_rq_retry_success"), 1);
  assertEquals(bench.a.stat("upstream_rq_retry_backoff_exponential"), 2);
  assertEquals(bench.a.stat("upstream_rq_retry_limit_exceeded"), 0);
  assertEquals(bench.a.charged, ["200 external"]);
  assertEquals(bench.stat("cluster.a.retry.upstream_rq_503"), 2);
});

Deno.test("The breaker refuses retries beyond its limit", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.a.circuitBreakers.default.maxRetries = 0;
  bench.get();
  play(bench, [503]);
  assertEquals(bench.log, ["503 end"]);
  assertEquals([bench.flags, bench.details], ["UO", "via_upstream"]);
  assertEquals(bench.a.stat("upstream_rq_retry_overflow"), 1);
});

Deno.test("A body is sent again, whole", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.data("def", true);
  play(bench, [503]);
  assertEquals(bench.a.streams[1]!.log, ["POST /", "data abcdef end"]);
});

Deno.test("A try that fails before the body is complete is followed by one that gets all of it", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  play(bench, ["remote_reset"]);
  assertEquals(bench.a.streams[1]!.log, ["POST /", "data abc"]);
  bench.data("def", true);
  assertEquals(bench.a.streams[1]!.log, ["POST /", "data abc", "data def end"]);
});

Deno.test("A body above the limit is sent once and not kept", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))], { bufferLimitBytes: 4 });
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.data("def", true);
  play(bench, [503]);
  assertEquals(bench.log, ["503 end"]);
  assertEquals(bench.a.streams.length, 1);
  assertEquals(bench.a.stat("retry_or_shadow_abandoned"), 1);
});

const LIMITS: { name: string; host?: object; route?: object; attempts: number }[] = [
  { name: "the connection's alone", attempts: 1 },
  {
    name: "a route allows more than the connection",
    route: { request_body_buffer_limit: 6 },
    attempts: 2,
  },
  {
    name: "so does the older field",
    route: { per_request_buffer_limit_bytes: 6 },
    attempts: 2,
  },
  { name: "0 keeps nothing", route: { per_request_buffer_limit_bytes: 0 }, attempts: 1 },
  { name: "a virtual host's", host: { per_request_buffer_limit_bytes: 6 }, attempts: 2 },
  {
    name: "the newer field wins over the older one of a lower level",
    host: { request_body_buffer_limit: 6 },
    route: { per_request_buffer_limit_bytes: 2 },
    attempts: 2,
  },
];
for (const row of LIMITS) {
  Deno.test(`How much of a body is kept: ${row.name}`, async () => {
    const routes = [toA(retry({ retry_on: "5xx" }), row.route)];
    const host = { name: "v", domains: ["*"], routes, ...row.host };
    const bench = await Bench.with({ virtual_hosts: [host] }, { bufferLimitBytes: 4 });
    bench.begin(request("/", { method: "POST" }));
    bench.data("abc", false);
    bench.data("def", true);
    play(bench, [503]);
    assertEquals(bench.a.streams.length, row.attempts);
    assertEquals(bench.log.includes("pause"), false);
  });
}

Deno.test("A body that outgrows the limit between two tries ends the request", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))], { bufferLimitBytes: 4 });
  bench.begin(request("/", { method: "POST" }));
  bench.data("abc", false);
  bench.run(() => bench.a.streams[0]!.onReset("remote_reset"));
  bench.data("def", false);
  assertEquals(bench.log, [
    "507",
    "data exceeded request buffer limit while retrying upstream end",
  ]);
  assertEquals(bench.details, "request_payload_exceeded_retry_buffer_limit");
  assertEquals(bench.a.circuitBreakers.default.retries, 0);
});

Deno.test("Attempt counts are told to both sides", async () => {
  const bench = await Bench.with({
    virtual_hosts: [{
      name: "v",
      domains: ["*"],
      include_request_attempt_count: true,
      include_attempt_count_in_response: true,
      include_is_timeout_retry_header: true,
      routes: [toA(retry({ retry_on: "5xx" }))],
    }],
  });
  bench.get();
  play(bench, [503, 200]);
  const sent = bench.a.streams.map((stream) => stream.headers!.get("x-envoy-attempt-count"));
  assertEquals(sent, ["1", "2"]);
  assertEquals(bench.a.streams[1]!.headers!.get("x-envoy-is-timeout-retry"), "false");
  assertEquals(header(bench, "x-envoy-attempt-count"), "2");
  assertEquals(bench.streamInfo.attemptCount, 2);
});

Deno.test("Retries avoid hosts that were tried", async () => {
  const predicate = {
    name: "p",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    },
  };
  const policy = {
    retry_on: "5xx",
    retry_host_predicate: [predicate],
    host_selection_retry_max_attempts: 5,
  };
  const bench = await Bench.with([toA(retry(policy))]);
  const [one, two] = [fakeHost(1), fakeHost(2)];
  bench.a.hosts = [one, one, one, two];
  bench.get();
  play(bench, [503]);
  assertEquals(bench.a.streams.map((stream) => stream.host), [one, two]);
});

Deno.test("A response may say when to come back", async () => {
  const policy = {
    retry_on: "5xx",
    rate_limited_retry_back_off: { reset_headers: [{ name: "retry-after", format: "SECONDS" }] },
  };
  const bench = await Bench.with([toA(retry(policy))]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(503, { headers: [["retry-after", "2"]] }));
  bench.advance(1990);
  assertEquals(bench.a.streams.length, 1);
  bench.advance(1100);
  assertEquals(bench.a.streams.length, 2);
  assertEquals(bench.a.stat("upstream_rq_retry_backoff_ratelimited"), 1);
});

Deno.test("A response may say at what second to come back", async () => {
  const policy = {
    retry_on: "5xx",
    rate_limited_retry_back_off: { reset_headers: [{ name: "x-at", format: "UNIX_TIMESTAMP" }] },
  };
  const bench = await Bench.with([toA(retry(policy))]);
  bench.get();
  const at = Math.floor(bench.clock.wallMs() / 1000) + 2;
  bench.run(() => bench.a.streams[0]!.respond(503, { headers: [["x-at", String(at)]] }));
  bench.advance(1990);
  assertEquals(bench.a.streams.length, 1);
  bench.advance(1100);
  assertEquals(bench.a.streams.length, 2);
});

Deno.test("Back-offs double up to their maximum", async () => {
  const waits: number[] = [];
  const bench = await Bench.with([
    toA({
      retry_policy: {
        retry_on: "5xx",
        num_retries: 6,
        retry_back_off: { base_interval: "0.1s", max_interval: "0.4s" },
      },
    }),
  ]);
  bench.get();
  for (let i = 0; i < 6; i++) {
    const from = bench.clock.nowMs();
    bench.run(() => bench.a.streams[i]!.respond(503));
    while (bench.a.streams.length < i + 2 && bench.clock.nowMs() - from < 1000) bench.advance(5);
    waits.push(bench.clock.nowMs() - from);
  }
  const limits = [100, 200, 400, 400, 400, 400];
  waits.forEach((wait, i) => assertOk(wait <= limits[i]! + 10, `${i}: ${wait}`));
});

Deno.test("A client that leaves during a back-off ends it", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(503));
  bench.leave();
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.a.streams.length, 1);
  assertEquals(bench.a.circuitBreakers.default.retries, 0);
});

Deno.test("A response that is thrown away while its body is under way resets its stream", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(503, { more: true }));
  assertEquals(bench.a.streams[0]!.log, ["GET / end", "reset local_reset"]);
});

Deno.test("The cluster's policy serves where the route has none", async () => {
  const bench = await Bench.with([toA()], {
    clusterInfo: {
      retryPolicyMessage: {
        $typeName: "envoy.config.route.v3.RetryPolicy",
        retryOn: "5xx",
        retryHostPredicate: [],
        retryOptionsPredicates: [],
        hostSelectionRetryMaxAttempts: 0n,
        retriableStatusCodes: [],
        retriableHeaders: [],
        retriableRequestHeaders: [],
        refreshClusterOnRetry: false,
      },
    },
  });
  bench.get();
  bench.run(() => bench.a.streams[0]!.respond(503));
  bench.advance(1000);
  assertEquals(bench.a.streams.length, 2);
});

Deno.test("Retries leave out the priorities that were tried", async () => {
  const priority = {
    name: "p",
    typed_config: {
      "@type":
        "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
      update_frequency: 1,
    },
  };
  const bench = await Bench.with([toA(retry({ retry_on: "5xx", retry_priority: priority }))]);
  bench.get();
  assertEquals(bench.a.contexts[0]!.retryPriority, undefined, "the first try goes by the load");
  play(bench, [503]);
  const adjusted = bench.a.contexts[1]!.retryPriority!.adjust([], LOAD);
  assertEquals(adjusted, LOAD, "no priority is left: the load as it was");
});

Deno.test("A second name for statistics comes from internal requests and goes no further", async () => {
  const bench = await Bench.with([toA()]);
  const headers: [string, string][] = [["x-envoy-upstream-alt-stat-name", "my:name"]];
  bench.get("/", { headers: [INTERNAL, ...headers] });
  bench.run(() => bench.a.streams[0]!.respond(201));
  for (const name of ["upstream_rq_201", "upstream_rq_2xx", "internal.upstream_rq_201"]) {
    assertEquals(bench.stat(`cluster.a.my_name.${name}`), 1, name);
  }
  assertEquals(bench.a.streams[0]!.headers!.has("x-envoy-upstream-alt-stat-name"), false);
});

Deno.test("A host that may have no pool is answered for as if there were none, without retries", async () => {
  const bench = await Bench.with([toA(retry({ retry_on: "5xx" }))]);
  bench.a.behaviours = ["pool_overflow"];
  bench.get();
  bench.advance(BACK_OFF_MS);
  assertEquals(bench.log, ["503", "data no healthy upstream end"]);
  assertEquals([bench.flags, bench.details], ["UH", "no_healthy_upstream"]);
  assertEquals([bench.a.streams.length, header(bench, "x-envoy-overloaded")], [1, undefined]);
});

Deno.test("Retries go from one weighted cluster to the next where the policy says so", async () => {
  const weighted = { name: "none", weight: 0 };
  const clusters = [weighted, { name: "a", weight: 1 }, { name: "b", weight: 1 }];
  const policy = { retry_on: "5xx", num_retries: 3, refresh_cluster_on_retry: true };
  const route = { weighted_clusters: { clusters }, ...retry(policy) };
  const bench = await Bench.with([{ match: { prefix: "/" }, route }]);
  bench.get();
  const order: string[] = [];
  for (let i = 0; i < 4; i++) {
    const name = bench.a.streams.length > count(order, "a") ? "a" : "b";
    order.push(name);
    const streams = name === "a" ? bench.a.streams : bench.b.streams;
    bench.run(() => streams.at(-1)!.respond(i === 3 ? 200 : 503));
    bench.advance(BACK_OFF_MS);
  }
  const [first, second] = order;
  assertOk(first !== second, "the second is the one that was not tried");
  const last = order.at(-1)!;
  assertEquals(bench.streamInfo.upstreamCluster, last);
  const both = [...bench.a.charged, ...bench.b.charged];
  assertEquals([both, bench.clusters.get(last)!.charged], [["200 external"], ["200 external"]]);
  assertEquals(bench.clusters.get(first!)!.stat("upstream_rq_retry"), 3);
});

function count(list: readonly string[], value: string): number {
  return list.filter((other) => other === value).length;
}
