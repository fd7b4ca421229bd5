/**
 * Circuit breakers over four workers: what an upstream process saw never exceeds a limit by more
 * than one, /stats says the same, and all of it is given back when that process is killed.
 */

import { assertEquals, assertOk } from "../support/assert.ts";
import type { SeenByUpstream } from "../support/held_upstream.ts";
import { freePort, type RunningProxy, startProxy } from "../support/proxy.ts";
import { untilWithin } from "../support/until.ts";
import { anyHostYaml, bootstrapYaml, clusterYaml, httpListenerYaml } from "../support/yaml.ts";

const WORKERS = 4;
const CLIENTS = 48;
const UPSTREAM = new URL("../support/held_upstream.ts", import.meta.url);

/** Clusters in the order of the upstream's ports, with their thresholds. */
const CLUSTERS = {
  requests: thresholds("max_requests: 5, max_pending_requests: 1000"),
  connections: thresholds("max_connections: 2, max_pending_requests: 1000"),
  hosts: "per_host_thresholds: [{ max_connections: 2 }]",
  pools: thresholds("max_connection_pools: 2"),
  pending: thresholds("max_connections: 2, max_pending_requests: 4"),
  retries: thresholds("max_retries: 3"),
} as const;
type ClusterName = keyof typeof CLUSTERS;
const NAMES = Object.keys(CLUSTERS) as ClusterName[];

function thresholds(limits: string): string {
  return `thresholds: [{ track_remaining: true, ${limits} }]`;
}

const RETRY =
  "retry_on: 5xx, num_retries: 1, retry_back_off: { base_interval: 0.01s, max_interval: 0.02s }";

const route = (name: string): string => `
              - match: { prefix: /${name}/ }
                route: { cluster: ${name}, timeout: 0s${
  name === "retries" ? `, retry_policy: { ${RETRY} }` : ""
} }`;

const cluster = (name: ClusterName): string =>
  clusterYaml(name, `\n    circuit_breakers: { ${CLUSTERS[name]} }`);

const CONFIG = bootstrapYaml(
  httpListenerYaml({
    name: "in",
    hosts: `${anyHostYaml(NAMES.map(route).join(""))}
              include_request_attempt_count: true`,
  }),
  NAMES.map(cluster).join(""),
);

const until = untilWithin(20_000);

/** The upstream as a process. */
class Upstream {
  readonly #ports: readonly number[];
  #process: Deno.ChildProcess | undefined;

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  async start(): Promise<void> {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", UPSTREAM.pathname, ...this.#ports.map(String)],
      stdin: "null",
      stdout: "null",
    }).spawn();
    await until("the upstream", () => this.#ask("").then(() => true, () => false));
  }

  /** Ends it at once, with everything it holds. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
    this.#process = undefined;
  }

  async seen(name: ClusterName): Promise<SeenByUpstream> {
    return (await this.#ask(""))[NAMES.indexOf(name)]!;
  }

  async release(): Promise<void> {
    await this.#ask("release");
  }

  async #ask(path: string): Promise<SeenByUpstream[]> {
    const response = await fetch(`http://127.0.0.1:${this.#ports[0]}/${path}`);
    return await response.json();
  }
}

/** One request on a connection of its own, so that the workers share them. @returns its status */
async function get(proxy: RunningProxy, path: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.ports["in"]! });
  const request = `GET ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  try {
    const decoder = new TextDecoderStream();
    for await (const part of connection.readable.pipeThrough(decoder)) text += part;
  } catch {
    // Reset after its answer: the status is there all the same.
  }
  return text.slice(9, 12);
}

interface Crowd {
  /** Statuses of the requests that have ended. */
  readonly ended: string[];
  readonly all: Promise<unknown>;
}

function crowd(proxy: RunningProxy, path: string): Crowd {
  const ended: string[] = [];
  const requests = Array.from(
    { length: CLIENTS },
    () => get(proxy, path).then((status) => void ended.push(status)),
  );
  return { ended, all: Promise.all(requests) };
}

function count(statuses: readonly string[], status: string): number {
  return statuses.filter((other) => other === status).length;
}

interface Stage {
  readonly proxy: RunningProxy;
  readonly upstream: Upstream;
  stat(name: string): Promise<number>;
}

function breakerTest(name: string, run: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name: `circuit breakers over ${WORKERS} workers: ${name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const ports: number[] = [];
      for (let i = 0; i <= NAMES.length; i++) ports.push(await freePort());
      const upstream = new Upstream(ports);
      await upstream.start();
      const proxy = await startProxy({
        config: CONFIG,
        args: ["--concurrency", String(WORKERS), "--drain-time-s", "1"],
        ports: Object.fromEntries(NAMES.map((cluster, i) => [cluster, ports[i + 1]!])),
      });
      try {
        await run({ proxy, upstream, stat: (stat) => proxy.stat(`cluster.${stat}`) });
      } finally {
        await proxy.stop();
        await upstream.kill();
      }
    },
  });
}

/** Everything that the breakers of a cluster count has come back. */
async function assertGivenBack({ proxy, stat }: Stage, name: ClusterName): Promise<void> {
  for (const gauge of ["rq_active", "rq_pending_active"]) {
    await until(`${name}: ${gauge}`, async () => await stat(`${name}.upstream_${gauge}`) === 0);
  }
  if (!CLUSTERS[name].includes("track_remaining")) return;
  const text = await proxy.admin(`/stats?filter=^cluster\\.${name}\\.circuit_breakers\\.default`);
  const gauges = new Map(
    text.trim().split("\n").map((line): [string, string] => {
      const [gauge = "", value = ""] = line.split(": ");
      return [gauge.slice(gauge.lastIndexOf(".") + 1), value];
    }),
  );
  const [max, pending, requests, retries] = [/max_connections: (\d+)/, /max_pending\w+: (\d+)/]
    .concat([/max_requests: (\d+)/, /max_retries: (\d+)/])
    .map((pattern) => pattern.exec(CLUSTERS[name])?.[1]);
  const open = Number(await stat(`${name}.upstream_cx_active`));
  assertEquals(gauges.get("remaining_cx"), String(Math.max(0, Number(max ?? 1024) - open)));
  assertEquals(gauges.get("remaining_pending"), pending ?? "1024");
  assertEquals(gauges.get("remaining_rq"), requests ?? "1024");
  assertEquals(gauges.get("remaining_retries"), retries ?? "3");
}

breakerTest("max_requests", async (stage) => {
  const { proxy, upstream, stat } = stage;
  const { ended, all } = crowd(proxy, "/requests/hold");
  await until("the refusals", () => ended.length === CLIENTS - 5);
  const held = await upstream.seen("requests");
  assertEquals([held.active, count(ended, "503")], [5, CLIENTS - 5]);
  assertEquals(await stat("requests.upstream_rq_active"), 5);
  assertEquals(await stat("requests.circuit_breakers.default.rq_open"), 1);
  await upstream.release();
  await all;
  assertEquals(count(ended, "200"), 5);
  await Promise.all([1, 2, 3, 4].map(() => crowd(proxy, "/requests/now").all));
  const seen = await upstream.seen("requests");
  assertOk(seen.maxActive <= 6, `${seen.maxActive} at once`);
  assertEquals(await stat("requests.upstream_rq_total"), seen.requests);
  const refused = await stat("requests.upstream_rq_503");
  assertEquals(seen.requests + refused, 5 * CLIENTS);
  assertEquals(await stat("requests.upstream_rq_active_overflow"), refused);
  await assertGivenBack(stage, "requests");
});

for (const name of ["connections", "hosts"] as const) {
  breakerTest(`max_connections of ${name}`, async (stage) => {
    const { proxy, upstream, stat } = stage;
    const { ended, all } = crowd(proxy, `/${name}/hold`);
    await until("all", async () => {
      const held = await upstream.seen(name);
      assertOk(held.connections <= 3, `${held.connections} connections`);
      return held.active + await stat(`${name}.upstream_rq_pending_active`) === CLIENTS;
    });
    const releasing = setInterval(() => void upstream.release(), 50);
    await all;
    // Workers without a connection of their own get one from the others, again and again.
    const more = [1, 2, 3].map(() => crowd(proxy, `/${name}/now`));
    await Promise.all(more.map((other) => other.all));
    clearInterval(releasing);
    assertEquals(count([ended, ...more.map((other) => other.ended)].flat(), "200"), 4 * CLIENTS);
    const seen = await upstream.seen(name);
    assertOk(seen.maxConnections <= 3, `${seen.maxConnections} connections at once`);
    assertOk(seen.maxActive <= 3, `${seen.maxActive} connections in use`);
    assertEquals(await stat(`${name}.upstream_cx_total`), seen.acceptedConnections);
    assertEquals(await stat(`${name}.upstream_rq_total`), seen.requests);
    await assertGivenBack(stage, name);
  });
}

breakerTest("max_connection_pools", async ({ proxy, upstream, stat }) => {
  const { ended, all } = crowd(proxy, "/pools/hold");
  let held = 0;
  await until("the refusals", async () => {
    held = (await upstream.seen("pools")).active;
    return held + ended.length === CLIENTS;
  });
  assertEquals(await stat("pools.upstream_cx_pool_overflow"), count(ended, "503"));
  assertEquals(await stat("pools.circuit_breakers.default.remaining_cx_pools"), 0);
  assertEquals(await stat("pools.upstream_rq_active"), held);
  await upstream.release();
  await all;
  assertEquals(count(ended, "200"), held);
});

breakerTest("max_pending_requests", async (stage) => {
  const { proxy, upstream, stat } = stage;
  const pending = (): Promise<number> => stat("pending.upstream_rq_pending_active");
  let held = 0;
  const settled = (what: string, crowds: readonly Crowd[]): Promise<void> =>
    until(what, async () => {
      held = (await upstream.seen("pending")).active;
      const ended = crowds.reduce((sum, { ended }) => sum + ended.length, 0);
      return held + await pending() + ended === crowds.length * CLIENTS;
    });
  // While the first ones connect they are pending themselves: only the second crowd fills the line.
  const first = crowd(proxy, "/pending/hold");
  await settled("the first crowd", [first]);
  const second = crowd(proxy, "/pending/hold");
  await settled("the second crowd", [first, second]);
  assertOk(held >= 2 && held <= 3, `${held} connections`);
  assertEquals(await pending(), 4);
  assertEquals(await stat("pending.circuit_breakers.default.rq_pending_open"), 1);
  const refused = count([...first.ended, ...second.ended], "503");
  assertEquals(await stat("pending.upstream_rq_pending_overflow"), refused);
  const releasing = setInterval(() => void upstream.release(), 50);
  await Promise.all([first.all, second.all]);
  clearInterval(releasing);
  assertEquals(count([...first.ended, ...second.ended], "200"), held + 4);
  assertEquals((await upstream.seen("pending")).requests, held + 4);
  await assertGivenBack(stage, "pending");
});

breakerTest("max_retries", async (stage) => {
  const { proxy, upstream, stat } = stage;
  const { ended, all } = crowd(proxy, "/retries/first");
  await until("the refusals", () => ended.length === CLIENTS - 3);
  await until("retries", async () => (await upstream.seen("retries")).secondAttempts === 3);
  assertEquals(count(ended, "503"), CLIENTS - 3);
  assertEquals(await stat("retries.upstream_rq_retry"), 3);
  assertEquals(await stat("retries.upstream_rq_retry_overflow"), CLIENTS - 3);
  assertEquals(await stat("retries.circuit_breakers.default.rq_retry_open"), 1);
  await upstream.release();
  await all;
  assertEquals(count(ended, "200"), 3);
  assertEquals(await stat("retries.upstream_rq_total"), (await upstream.seen("retries")).requests);
  await assertGivenBack(stage, "retries");
});

breakerTest("a killed upstream gives everything back", async (stage) => {
  const { proxy, upstream } = stage;
  for (let round = 0; round < 2; round++) {
    const crowds = NAMES.map((name) =>
      crowd(proxy, `/${name}/${name === "retries" ? "first" : "hold"}`)
    );
    await until("something under way", async () => {
      const seen = await Promise.all(NAMES.map((name) => upstream.seen(name)));
      return seen.every(({ active }) => active > 0);
    });
    await upstream.kill();
    await Promise.all(crowds.map(({ all }) => all));
    for (const name of NAMES) await assertGivenBack(stage, name);
    await upstream.start();
    assertEquals(await get(proxy, "/requests/now"), "200");
  }
});
