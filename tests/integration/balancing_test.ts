/**
 * Where 10,000 requests of each policy go over two workers: in turn and by weights to the request,
 * by chance within five standard deviations, by hash to the same host whichever worker has the
 * connection.
 */

import { createServer, type Socket } from "node:net";
import { assertEquals, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { httpProxyYaml } from "../support/yaml.ts";

const REQUESTS = 10_000;
const CONNECTIONS = 40;
const PIPELINED = 25;
const HOSTS = 4;
const KEYS = 200;
/** Both workers begin somewhere in their cycle, and end somewhere. */
const CYCLE_SLACK = 12;

/** A server that answers every request with its number, as fast as it can. */
async function numbered(index: number): Promise<{ port: number; close(): void }> {
  const answer = `HTTP/1.1 200 OK\r\nx-host: ${index}\r\ncontent-length: 0\r\n\r\n`;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    let rest = "";
    socket.on("data", (bytes) => {
      const heads = (rest + bytes.toString("latin1")).split("\r\n\r\n");
      rest = heads.pop()!;
      if (heads.length > 0) socket.write(answer.repeat(heads.length));
    });
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function cluster(name: string, more: string, weights: readonly number[] = [1, 1, 1, 1]): string {
  const endpoints = weights.map((weight, i) =>
    `        - { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{h${i}}} } } }, load_balancing_weight: ${weight} }`
  );
  return `
  - name: ${name}
    connect_timeout: 5s
    ${more}
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
${endpoints.join("\n")}`;
}

const alone = (i: number): string => cluster(`alone${i}`, "", [1]).replace("{{h0}}", `{{h${i}}}`);
const NAMES = ["turn", "weights", "least", "random", "ring", "maglev"];

const CONFIG = httpProxyYaml({
  routes: `
              - match: { prefix: /split }
                route: { weighted_clusters: { clusters: [{ name: alone0, weight: 10 }, { name: alone1, weight: 30 }, { name: alone2, weight: 60 }] } }
${
    NAMES.map((name) =>
      `              - { match: { prefix: /${name} }, route: { cluster: ${name}, hash_policy: [{ header: { header_name: x-key } }] } }`
    ).join("\n")
  }`,
  clusters: [
    cluster("turn", ""),
    cluster("weights", "", [1, 2, 3, 4]),
    cluster("least", "lb_policy: LEAST_REQUEST"),
    cluster("random", "lb_policy: RANDOM"),
    cluster("ring", "lb_policy: RING_HASH"),
    cluster("maglev", "lb_policy: MAGLEV"),
    ...[0, 1, 2].map(alone),
  ].join(""),
});

/** Sends one connection's share; calls `onHost` for each answer in order. */
async function send(
  port: number,
  heads: readonly string[],
  onHost: (host: number, index: number) => void,
): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  try {
    let seen = 0;
    let rest = "";
    for (let at = 0; at < heads.length; at += PIPELINED) {
      await conn.write(encoder.encode(heads.slice(at, at + PIPELINED).join("")));
      const want = Math.min(heads.length, at + PIPELINED);
      while (seen < want) {
        const length = await conn.read(buffer);
        if (length === null) throw new Error(`The proxy closed after ${seen} answers`);
        const parts = (rest + decoder.decode(buffer.subarray(0, length))).split("\r\n\r\n");
        rest = parts.pop()!;
        for (const head of parts) onHost(Number(/x-host: (\d+)/i.exec(head)?.[1]), seen++);
      }
    }
  } finally {
    conn.close();
  }
}

/** How often each host answered, and by which hosts each key was answered. */
async function run(proxy: RunningProxy, path: string): Promise<{
  readonly counts: readonly number[];
  readonly hostsOfKeys: readonly ReadonlySet<number>[];
}> {
  const counts = Array.from({ length: HOSTS }, () => 0);
  const hostsOfKeys = Array.from({ length: KEYS }, () => new Set<number>());
  const share = REQUESTS / CONNECTIONS;
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => {
    const keys = Array.from({ length: share }, (_, i) => (i + connection * 7) % KEYS);
    const heads = keys.map((key) =>
      `GET /${path} HTTP/1.1\r\nhost: a.test\r\nx-key: key-${key}\r\n\r\n`
    );
    return send(proxy.ports["plain"]!, heads, (host, i) => {
      counts[host]!++;
      hostsOfKeys[keys[i]!]!.add(host);
    });
  }));
  assertEquals(counts.reduce((sum, count) => sum + count, 0), REQUESTS);
  return { counts, hostsOfKeys };
}

/** Whether each count is as wanted, give or take `slack` requests. */
function assertNear(counts: readonly number[], want: readonly number[], slack: number): void {
  const isNear = want.every((count, i) => Math.abs(counts[i]! - count) <= slack);
  assertOk(isNear, `${counts.join(" ")}, not ${want.join(" ")} within ${slack}`);
}

const EVEN = [2500, 2500, 2500, 2500];
/** Five standard deviations of a quarter of the requests. */
const BY_CHANCE = Math.ceil(5 * Math.sqrt(REQUESTS * 0.25 * 0.75));
const TWO_PERCENT = REQUESTS * 0.02;

Deno.test("10,000 requests of each policy over two workers", async (t) => {
  const upstreams = await Promise.all([0, 1, 2, 3].map(numbered));
  const ports = Object.fromEntries(upstreams.map(({ port }, i) => [`h${i}`, port]));
  const proxy = await startProxy({ config: CONFIG, ports, args: ["--concurrency", "2"] });
  const rows = [
    { path: "turn", want: EVEN, slack: CYCLE_SLACK },
    { path: "weights", want: [1000, 2000, 3000, 4000], slack: CYCLE_SLACK },
    { path: "least", want: EVEN, slack: BY_CHANCE },
    { path: "random", want: EVEN, slack: BY_CHANCE },
    { path: "split", want: [1000, 3000, 6000, 0], slack: TWO_PERCENT },
  ];
  try {
    for (const { path, want, slack } of rows) {
      await t.step(path, async () => {
        assertNear((await run(proxy, path)).counts, want, slack);
      });
    }
    for (const path of ["ring", "maglev"]) {
      await t.step(`${path}: a key has one host on all workers`, async () => {
        const { counts, hostsOfKeys } = await run(proxy, path);
        assertEquals(hostsOfKeys.map((hosts) => hosts.size), hostsOfKeys.map(() => 1));
        assertOk(counts.every((count) => count > 0), counts.join(" "));
      });
    }
    await t.step("both workers served", async () => {
      const accepted = await proxy.admin("/stats?filter=worker_.*downstream_cx_total");
      assertEquals(accepted.split("\n").filter((line) => /: [1-9]/.test(line)).length, 2);
    });
  } finally {
    await proxy.stop();
    for (const upstream of upstreams) upstream.close();
  }
});
