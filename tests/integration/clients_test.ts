/**
 * Real clients through a real proxy process: Node's HTTP/1.1 and HTTP/2, a WebSocket, gRPC with all
 * kinds of streaming; curl, h2load and wrk where they are installed. HTTP/1.1 and HTTP/2 downstream,
 * plain and TLS.
 */

import * as http2 from "node:http2";
import { createHash } from "node:crypto";
import { ensureDevCertificate } from "../../src/cli/dev_certificate.ts";
import { assertEquals, assertMatch, assertOk } from "../support/assert.ts";
import { hasTool, type RunningProxy, startProxy } from "../support/proxy.ts";
import {
  frame,
  grpcUpstream,
  http1Upstream,
  MessageReader,
  type TestUpstream,
} from "../support/upstreams.ts";
import {
  anyHostYaml,
  bootstrapYaml,
  clusterYaml,
  H2,
  httpListenerYaml,
  tlsChainYaml,
} from "../support/yaml.ts";

const MANAGER = {
  manager: "\n          upgrade_configs: [{ upgrade_type: websocket }]",
  hosts: anyHostYaml(`
              - { match: { prefix: /t.T/ }, route: { cluster: grpc, timeout: 0s } }
              - { match: { prefix: /ws }, route: { cluster: ws } }
              - { match: { prefix: / }, route: { cluster: web } }`),
};

const config = (certs: string): string =>
  bootstrapYaml(
    httpListenerYaml({ name: "plain", ...MANAGER }) +
      httpListenerYaml({ name: "tls", ...MANAGER, chain: tlsChainYaml(certs) }),
    clusterYaml("web") + clusterYaml("ws") + clusterYaml("grpc", H2),
  );

/** A WebSocket echo server. */
function webSocketUpstream(): TestUpstream {
  let seen = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    seen++;
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = (event) => socket.send(`echo ${event.data}`);
    return response;
  });
  return {
    port: (server.addr as Deno.NetAddr).port,
    seen: () => seen,
    close: () => server.shutdown(),
  };
}

interface Stage {
  readonly proxy: RunningProxy;
  readonly certs: string;
}

async function onStage(test: (stage: Stage) => Promise<void>): Promise<void> {
  const certs = await Deno.makeTempDir({ prefix: "denvoy-certs-" });
  await ensureDevCertificate(certs);
  const upstreams = {
    web: await http1Upstream(),
    ws: webSocketUpstream(),
    grpc: await grpcUpstream(),
  };
  const ports = Object.fromEntries(
    Object.entries(upstreams).map(([name, { port }]) => [name, port]),
  );
  const proxy = await startProxy({
    config: config(certs),
    ports,
    args: ["--concurrency", "2", "--drain-time-s", "1"],
  });
  try {
    await test({ proxy, certs });
  } finally {
    const code = await proxy.stop();
    await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
    await Deno.remove(certs, { recursive: true });
    assertEquals([code, proxy.stderr()], [0, ""]);
  }
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly trailers: http2.IncomingHttpHeaders;
}

function request(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  parts: readonly Uint8Array[] = [],
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const chunks: Uint8Array[] = [];
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (got) => head = got);
    stream.on("trailers", (got) => trailers = got);
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () => {
      const body = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks) {
        body.set(chunk, at);
        at += chunk.length;
      }
      resolve({ headers: head, body, trailers });
    });
    for (const part of parts) stream.write(part);
    stream.end();
  });
}

function messagesOf(body: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  new MessageReader((message) => messages.push(message)).feed(body);
  return messages;
}

const GRPC = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };

async function checkGrpc(session: http2.ClientHttp2Session): Promise<void> {
  const hello = new TextEncoder().encode("hello");
  const unary = await request(session, { ...GRPC, ":path": "/t.T/Unary" }, [frame(hello)]);
  assertEquals([
    messagesOf(unary.body).map((m) => new TextDecoder().decode(m)),
    unary.trailers["grpc-status"],
  ], [["hello"], "0"]);
  const down = await request(session, { ...GRPC, ":path": "/t.T/Down" }, [frame(hello)]);
  assertEquals([messagesOf(down.body).length, down.trailers["grpc-status"]], [100, "0"]);
  const up = await request(
    session,
    { ...GRPC, ":path": "/t.T/Up" },
    Array.from({ length: 50 }, () => frame(hello)),
  );
  assertEquals([messagesOf(up.body)[0]?.[0], up.trailers["grpc-status"]], [50, "0"]);
  const both = await request(session, { ...GRPC, ":path": "/t.T/Both" }, [
    frame(hello),
    frame(hello),
  ]);
  assertEquals([messagesOf(both.body).length, both.trailers["grpc-status"]], [2, "0"]);
  const fail = await request(session, { ...GRPC, ":path": "/t.T/Fail" }, [frame(hello)]);
  assertEquals(fail.headers["grpc-status"], "7");
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("fetch over HTTP/1.1: bodies up and down arrive whole, and stats agree with the count", async () => {
  await onStage(async ({ proxy }) => {
    const body = new Uint8Array(3_000_000).map((_, i) => i % 251);
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    for (let i = 0; i < 3; i++) {
      const response = await fetch(`http://127.0.0.1:${proxy.ports["plain"]}/big`, {
        method: "POST",
        body,
      });
      assertEquals(response.headers.get("x-seen"), "POST /big 3000000");
      assertEquals(digest(new Uint8Array(await response.arrayBuffer())), digest(body));
    }
    assertEquals(await proxy.stat("http.ingress.downstream_rq_2xx"), 3);
    assertEquals(await proxy.stat("cluster.web.upstream_rq_200"), 3);
  });
});

Deno.test("node:http2 over TLS and over cleartext: requests and gRPC of all four kinds", async () => {
  await onStage(async ({ proxy, certs }) => {
    const ca = Deno.readTextFileSync(`${certs}/cert.pem`);
    for (
      const url of [
        `https://localhost:${proxy.ports["tls"]}`,
        `http://127.0.0.1:${proxy.ports["plain"]}`,
      ]
    ) {
      const session = http2.connect(url, { ca } as http2.SecureClientSessionOptions);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => request(session, { ":path": `/n/${i}` })),
      );
      assertEquals(
        answers.map((answer) => answer.headers["x-seen"]),
        answers.map((_, i) => `GET /n/${i} 0`),
      );
      await checkGrpc(session);
      await new Promise<void>((resolve) => session.close(resolve));
    }
  });
});

Deno.test("a WebSocket client talks through, and its bytes are not touched", async () => {
  await onStage(async ({ proxy }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.ports["plain"]}/ws`);
    const got: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => socket.send("one");
      socket.onerror = () => reject(new Error("the socket failed"));
      socket.onmessage = (event) => {
        got.push(event.data);
        if (got.length === 1) socket.send("two".repeat(10_000));
        else socket.close();
      };
      socket.onclose = () => resolve();
    });
    assertEquals([got[0], got[1]?.length], ["echo one", 30_005]);
    assertEquals(await proxy.stat("http.ingress.downstream_cx_upgrades_total"), 1);
  });
});

// Optional tools: what a machine lacks is not tested there, and the name of the test says so.
const CURL = hasTool("curl");
if (CURL) {
  Deno.test("curl: HTTP/1.1, HTTP/2 over TLS, upload and HEAD", async () => {
    await onStage(async ({ proxy, certs }) => {
      const plain = `http://127.0.0.1:${proxy.ports["plain"]}`;
      const tls = `https://localhost:${proxy.ports["tls"]}`;
      assertMatch(
        await run("curl", ["-si", `${plain}/c`]),
        /^HTTP\/1\.1 200 OK\r\n[^]*x-seen: GET \/c 0/,
      );
      assertMatch(
        await run("curl", ["-si", "--cacert", `${certs}/cert.pem`, `${tls}/c`]),
        /^HTTP\/2 200 \r?\n/,
      );
      assertMatch(
        await run("curl", ["-si", "--http1.1", "--cacert", `${certs}/cert.pem`, `${tls}/c`]),
        /^HTTP\/1\.1 200 OK/,
      );
      assertMatch(
        await run("curl", ["-si", "-d", "abc", `${plain}/c`]),
        /x-seen: POST \/c 3[^]*abc$/,
      );
      assertMatch(await run("curl", ["-sI", `${plain}/c`]), /^HTTP\/1\.1 200 OK/);
    });
  });
}
if (hasTool("h2load")) {
  Deno.test("h2load: 2,000 requests on TLS and cleartext HTTP/2, none fails", async () => {
    await onStage(async ({ proxy }) => {
      for (
        const url of [
          `https://127.0.0.1:${proxy.ports["tls"]}/l`,
          `http://127.0.0.1:${proxy.ports["plain"]}/l`,
        ]
      ) {
        assertMatch(
          await run("h2load", ["-n", "2000", "-c", "8", "-m", "8", url]),
          /2000 succeeded, 0 failed/,
        );
      }
      assertEquals(await proxy.stat("http.ingress.downstream_rq_2xx"), 4000);
    });
  });
}
if (hasTool("wrk")) {
  Deno.test("wrk: one second of keep-alive load without an error, counted alike", async () => {
    await onStage(async ({ proxy }) => {
      const out = await run("wrk", [
        "-t1",
        "-c16",
        "-d1",
        `http://127.0.0.1:${proxy.ports["plain"]}/w`,
      ]);
      assertOk(!/Socket errors|Non-2xx/.test(out), out);
      const counted = Number(/(\d+) requests in/.exec(out)?.[1]);
      const stat = await proxy.stat("http.ingress.downstream_rq_2xx");
      // wrk leaves up to one unfinished request a connection behind.
      assertOk(stat >= counted && stat <= counted + 16, `wrk ${counted}, stats ${stat}`);
    });
  });
}
