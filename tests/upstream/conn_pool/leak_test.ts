// What is left after many requests that went wrong: no connection, no timer, no count of a limit.

import { HOST_STAT, type TcpRequest, type WorkerCluster } from "../../../src/upstream/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import type { FakeConnection } from "../../support/fakes/connection.ts";
import { frame, uint32 } from "../../support/http2.ts";
import { assignment, Bench, endpoint, TestRequest } from "../support.ts";

const TIMES = 50;
const HOURS_MS = 3 * 3_600_000;

interface Scene {
  readonly bench: Bench;
  readonly cluster: WorkerCluster;
  /** The connection made last. */
  readonly last: () => FakeConnection;
  readonly request: () => TestRequest;
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const SETTINGS = text(frame(4, 0, 0));
const rst = (id: number, code: number) => text(frame(3, 0, id, uint32(code)));
const goAway = (id: number) => text(frame(7, 0, 0, [...uint32(id), ...uint32(0)]));
/** `:status: 200` of the static table, without END_STREAM. */
const HEADERS = (id: number) => text(frame(1, 4, id, [0x88]));
const HALF_ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";

/** Everything that a cluster counts while something is under way. */
function leftovers({ bench, cluster }: Scene): object {
  const { default: breaker, high } = cluster.circuitBreakers;
  return {
    open: bench.connections.filter(({ isClosed }) => !isClosed).length,
    connections: breaker.connections + high.connections,
    pending: breaker.pendingRequests + high.pendingRequests,
    requests: breaker.requests + high.requests,
    gauges: bench.stats(/_active$/),
    hosts: cluster.hostSets[0]!.hosts.map((host) =>
      host.activeRequests + host.stats.get(HOST_STAT.cxActive)
    ),
    timers: bench.clock.sleeping,
  };
}

const NOTHING = {
  open: 0,
  connections: 0,
  pending: 0,
  requests: 0,
  gauges: {},
  hosts: [0],
  timers: 0,
};

/** A request on a connection that stands; HTTP/2's with SETTINGS exchanged. */
function running(scene: Scene): TestRequest {
  const before = scene.bench.connections.length;
  const request = scene.request();
  if (scene.bench.connections.length > before) {
    scene.last().connected();
    if (scene.last().written().startsWith("PRI")) scene.last().receive(SETTINGS);
  }
  return request;
}

interface Row {
  readonly name: string;
  readonly fields?: object;
  readonly act: (scene: Scene) => void;
}

const ANY: readonly Row[] = [
  {
    name: "connects that are refused",
    act: ({ request, last }) => {
      request();
      last().fail("connect_failure", "refused");
    },
  },
  {
    name: "connects that take too long",
    act: ({ request, bench }) => {
      request();
      bench.advance(5_000);
    },
  },
  {
    name: "connects that fail with connections ahead",
    fields: { preconnect_policy: { per_upstream_preconnect_ratio: 3 } },
    act: ({ request, bench }) => {
      request();
      for (const connection of bench.connections) connection.fail("connect_failure");
    },
  },
  {
    name: "requests cancelled while they wait, on connections that never come",
    act: ({ request, bench }) => {
      const waiting = request();
      bench.run(() => waiting.pending!.cancel());
    },
  },
  {
    name: "requests cancelled after the connect timed out",
    act: ({ request, bench }) => {
      const waiting = request();
      bench.advance(5_000);
      bench.run(() => waiting.pending!.cancel());
    },
  },
  {
    name: "upstreams that stall until the router gives up",
    act: (scene) => {
      const request = running(scene);
      scene.bench.run(() => request.encoder!.reset("local_reset"));
    },
  },
  {
    name: "connections lost under a request",
    act: (scene) => {
      running(scene);
      scene.last().fail("remote_reset");
    },
  },
  {
    name: "peers that end the connection under a request",
    act: (scene) => {
      running(scene);
      scene.last().endOfInput();
    },
  },
  {
    name: "nonsense in place of an answer",
    act: (scene) => {
      running(scene);
      scene.last().receive("\x7f".repeat(20));
    },
  },
  {
    name: "requests over the limit",
    fields: { circuit_breakers: { thresholds: [{ max_requests: 1, max_pending_requests: 1 }] } },
    act: (scene) => {
      const requests = [running(scene), scene.request(), scene.request()];
      for (const { encoder, pending } of requests) {
        scene.bench.run(() =>
          encoder === undefined ? pending?.cancel() : encoder.reset("overflow")
        );
      }
    },
  },
];

const HTTP1_ONLY: readonly Row[] = [
  {
    name: "answers that stop halfway",
    act: (scene) => {
      const request = running(scene);
      scene.last().receive(HALF_ANSWER);
      scene.bench.run(() => request.encoder!.reset("local_reset"));
    },
  },
  {
    name: "answers that end halfway",
    act: (scene) => {
      running(scene);
      scene.last().receive(HALF_ANSWER);
      scene.last().fail("remote_close");
    },
  },
];

const HTTP2_ONLY: readonly Row[] = [
  {
    name: "streams that the peer resets",
    act: (scene) => {
      const request = running(scene);
      scene.last().receive(rst(request.encoder!.streamId!, 8));
    },
  },
  {
    name: "streams that the peer refuses halfway through the answer",
    act: (scene) => {
      const request = running(scene);
      const id = request.encoder!.streamId!;
      scene.last().receive(HEADERS(id) + rst(id, 7));
    },
  },
  {
    name: "GOAWAY that refuses the stream",
    act: (scene) => {
      running(scene);
      scene.last().receive(goAway(0));
    },
  },
  {
    name: "GOAWAY, and streams that the router ends later",
    act: (scene) => {
      const request = running(scene);
      scene.last().receive(goAway(request.encoder!.streamId!));
      scene.bench.run(() => request.encoder!.reset("local_reset"));
    },
  },
  {
    name: "peers that do not answer PINGs",
    fields: {
      http2_protocol_options: { connection_keepalive: { interval: "1s", timeout: "1s" } },
    },
    act: (scene) => {
      running(scene);
      scene.bench.advance(3_000);
    },
  },
];

async function play(fields: object, row: Row): Promise<void> {
  const bench = new Bench();
  const cluster = await bench.add({
    ...assignment({ lb_endpoints: [endpoint(1)] }),
    connect_timeout: "5s",
    ...fields,
    ...row.fields,
  });
  const scene: Scene = {
    bench,
    cluster,
    last: () => bench.connections.at(-1)!,
    request: () => new TestRequest(bench, cluster),
  };
  for (let i = 0; i < TIMES; i++) row.act(scene);
  // Connects that hang time out, connections without work end at the idle timeout.
  bench.advance(10_000);
  bench.advance(HOURS_MS);
  assertEquals(leftovers(scene), NOTHING);
}

for (const row of [...ANY, ...HTTP1_ONLY]) {
  Deno.test(`HTTP/1 pool keeps nothing after ${row.name}`, () => play({}, row));
}
for (const row of [...ANY, ...HTTP2_ONLY]) {
  Deno.test(`HTTP/2 pool keeps nothing after ${row.name}`, () =>
    play({ http2_protocol_options: {} }, row));
}

/** A TCP connection for one user, with what becomes of it. */
function tcp({ bench, cluster }: Scene): { log: string[]; end: () => void } {
  const log: string[] = [];
  let end = (): void => {};
  const request: TcpRequest = {
    priority: "default",
    onReady: (connection) => {
      log.push("ready");
      end = () => connection.close("no_flush");
    },
    onFailure: (reason) => log.push(reason),
    streamInfo: undefined,
  };
  bench.run(() => {
    const pending = cluster.newTcpConnection(cluster.chooseHost(undefined)!, request);
    end = () => pending?.cancel();
  });
  return { log, end: () => bench.run(() => end()) };
}

const TCP: readonly (Row & { readonly want: readonly string[] })[] = [
  {
    name: "connects that are refused",
    act: ({ last }) => last().fail("connect_failure"),
    want: ["remote_connection_failure"],
  },
  {
    name: "connects that take too long",
    act: ({ bench }) => bench.advance(5_000),
    want: ["timeout"],
  },
  { name: "users that leave while it connects", act: () => {}, want: [] },
  {
    name: "users that leave once it is made",
    act: ({ last }) => last().connected(),
    want: ["ready"],
  },
  {
    name: "peers that reset",
    act: ({ last }) => {
      last().connected();
      last().fail("remote_reset");
    },
    want: ["ready"],
  },
];

for (const row of TCP) {
  Deno.test(`TCP connections leave nothing after ${row.name}`, () =>
    play({}, {
      ...row,
      act: (scene) => {
        const { log, end } = tcp(scene);
        row.act(scene);
        end();
        assertEquals(log, row.want);
      },
    }));
}
