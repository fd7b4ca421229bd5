/** The health check filter: by itself, by its clusters, through to the upstream and from its cache. */

import { healthCheckFactory } from "../../../src/filters/http/health_check.ts";
import type { FilterCallbacks, HttpFilter, LocalReply } from "../../../src/filter_chain/mod.ts";
import { formatFlags, H, HeaderMap } from "../../../src/http/mod.ts";
import { assertEquals, assertOk } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type FakeContext, fakeContext } from "../../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

const TYPE = "envoy.extensions.filters.http.health_check.v3.HealthCheck";

class Check {
  isFailed = false;
  readonly clock = new FakeClock();
  readonly context: FakeContext;
  readonly replies: LocalReply[] = [];
  info = fakeStreamInfo();
  readonly #config: ReturnType<typeof healthCheckFactory.compile>;

  static async create(message: object, health: readonly string[] = []): Promise<Check> {
    const decoded = await decodeMessage<object>(TYPE, {
      headers: [{ name: ":path", string_match: { exact: "/hc" } }],
      ...message,
    });
    return new Check(decoded.message, health);
  }

  private constructor(message: object, health: readonly string[]) {
    this.context = fakeContext({
      dispatcher: { clock: this.clock, sleeper: this.clock },
      services: {
        server_health: { isFailed: () => this.isFailed },
        cluster_manager: {
          get: (name: string) =>
            name === "a"
              ? { hostSets: [{ hosts: health.map((value) => ({ health: value })) }] }
              : undefined,
        },
      },
    });
    this.#config = healthCheckFactory.compile(message, this.context, "http.t.");
  }

  filter(): HttpFilter {
    this.info = fakeStreamInfo();
    const { info, replies } = this;
    const callbacks = {
      dispatcher: this.context.dispatcher,
      streamInfo: info,
      sendLocalReply: (reply: LocalReply) => void replies.push(reply),
    };
    return healthCheckFactory.create(this.#config, callbacks as unknown as FilterCallbacks);
  }

  /** `status flags details` of the answer to one GET, or "passed". */
  ask(path = "/hc"): string {
    const filter = this.filter();
    const status = filter.decodeHeaders!(HeaderMap.of([":path", path]), true);
    const reply = this.replies.pop();
    if (reply === undefined) return status === "continue" ? "passed" : "stopped";
    return `${reply.status} ${formatFlags(this.info, 0)} ${reply.details}`;
  }

  stat(name: string): number {
    const names = [
      "cached_response",
      "degraded",
      "failed",
      "failed_cluster_empty",
      "failed_cluster_not_found",
      "failed_cluster_unhealthy",
      "ok",
      "request_total",
    ];
    const template = names.map((stat) => ({ name: stat, kind: "counter" as const }));
    return this.context.scope.scope("http.t").scope("health_check").group(template)
      .get(names.indexOf(name));
  }
}

const fifty = { pass_through_mode: false, cluster_min_healthy_percentages: { a: { value: 50 } } };
const ROWS = [
  {
    name: "by itself",
    message: { pass_through_mode: false },
    health: [],
    want: "200 - health_check_ok",
  },
  {
    name: "another path",
    message: { pass_through_mode: false },
    health: [],
    path: "/x",
    want: "passed",
  },
  {
    name: "enough hosts",
    message: fifty,
    health: ["healthy", "unhealthy"],
    want: "200 - health_check_ok",
  },
  {
    name: "a degraded host counts",
    message: fifty,
    health: ["degraded", "unhealthy"],
    want: "200 - health_check_ok",
  },
  {
    name: "too few hosts",
    message: fifty,
    health: ["unhealthy", "healthy", "unhealthy"],
    want: "503 LH health_check_failed_cluster_unhealthy",
  },
  {
    name: "an empty cluster",
    message: fifty,
    health: [],
    want: "503 LH health_check_failed_cluster_empty",
  },
  {
    name: "an unknown cluster",
    message: { pass_through_mode: false, cluster_min_healthy_percentages: { b: { value: 1 } } },
    health: [],
    want: "503 LH health_check_failed_no_cluster_found",
  },
  { name: "pass through", message: { pass_through_mode: true }, health: [], want: "passed" },
];

for (const { name, message, health, path, want } of ROWS) {
  Deno.test(`health_check: ${name}`, async () => {
    const check = await Check.create(message, health);
    assertEquals(check.ask(path), want);
  });
}

Deno.test("health_check: after /healthcheck/fail checks fail and other responses say so", async () => {
  const check = await Check.create({ pass_through_mode: true });
  check.isFailed = true;
  assertEquals(check.ask(), "503 LH health_check_failed");
  assertEquals(check.stat("failed"), 1);
  const filter = check.filter();
  filter.decodeHeaders!(HeaderMap.of([":path", "/x"]), true);
  const headers = HeaderMap.of([":status", "200"]);
  filter.encodeHeaders!(headers, true);
  assertEquals(headers.getId(H.xEnvoyImmediateHealthCheckFail), "true");
});

Deno.test("health_check: the upstream's answer is cached for cache_time", async () => {
  const check = await Check.create({ pass_through_mode: true, cache_time: "1s" });
  const filter = check.filter();
  assertEquals(filter.decodeHeaders!(HeaderMap.of([":path", "/hc"]), true), "continue");
  const headers = HeaderMap.of([":status", "503"]);
  filter.encodeHeaders!(headers, true);
  assertOk(headers.hasId(H.xEnvoyUpstreamHealthcheckedCluster));
  assertEquals(check.ask(), "503 LH health_check_cached");
  assertEquals(check.stat("cached_response"), 1);
  check.clock.advance(1001);
  assertEquals(check.ask(), "passed");
});

Deno.test("health_check: a request with a body is answered at its end", async () => {
  const check = await Check.create({ pass_through_mode: false });
  const filter = check.filter();
  assertEquals(filter.decodeHeaders!(HeaderMap.of([":path", "/hc"]), false), "stop_iteration");
  assertEquals(check.replies.length, 0);
  assertEquals(filter.decodeData!(new Uint8Array(1), true), "stop_no_buffer");
  assertEquals(check.replies[0]?.status, 200);
  assertEquals(check.info.isHealthCheck, true);
});
