// Clusters against real backends on loopback: HTTP/1.1, TCP, and a port nobody listens on.

import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { Dispatcher } from "../../src/base/mod.ts";
import {
  HeaderMap,
  type RequestEncoder,
  type ResetReason,
  type ResponseDecoder,
} from "../../src/http/mod.ts";
import type { Connection } from "../../src/net/mod.ts";
import { type WorkerCluster } from "../../src/upstream/mod.ts";
import { MainClusters } from "../../src/upstream/main_mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeContext } from "../support/fakes/compile_context.ts";
import { clusterOf, endpoint } from "../upstream/support.ts";

interface Answer {
  readonly status: string;
  readonly body: string;
  readonly connection: number;
}

/** Sends one GET and settles with the answer or with why there is none. */
class Fetch implements ResponseDecoder {
  readonly done = Promise.withResolvers<Answer | string>();
  #status = "";
  #body = "";
  #connection = 0;

  constructor(dispatcher: Dispatcher, cluster: WorkerCluster) {
    dispatcher.run(() => {
      cluster.newStream(cluster.chooseHost(undefined)!, this, {
        callbacks: {
          onPoolReady: (encoder: RequestEncoder, ready) => {
            this.#connection = ready.streamCount;
            encoder.encodeHeaders(
              HeaderMap.of(
                [":method", "GET"],
                [":scheme", "http"],
                [":authority", "a.test"],
                [":path", "/x"],
              ),
              true,
            );
          },
          onPoolFailure: (reason, text) => this.done.resolve(`${reason}: ${text}`),
        },
        priority: "default",
        downstreamProtocol: undefined,
        streamInfo: undefined,
        authority: undefined,
        isTunnel: false,
      });
    });
  }

  decode1xx(): void {}

  decodeHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#status = headers.get(":status")!;
    if (endStream) this.#finish();
  }

  decodeData(bytes: Uint8Array, endStream: boolean): void {
    this.#body += new TextDecoder().decode(bytes);
    if (endStream) this.#finish();
  }

  decodeTrailers(): void {
    this.#finish();
  }

  onReset(reason: ResetReason): void {
    this.done.resolve(reason);
  }

  onAboveWriteBufferHighWatermark(): void {}
  onBelowWriteBufferLowWatermark(): void {}

  #finish(): void {
    this.done.resolve({ status: this.#status, body: this.#body, connection: this.#connection });
  }
}

interface Backend {
  readonly port: number;
  close(): Promise<void>;
}

function listen(server: net.Server | http2.Http2Server): Promise<Backend> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () => new Promise((closed) => void server.close(() => closed())),
      });
    });
  });
}

/** Runs `test` with a cluster whose one host is the port. */
async function withCluster(
  port: number,
  more: object,
  test: (dispatcher: Dispatcher, cluster: WorkerCluster) => Promise<void>,
): Promise<void> {
  const dispatcher = new Dispatcher();
  const context = { ...fakeContext({ dispatcher }), worker: 0 };
  const clusters = new MainClusters(context, { threads: 2, onUpdate: () => {} });
  clusters.add(
    await clusterOf({
      load_assignment: { cluster_name: "c", endpoints: [{ lb_endpoints: [endpoint(port)] }] },
      ...more,
    }),
  );
  try {
    await test(dispatcher, clusters.manager.cluster("c")!);
  } finally {
    dispatcher.run(() => clusters.manager.drainConnections());
    clusters.close();
    dispatcher.timers.stop();
  }
}

Deno.test("an HTTP/1.1 backend answers, and its connection is used again", async () => {
  const server = http.createServer((request, response) => response.end(`seen ${request.url}`));
  const backend = await listen(server as unknown as net.Server);
  await withCluster(backend.port, {}, async (dispatcher, cluster) => {
    const first = await new Fetch(dispatcher, cluster).done.promise;
    const second = await new Fetch(dispatcher, cluster).done.promise;
    assertEquals(first, { status: "200", body: "seen /x", connection: 1 });
    assertEquals(second, { status: "200", body: "seen /x", connection: 2 });
  });
  await backend.close();
});

Deno.test("an HTTP/2 backend serves several requests on one connection", async () => {
  const server = http2.createServer((_request, response) => response.end("two"));
  const backend = await listen(server);
  await withCluster(backend.port, { http2_protocol_options: {} }, async (dispatcher, cluster) => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => new Fetch(dispatcher, cluster).done.promise),
    );
    assertEquals(answers, [1, 2, 3].map((n) => ({ status: "200", body: "two", connection: n })));
  });
  await backend.close();
});

Deno.test("a port nobody listens on: the reason says so", async () => {
  const backend = await listen(net.createServer());
  await backend.close();
  await withCluster(backend.port, {}, async (dispatcher, cluster) => {
    assertEquals(
      await new Fetch(dispatcher, cluster).done.promise,
      "remote_connection_failure: delayed connect error: Connection refused",
    );
  });
});

Deno.test("a TCP connection is handed over and counted until it closes", async () => {
  const server = net.createServer((socket) => {
    socket.on("data", (bytes: Uint8Array) => socket.end(bytes));
  });
  const backend = await listen(server);
  await withCluster(backend.port, {}, async (dispatcher, cluster) => {
    const closed = Promise.withResolvers<string>();
    let text = "";
    dispatcher.run(() => {
      cluster.newTcpConnection(cluster.chooseHost(undefined)!, {
        priority: "default",
        streamInfo: undefined,
        onReady: (connection: Connection) => {
          connection.events = {
            onData: (bytes) => text += new TextDecoder().decode(bytes),
            onEnd: () => connection.close("flush_write"),
            onClose: (reason) => closed.resolve(reason),
          };
          connection.output.writeLatin1("echo me");
        },
        onFailure: (reason) => closed.resolve(reason),
      });
    });
    await closed.promise;
    assertEquals(text, "echo me");
    assertEquals(cluster.circuitBreakers.default.connections, 0);
  });
  await backend.close();
});
