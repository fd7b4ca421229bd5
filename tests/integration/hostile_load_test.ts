/**
 * What goes wrong around the proxy while it is under load: a worker that dies, SIGTERM, heads that
 * never end, breakers that are full, an upstream that comes and goes. Whatever clients get, nothing
 * stays held. Waits are for states, so that a slow machine only takes longer.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { HttpLoad } from "../support/chaos/http_load.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { RawClient } from "../support/raw_client.ts";
import { untilWithin } from "../support/until.ts";
import { anyHostYaml, bootstrapYaml, httpListenerYaml } from "../support/yaml.ts";

const TYPES = "type.googleapis.com/envoy.extensions";
const RATE_PER_S = 500;
const LIMITS = { cx: 40, rq: 50, pending: 20, retries: 10 } as const;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const until = untilWithin(60_000, { everyMs: 50 });

const HOSTS = anyHostYaml(`
              - { match: { prefix: /patient }, route: { cluster: c, timeout: 60s } }
              - match: { prefix: / }
                route:
                  cluster: c
                  timeout: 20s
                  retry_policy:
                    retry_on: connect-failure,reset
                    num_retries: 2
                    per_try_timeout: 1s`);

const CONFIG = bootstrapYaml(
  httpListenerYaml({
    name: "http",
    statPrefix: "http",
    listener: "\n    stat_prefix: http",
    manager: "\n          request_headers_timeout: 2s",
    hosts: HOSTS,
  }),
  `
  - name: c
    connect_timeout: 20s
    load_assignment:
      cluster_name: c
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: { socket_address: { address: 127.0.0.1, port_value: {{up}} } }
    circuit_breakers:
      thresholds:
      - max_connections: ${LIMITS.cx}
        max_requests: ${LIMITS.rq}
        max_pending_requests: ${LIMITS.pending}
        max_retries: ${LIMITS.retries}
        track_remaining: true
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": ${TYPES}.upstreams.http.v3.HttpProtocolOptions
        common_http_protocol_options: { idle_timeout: 0.5s }
        explicit_http_config: { http_protocol_options: {} }`,
);

/** An upstream in this process that answers after a moment, when it is told to, or not at all. */
class Upstream {
  mode: "answer" | "hold" | "stall" = "answer";
  port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => unknown)[] = [];

  /** Sends what was held back, and answers again. */
  release(): void {
    this.mode = "answer";
    for (const send of this.#held.splice(0)) send();
  }

  listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve) =>
      server.listen(this.port, "127.0.0.1", () => {
        this.port = (server.address() as { port: number }).port;
        resolve();
      })
    );
  }

  /** Resets all connections and listens no more. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server!.close(() => resolve());
      for (const socket of this.#sockets) socket.resetAndDestroy();
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (part: string) => {
      if (this.mode === "stall") return;
      text += part;
      const head = text.indexOf("\r\n\r\n");
      const size = Number(/content-length: (\d+)/.exec(text)?.[1] ?? 0);
      if (head < 0 || text.length < head + 4 + size) return;
      const body = `${text.split(" ", 2)[1]} ${size}`;
      text = "";
      const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      const send = (): unknown => socket.write(answer);
      if (this.mode === "hold") this.#held.push(send);
      else setTimeout(send, 5);
    });
  }
}

interface Stage {
  readonly proxy: RunningProxy;
  readonly upstream: Upstream;
  readonly load: HttpLoad;
}

function hostileTest(name: string, run: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name: `hostile load: ${name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const upstream = new Upstream();
      await upstream.listen();
      const proxy = await startProxy({
        config: CONFIG,
        args: ["--concurrency", "2", "--drain-time-s", "10"],
        ports: { up: upstream.port },
        main: "tests/support/faulty_main.ts",
        env: { DENVOY_TEST_FAULTS: "{{dir}}" },
      });
      const load = new HttpLoad({
        port: proxy.ports["http"]!,
        ratePerS: RATE_PER_S,
        prefixes: [""],
        maxRequests: 20_000,
      });
      let code: number;
      try {
        load.start();
        await until("the load runs", () => load.counts.ok > RATE_PER_S / 2);
        await run({ proxy, upstream, load });
        assertEquals(load.counts.mixedUp, 0);
      } finally {
        await load.stop();
        code = await proxy.stop();
        await upstream.close();
      }
      assertEquals(code, 0, proxy.stderr());
    },
  });
}

/** Answers come again, all of them good. */
async function assertServes(load: HttpLoad): Promise<void> {
  const before = load.counts.ok;
  await until("answers are good again", () => load.counts.ok > before + RATE_PER_S / 5);
}

/** After the load: gauges at zero, limits whole. */
async function assertNothingHeld({ proxy, load }: Stage): Promise<void> {
  await load.stop();
  const gauges: readonly (readonly [string, number])[] = [
    ["http.http.downstream_cx_active", 0],
    ["http.http.downstream_rq_active", 0],
    ["listener.http.downstream_cx_active", 0],
    ["cluster.c.upstream_cx_active", 0],
    ["cluster.c.upstream_rq_active", 0],
    ["cluster.c.upstream_rq_pending_active", 0],
    ...Object.entries(LIMITS).map(([name, limit]) =>
      [`cluster.c.circuit_breakers.default.remaining_${name}`, limit] as const
    ),
  ];
  for (const [name, value] of gauges) {
    await until(`${name} is ${value}`, async () => await proxy.stat(name) === value);
  }
  const hosts = await proxy.admin("/clusters");
  for (const gauge of ["cx_active", "rq_active", "rq_pending_active"]) {
    assertMatch(hosts, new RegExp(`::${gauge}::0\n`));
  }
}

for (const fault of ["exit", "grow"]) {
  hostileTest(`a worker dies (${fault}); only what it held is lost`, async (stage) => {
    const { proxy, load } = stage;
    await Deno.writeTextFile(`${proxy.dir}/${fault}-1`, "");
    await until("replaced", async () => await proxy.stat("denvoy.workers_replaced") === 1);
    await assertServes(load);
    // The limits are low: a slow machine may run into them.
    for (const failure of load.counts.failures.keys()) assertMatch(failure, /^503 .*overflow$/);
    await assertNothingHeld(stage);
  });
}

hostileTest("SIGTERM: what is under way is answered, and the process ends", async (stage) => {
  const { proxy, upstream, load } = stage;
  await load.stop();
  const clients: RawClient[] = [];
  for (let i = 0; i < 20; i++) clients.push(await RawClient.connect(proxy.ports["http"]!));
  for (const client of clients) await client.get("/patient");
  upstream.mode = "hold";
  const answers = Promise.all(clients.map((client) => client.get("/patient")));
  const active = (): Promise<number> => proxy.stat("cluster.c.upstream_rq_active");
  await until("all are under way", async () => await active() === clients.length);
  Deno.kill(proxy.pid, "SIGTERM");
  upstream.release();
  for (const answer of await answers) assertMatch(answer, /^HTTP\/1.1 200 OK/);
  for (const client of clients) client.close();
  assertEquals(await proxy.ended, 0);
});

hostileTest("1,000 heads that never end time out, and others are served", async (stage) => {
  const { proxy, load } = stage;
  const answers = { "408": 0, others: 0 };
  let open = 0;
  for (let i = 0; i < 1000; i++) {
    open++;
    const socket = connect({ port: proxy.ports["http"]!, host: "127.0.0.1" });
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.write("GET / HTTP/1.1\r\nhost: h\r\nx-never: "));
    socket.on("data", (text: string) => {
      answers[text.startsWith("HTTP/1.1 408 ") ? "408" : "others"]++;
      socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => open--);
  }
  await until("all have ended", () => open === 0);
  assertEquals(answers, { "408": 1000, others: 0 });
  await assertServes(load);
  await assertNothingHeld(stage);
});

hostileTest("a stalled upstream fills the breakers, and they empty again", async (stage) => {
  const { proxy, upstream, load } = stage;
  upstream.mode = "stall";
  const open = "cluster.c.circuit_breakers.default.rq_pending_open";
  await until("the line is full", async () => await proxy.stat(open) === 1);
  await until(
    "requests overflow",
    () => [...load.counts.failures.keys()].some((text) => text.includes("overflow")),
  );
  upstream.mode = "answer";
  await until("the line is short again", async () => await proxy.stat(open) === 0);
  await assertServes(load);
  for (const failure of load.counts.failures.keys()) assertMatch(failure, /^50[34] upstream /);
  await assertNothingHeld(stage);
});

hostileTest("an upstream that comes and goes every 100 ms", async (stage) => {
  const { upstream, load } = stage;
  for (let i = 0; i < 15; i++) {
    await upstream.close();
    await sleep(100);
    await upstream.listen();
    await sleep(100);
  }
  await assertServes(load);
  assertEquals(load.counts.broken, 0);
  for (const failure of load.counts.failures.keys()) assertMatch(failure, /^503 upstream /);
  assertOk(load.counts.failures.size > 0, "some were asked for while nobody was there");
  await assertNothingHeld(stage);
});
