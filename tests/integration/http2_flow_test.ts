/**
 * Back-pressure through a real proxy process, in all pairs of HTTP versions: who does not read
 * stops who writes, and what lies in between stays small however long that takes.
 */

import * as http2 from "node:http2";
import { connect as netConnect, createServer } from "node:net";
import type { Socket } from "node:net";
import { assertEquals, assertOk } from "../support/assert.ts";
import { type RunningProxy, startProxy } from "../support/proxy.ts";
import { clusterYaml, H2, httpProxyYaml } from "../support/yaml.ts";

const CONFIG = httpProxyYaml({
  routes: `
              - { match: { prefix: /h1 }, route: { cluster: h1, timeout: 0s } }
              - { match: { prefix: /h2 }, route: { cluster: h2, timeout: 0s } }`,
  clusters: clusterYaml("h1") + clusterYaml("h2", H2),
});

const MIB = 1024 * 1024;
const BODY_BYTES = 100 * MIB;
const PIECE = new Uint8Array(256 * 1024).fill(120);
/** One window of 16 MiB, the sockets of the kernel on both ways and the proxy's own buffers. */
const HELD_LIMIT_BYTES = 40 * MIB;
const RSS_LIMIT_BYTES = 80 * MIB;

/** A stream of either client or server, Node's sockets and HTTP/2 streams alike. */
interface Pipe {
  write(bytes: Uint8Array, done: () => void): boolean;
  end(): void;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "end" | "error" | "close", listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Bytes that one end has taken from, or given to, its stream. */
class Count {
  bytes = 0;

  /** Writes `total` bytes as fast as they are taken. */
  send(pipe: Pipe, total: number, onSent: () => void): void {
    let left = total;
    const next = (): void => {
      if (left === 0) return onSent();
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      pipe.write(piece, () => {
        this.bytes += piece.length;
        next();
      });
    };
    next();
  }

  receive(pipe: Pipe): void {
    pipe.on("data", (bytes) => this.bytes += bytes.length);
  }

  /** Waits until the number has stood still for a while. */
  async settled(): Promise<number> {
    let before = -1;
    let still = 0;
    while (still < 10) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      still = this.bytes === before && before > 0 ? still + 1 : 0;
      before = this.bytes;
    }
    return this.bytes;
  }

  async reaches(total: number): Promise<void> {
    while (this.bytes < total) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Two upstreams that send a long body on GET, and take one on POST once they are told to. */
class Upstreams {
  readonly count = new Count();
  readonly ports: Record<string, number> = {};
  /** Of the POST under way. */
  upload: Pipe | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #h1 = createServer((socket) => this.#onSocket(socket));
  readonly #h2 = http2.createServer();

  async listen(): Promise<void> {
    this.#h2.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      if (headers[":method"] === "POST") return this.#take(stream as unknown as Pipe);
      stream.respond({ ":status": 200 });
      this.count.send(stream as unknown as Pipe, BODY_BYTES, () => stream.end());
    });
    this.#h2.on("connection", (socket: Socket) => this.#sockets.add(socket));
    for (const [name, server] of [["h1", this.#h1], ["h2", this.#h2]] as const) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      this.ports[name] = (server.address() as { port: number }).port;
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#h1.close();
    this.#h2.close();
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (head: Uint8Array) => {
      const text = new TextDecoder().decode(head);
      if (text.startsWith("POST")) {
        // What has come with the head is body already.
        this.count.bytes += head.length - (text.indexOf("\r\n\r\n") + 4);
        this.#take(socket as unknown as Pipe);
        return;
      }
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`);
      this.count.send(socket as unknown as Pipe, BODY_BYTES, () => {});
    });
  }

  #take(pipe: Pipe): void {
    this.upload = pipe;
    this.count.receive(pipe);
    pipe.pause();
  }
}

interface Client {
  readonly pipe: Pipe;
  close(): void;
}

type Version = "h1" | "h2";

function open(version: Version, port: number, method: "GET" | "POST", path: string): Client {
  if (version === "h2") {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const stream = session.request({ ":method": method, ":path": path }, {
      endStream: method === "GET",
    });
    stream.on("error", () => {});
    return { pipe: stream as unknown as Pipe, close: () => session.destroy() };
  }
  const socket = netConnect(port, "127.0.0.1");
  socket.on("error", () => {});
  const length = method === "GET" ? "" : `content-length: ${BODY_BYTES}\r\n`;
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: a.test\r\n${length}\r\n`);
  return { pipe: socket as unknown as Pipe, close: () => socket.destroy() };
}

/** Resident bytes of a process; 0 where the system does not tell. */
function rssOf(pid: number): number {
  if (Deno.build.os !== "linux") return 0;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

async function withProxy(
  test: (proxy: RunningProxy, upstreams: Upstreams) => Promise<void>,
): Promise<void> {
  const upstreams = new Upstreams();
  await upstreams.listen();
  const proxy = await startProxy({
    config: CONFIG,
    ports: upstreams.ports,
    args: ["--concurrency", "1", "--drain-time-s", "1"],
  });
  try {
    await test(proxy, upstreams);
  } finally {
    upstreams.close();
    const code = await proxy.stop();
    assertEquals([code, proxy.stderr()], [0, ""]);
  }
}

async function assertBounded(
  proxy: RunningProxy,
  sender: Count,
  receivedBytes: () => number,
): Promise<void> {
  const before = rssOf(proxy.pid);
  const sent = await sender.settled();
  const held = sent - receivedBytes();
  assertOk(held < HELD_LIMIT_BYTES, `${held / MIB} MiB were taken from the sender`);
  const grown = rssOf(proxy.pid) - before;
  assertOk(grown < RSS_LIMIT_BYTES, `the proxy grew by ${grown / MIB} MiB`);
}

const VERSIONS: readonly Version[] = ["h1", "h2"];

for (const downstream of VERSIONS) {
  for (const upstream of VERSIONS) {
    const pair = `${downstream} to ${upstream}`;
    Deno.test(`${pair}: a reader that stalls stops the upstream, then gets all 100 MiB`, async () => {
      await withProxy(async (proxy, upstreams) => {
        const client = open(downstream, proxy.ports["plain"]!, "GET", `/${upstream}`);
        client.pipe.pause();
        const received = new Count();
        received.receive(client.pipe);
        client.pipe.pause();
        await assertBounded(proxy, upstreams.count, () => received.bytes);
        assertEquals(received.bytes, 0);
        client.pipe.resume();
        await received.reaches(BODY_BYTES);
        client.close();
      });
    });

    Deno.test(`${pair}: an upstream that stalls stops the client, then gets all 100 MiB`, async () => {
      await withProxy(async (proxy, upstreams) => {
        const client = open(downstream, proxy.ports["plain"]!, "POST", `/${upstream}`);
        const sent = new Count();
        sent.send(client.pipe, BODY_BYTES, () => downstream === "h2" && client.pipe.end());
        await assertBounded(proxy, sent, () => upstreams.count.bytes);
        upstreams.upload!.resume();
        await upstreams.count.reaches(BODY_BYTES);
        client.close();
      });
    });
  }
}
