/**
 * Several workers: connections spread, stats add up, and one that throws, hangs, exits or eats its
 * heap does not take the others with it.
 */

import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { RawClient } from "../support/raw_client.ts";
import { untilWithin } from "../support/until.ts";
import { http1Upstream, type TestUpstream } from "../support/upstreams.ts";
import { anyHostYaml, bootstrapYaml, clusterYaml, httpListenerYaml } from "../support/yaml.ts";

/** Requests that the cluster lets be under way. */
const MAX_REQUESTS = 12;

const HOSTS = anyHostYaml(`
              - { match: { prefix: /direct }, direct_response: { status: 200, body: { inline_string: hi } } }
              - { match: { prefix: / }, route: { cluster: web, timeout: 0s } }`);

const CONFIG = bootstrapYaml(
  httpListenerYaml({ name: "plain", hosts: HOSTS }) +
    httpListenerYaml({
      name: "single",
      hosts: HOSTS,
      listener: "\n    enable_reuse_port: false",
    }) +
    httpListenerYaml({
      name: "unix",
      address: '{ pipe: { path: "{{dir}}/s.sock" } }',
      hosts: HOSTS,
    }),
  clusterYaml(
    "web",
    `\n    circuit_breakers: { thresholds: [{ max_requests: ${MAX_REQUESTS} }] }`,
  ),
);

const until = untilWithin(20_000);

interface Stage {
  readonly proxy: RunningProxy;
  connect(to?: number | string): Promise<RawClient>;
  /** Lets one of the workers do it. */
  cause(fault: string): Promise<void>;
}

function workersTest(
  name: string,
  workers: number,
  run: (stage: Stage) => Promise<void>,
  exitCode = 0,
): void {
  Deno.test({
    name: `workers: ${name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const upstream: TestUpstream = await http1Upstream((request, response) => {
        if (!request.url!.startsWith("/hold")) response.writeHead(200).end("done");
      });
      const proxy = await startProxy({
        config: CONFIG,
        args: ["--concurrency", String(workers), "--drain-time-s", "1"],
        ports: { web: upstream.port },
        main: "tests/support/faulty_main.ts",
        env: { DENVOY_TEST_FAULTS: "{{dir}}" },
      });
      const clients: RawClient[] = [];
      let code: number;
      try {
        await run({
          proxy,
          async connect(to = proxy.ports["plain"]!) {
            const client = await RawClient.connect(to);
            clients.push(client);
            return client;
          },
          cause: (fault) => Deno.writeTextFile(`${proxy.dir}/${fault}-1`, ""),
        });
      } finally {
        for (const client of clients) client.close();
        code = await proxy.stop();
        await upstream.close();
      }
      assertEquals(code, exitCode, proxy.stderr());
    },
  });
}

/** Sends a request that the upstream never answers. @returns false if it was refused */
async function hold(client: RawClient, proxy: RunningProxy): Promise<boolean> {
  const active = (): Promise<number> => proxy.stat("cluster.web.upstream_rq_active");
  const before = await active();
  let reply = "";
  client.send("GET /hold HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
  void client.rest().then((text) => reply = text || "gone");
  await until("held or refused", async () => reply !== "" || await active() > before);
  return reply === "";
}

for (const workers of [2, 4]) {
  workersTest(
    `${workers} of them share the connections, and their stats add up`,
    workers,
    async (stage) => {
      const { proxy } = stage;
      const clients: RawClient[] = [];
      for (let i = 0; i < 60; i++) clients.push(await stage.connect());
      for (const client of clients) {
        for (let i = 0; i < 5; i++) assertMatch(await client.get("/direct"), /200 OK/);
      }
      assertEquals(await proxy.stat("http.ingress.downstream_rq_total"), 300);
      assertEquals(await proxy.stat("http.ingress.downstream_cx_total"), 60);
      assertEquals(await proxy.stat("http.ingress.downstream_cx_active"), 60);
      const shares: number[] = [];
      for (let worker = 0; worker < workers; worker++) {
        const text = await proxy.admin(`/stats?filter=worker_${worker}\\.downstream_cx_total$`);
        shares.push(
          [...text.matchAll(/: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0),
        );
      }
      assertEquals(shares.reduce((a, b) => a + b), 60);
      assertOk(shares.every((share) => share > 0), `a worker has none: ${shares}`);
    },
  );
}

workersTest("one that throws counts it and goes on", 2, async (stage) => {
  const { proxy } = stage;
  const client = await stage.connect();
  await client.get("/direct");
  await stage.cause("throw");
  await until("counted", async () => await proxy.stat("denvoy.worker_faults") === 1);
  assertMatch(await client.get("/direct"), /200 OK/);
  assertEquals(await proxy.stat("denvoy.workers_replaced"), 0);
  assertMatch(proxy.stderr(), /exception in worker \d: Error: a fault of the worker/);
});

workersTest(
  "one that spins cannot be ended: the others drain, and the process ends with 1",
  2,
  async (stage) => {
    const { proxy } = stage;
    const clients: RawClient[] = [];
    for (let i = 0; i < 20; i++) clients.push(await stage.connect());
    for (const client of clients) await client.get("/direct");
    await stage.cause("hang");
    assertEquals(await proxy.ended, 1);
    assertMatch(proxy.stderr(), /worker \d is lost \(silent for \d s\)/);
    assertMatch(proxy.stderr(), /worker \d cannot be ended; the process drains and ends/);
  },
  1,
);

for (const fault of ["exit", "grow"]) {
  workersTest(
    `one is replaced after: ${fault}; counters stay, what it held is given back`,
    2,
    async (stage) => {
      const { proxy } = stage;
      for (let i = 0; i < 10; i++) await (await stage.connect()).get("/direct");
      assertEquals(await proxy.stat("http.ingress.downstream_rq_total"), 10);
      for (let i = 0; i < MAX_REQUESTS; i++) {
        assertOk(await hold(await stage.connect(), proxy), `request ${i} is refused`);
      }
      assertOk(!await hold(await stage.connect(), proxy), "the breaker does not break");
      await stage.cause(fault);
      await until("replaced", async () => await proxy.stat("denvoy.workers_replaced") === 1);
      assertEquals(await proxy.admin("/ready"), "LIVE\n");
      assertMatch(proxy.stderr(), /worker \d is lost \(/);
      // Both workers serve on all kinds of sockets, also on those that only one of them owns.
      const places = [undefined, proxy.ports["single"]!, `${proxy.dir}/s.sock`];
      for (const place of places) {
        await until(`served at ${place}`, async () => {
          const client = await stage.connect(place).catch(() => undefined);
          return (await client?.get("/direct").catch(() => ""))?.includes("200 OK") ?? false;
        });
      }
      assertOk(await proxy.stat("http.ingress.downstream_rq_total") >= 11 + MAX_REQUESTS);
      const kept = await proxy.stat("cluster.web.upstream_rq_active");
      assertOk(kept < MAX_REQUESTS, `${kept} requests survived`);
      for (let i = kept; i < MAX_REQUESTS; i++) {
        assertOk(await hold(await stage.connect(), proxy), `request ${i} is refused after all`);
      }
      assertOk(!await hold(await stage.connect(), proxy), "the breaker lets too many in");
    },
  );
}
