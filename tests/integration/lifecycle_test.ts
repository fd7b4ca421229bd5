/**
 * The life of the process: signals, drains, log files, workers, bad starts. All rows run a real
 * proxy and end it by its pid.
 */

import * as http2 from "node:http2";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { RawClient } from "../support/raw_client.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { untilWithin } from "../support/until.ts";
import { http1Upstream, type TestUpstream } from "../support/upstreams.ts";
import { anyHostYaml, bootstrapYaml, clusterYaml, httpListenerYaml } from "../support/yaml.ts";

const FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

const listener = (name: string, more = ""): string =>
  httpListenerYaml({
    name,
    listener: more,
    manager: `
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": ${FILE_LOG}
              path: "{{dir}}/access.log"
              log_format: { text_format_source: { inline_string: "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS%\\n" } }`,
    hosts: anyHostYaml(`
              - { match: { prefix: /direct }, direct_response: { status: 200, body: { inline_string: hi } } }
              - { match: { prefix: / }, route: { cluster: web, timeout: 0s } }`),
  });

/** Answers `/hold` when told to, everything else at once. */
class HoldingUpstream {
  readonly #upstream: TestUpstream;
  readonly #waiting: Map<string, () => void>;
  readonly #held: (() => void)[];

  private constructor(
    upstream: TestUpstream,
    waiting: Map<string, () => void>,
    held: (() => void)[],
  ) {
    this.#upstream = upstream;
    this.#waiting = waiting;
    this.#held = held;
  }

  static async start(): Promise<HoldingUpstream> {
    const waiting = new Map<string, () => void>();
    const held: (() => void)[] = [];
    const upstream = await http1Upstream((request, response) => {
      const answer = (): void => void response.writeHead(200).end("done");
      if (!request.url!.startsWith("/hold")) return answer();
      waiting.set(request.url!, answer);
      for (const tell of held.splice(0)) tell();
    });
    return new HoldingUpstream(upstream, waiting, held);
  }

  get port(): number {
    return this.#upstream.port;
  }

  /** Until a request for `path` has come. */
  async has(path: string): Promise<void> {
    while (!this.#waiting.has(path)) {
      await new Promise<void>((resolve) => this.#held.push(resolve));
    }
  }

  answer(path: string): void {
    this.#waiting.get(path)!();
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }
}

interface Stage {
  readonly proxy: RunningProxy;
  readonly upstream: HoldingUpstream;
  connect(name?: string): Promise<RawClient>;
}

interface Row {
  readonly name: string;
  readonly listeners?: string;
  readonly args?: readonly string[];
  run(stage: Stage): Promise<void>;
}

const until = untilWithin(20_000, { everyMs: 10 });

async function refuses(stage: Stage, name = "plain"): Promise<boolean> {
  try {
    (await stage.connect(name)).close();
    return false;
  } catch {
    return true;
  }
}

/** How a row tells the process to end; each leads to the same drain. */
const ENDINGS: readonly (readonly [string, (proxy: RunningProxy) => unknown])[] = [
  ["SIGTERM", (proxy) => Deno.kill(proxy.pid, "SIGTERM")],
  ["SIGINT", (proxy) => Deno.kill(proxy.pid, "SIGINT")],
  ["POST /quitquitquit", (proxy) => proxy.admin("/quitquitquit", "POST")],
];

const ROWS: readonly Row[] = [
  ...ENDINGS.map(([how, end]): Row => ({
    name:
      `${how} with idle connections ends them and the process, with 0, long before the drain time`,
    args: ["--drain-time-s", "60"],
    async run(stage) {
      const used = await stage.connect();
      assertMatch(await used.get("/direct"), /200 OK/);
      const unused = await stage.connect();
      const began = performance.now();
      await end(stage.proxy);
      assertEquals(await used.rest(), "");
      assertEquals(await unused.rest(), "");
      assertEquals(await stage.proxy.ended, 0);
      assertOk(performance.now() - began < 4000, "an idle connection held up the exit");
    },
  })),
  ...ENDINGS.map(([how, end]): Row => ({
    name: `${how} lets a request under way finish, with connection: close; nobody new is let in`,
    args: ["--drain-time-s", "60"],
    async run(stage) {
      const client = await stage.connect();
      client.send("GET /hold HTTP/1.1\r\nhost: h\r\n\r\n");
      await stage.upstream.has("/hold");
      await end(stage.proxy);
      await until("refused", () => refuses(stage));
      assertEquals(await stage.proxy.admin("/ready"), "DRAINING\n");
      stage.upstream.answer("/hold");
      const reply = await client.rest();
      assertMatch(reply, /^HTTP\/1\.1 200 OK\r\n/);
      assertMatch(reply, /\r\nconnection: close\r\n/);
      assertMatch(reply, /done/);
      assertEquals(await stage.proxy.ended, 0);
    },
  })),
  {
    name: "A request that does not finish is cut at the drain time, logged, and the exit code is 0",
    args: ["--drain-time-s", "1"],
    async run(stage) {
      const client = await stage.connect();
      client.send("GET /hold HTTP/1.1\r\nhost: h\r\n\r\n");
      await stage.upstream.has("/hold");
      Deno.kill(stage.proxy.pid, "SIGTERM");
      assertEquals(await client.rest(), "");
      assertEquals(await stage.proxy.ended, 0);
      assertMatch(await Deno.readTextFile(`${stage.proxy.dir}/access.log`), /^\/hold 0 \S+\n$/);
    },
  },
  {
    name: "A second SIGTERM ends the process at once, with 0",
    args: ["--drain-time-s", "600"],
    async run(stage) {
      const client = await stage.connect();
      client.send("GET /hold HTTP/1.1\r\nhost: h\r\n\r\n");
      await stage.upstream.has("/hold");
      Deno.kill(stage.proxy.pid, "SIGTERM");
      await until("refused", () => refuses(stage));
      Deno.kill(stage.proxy.pid, "SIGTERM");
      await client.rest();
      assertEquals(await stage.proxy.ended, 0);
    },
  },
  {
    name:
      "A new connection may bring its one request while the process ends (a race with the close)",
    args: ["--drain-time-s", "60"],
    async run(stage) {
      const fresh = await stage.connect();
      const other = await stage.connect();
      other.send("GET /hold HTTP/1.1\r\nhost: h\r\n\r\n");
      await stage.upstream.has("/hold");
      Deno.kill(stage.proxy.pid, "SIGTERM");
      await until("refused", () => refuses(stage));
      const reply = await fresh.get("/direct");
      assertMatch(reply, /connection: close/);
      stage.upstream.answer("/hold");
      assertEquals(await stage.proxy.ended, 0);
    },
  },
  {
    name: "HTTP/2 hears of the end in two steps and its stream under way finishes",
    args: ["--drain-time-s", "60"],
    async run(stage) {
      const session = http2.connect(`http://127.0.0.1:${stage.proxy.ports["plain"]}`);
      const goaways: number[] = [];
      session.on("goaway", (_code, lastStream) => goaways.push(lastStream));
      const request = session.request({ ":path": "/hold" });
      const parts: string[] = [];
      request.setEncoding("utf8").on("data", (part: string) => parts.push(part));
      const done = new Promise((resolve) => request.on("close", resolve));
      await stage.upstream.has("/hold");
      Deno.kill(stage.proxy.pid, "SIGTERM");
      await until("two GOAWAYs", () => goaways.length === 2);
      stage.upstream.answer("/hold");
      await done;
      assertEquals(parts.join(""), "done");
      assertEquals(goaways, [2 ** 31 - 1, 1]);
      assertEquals(await stage.proxy.ended, 0);
      session.destroy();
    },
  },
  {
    name: "SIGHUP changes nothing; SIGUSR1 leaves no inspector open",
    async run(stage) {
      const log = `${stage.proxy.dir}/access.log`;
      await Deno.rename(log, `${log}.0`);
      Deno.kill(stage.proxy.pid, "SIGHUP");
      Deno.kill(stage.proxy.pid, "SIGUSR1");
      await until("reopened", () => exists(log));
      await until("inspector shut", async () => {
        try {
          (await Deno.connect({ hostname: "127.0.0.1", port: 9229 })).close();
          return false;
        } catch {
          return true;
        }
      }, 2000);
      assertEquals(await stage.proxy.admin("/ready"), "LIVE\n");
      assertMatch(await (await stage.connect()).get("/direct"), /200 OK/);
    },
  },
  ...["SIGUSR1", "POST /reopen_logs"].map((how): Row => ({
    name: `${how} under load reopens the log on two workers and loses no line`,
    args: ["--concurrency", "2", "--file-flush-interval-msec", "5"],
    async run(stage) {
      const { dir } = stage.proxy;
      let isOver = false;
      let sent = 0;
      const load = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const client = await stage.connect();
          for (let i = 0; i < 20; i++) {
            await client.get("/direct");
            sent++;
          }
          client.close();
        }
      });
      for (let turn = 0; turn < 3; turn++) {
        await until("lines", async () => (await linesOf(`${dir}/access.log`)) > 100);
        await Deno.rename(`${dir}/access.log`, `${dir}/access.log.${turn}`);
        if (how === "SIGUSR1") Deno.kill(stage.proxy.pid, "SIGUSR1");
        else assertEquals(await stage.proxy.admin("/reopen_logs", "POST"), "OK\n");
        await until("a new file", async () => (await linesOf(`${dir}/access.log`)) > 0);
      }
      isOver = true;
      await Promise.all(load);
      const names = ["access.log", "access.log.0", "access.log.1", "access.log.2"];
      const count = async (): Promise<number> => {
        const counts = await Promise.all(names.map((name) => linesOf(`${dir}/${name}`)));
        return counts.reduce((sum, lines) => sum + lines, 0);
      };
      await until("all lines", async () => await count() === sent, 3000).catch(() => {});
      assertEquals(await count(), sent);
    },
  })),
  {
    name: "/drain_listeners refuses new connections at once; old ones and /ready stay",
    async run(stage) {
      const old = await stage.connect();
      await old.get("/direct");
      assertEquals(await stage.proxy.admin("/drain_listeners", "POST"), "OK\n");
      await until("refused", () => refuses(stage));
      const reply = await old.get("/direct");
      assertMatch(reply, /200 OK/);
      assertOk(!reply.includes("connection: close"));
      assertEquals(await stage.proxy.admin("/ready"), "LIVE\n");
    },
  },
  {
    name: "/drain_listeners?graceful says connection: close and refuses after the drain time",
    args: ["--drain-time-s", "2", "--drain-strategy", "immediate"],
    async run(stage) {
      assertEquals(await stage.proxy.admin("/drain_listeners?graceful", "POST"), "OK\n");
      await until("closes", async () => {
        const client = await stage.connect();
        return (await client.get("/direct")).includes("connection: close");
      });
      await until("refused", () => refuses(stage));
      assertEquals(await stage.proxy.admin("/ready"), "LIVE\n");
    },
  },
  {
    name: "/drain_listeners?skip_exit says connection: close and never refuses",
    args: ["--drain-time-s", "1"],
    async run(stage) {
      await stage.proxy.admin("/drain_listeners?graceful&skip_exit", "POST");
      const began = performance.now();
      await until("drain time over", () => performance.now() - began > 1200);
      for (let i = 0; i < 5; i++) {
        const client = await stage.connect();
        assertMatch(await client.get("/direct"), /connection: close/);
        client.close();
      }
    },
  },
  {
    name: "/drain_listeners?inboundonly leaves other listeners open",
    listeners: listener("plain", "\n    traffic_direction: INBOUND") + listener("other"),
    async run(stage) {
      await stage.proxy.admin("/drain_listeners?inboundonly", "POST");
      await until("refused", () => refuses(stage));
      assertMatch(await (await stage.connect("other")).get("/direct"), /200 OK/);
    },
  },
  {
    name: "/healthcheck/fail turns /ready to 503 DRAINING, /healthcheck/ok back",
    async run(stage) {
      const ready = (): Promise<Response> =>
        fetch(`http://127.0.0.1:${stage.proxy.adminPort}/ready`);
      await stage.proxy.admin("/healthcheck/fail", "POST");
      const failed = await ready();
      assertEquals([failed.status, await failed.text()], [503, "DRAINING\n"]);
      await stage.proxy.admin("/healthcheck/ok", "POST");
      const live = await ready();
      assertEquals([live.status, await live.text()], [200, "LIVE\n"]);
    },
  },
];

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

async function linesOf(path: string): Promise<number> {
  try {
    return (await Deno.readTextFile(path)).split("\n").length - 1;
  } catch {
    return 0;
  }
}

for (const row of ROWS) {
  Deno.test({
    name: `lifecycle: ${row.name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const upstream = await HoldingUpstream.start();
      const clients: RawClient[] = [];
      const proxy = await startProxy({
        config: bootstrapYaml(row.listeners ?? listener("plain"), clusterYaml("web")),
        args: row.args ?? [],
        ports: { web: upstream.port },
      });
      try {
        await row.run({
          proxy,
          upstream,
          async connect(name = "plain") {
            const client = await RawClient.connect(proxy.ports[name]!);
            clients.push(client);
            return client;
          },
        });
      } finally {
        for (const client of clients) client.close();
        await proxy.stop();
        await upstream.close();
      }
    },
  });
}
