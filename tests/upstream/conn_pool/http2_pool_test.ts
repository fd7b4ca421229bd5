// HTTP/2 and automatic pools with a scripted codec: concurrency, GOAWAY, ALPN.

import { assertEquals } from "../../support/assert.ts";
import type {
  ClientConnectionCallbacks,
  ClientHttpConnection,
  Protocol,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
} from "../../../src/http/mod.ts";
import { HeaderMap } from "../../../src/http/mod.ts";
import { type WorkerCluster, WorkerClusterManager } from "../../../src/upstream/mod.ts";
import type { CodecFactory } from "../../../src/upstream/conn_pool/pool_context.ts";
import { FakeConnection } from "../../support/fakes/connection.ts";
import { assignment, Bench, endpoint, TestRequest } from "../support.ts";

/** Streams begin and end when the test says so. */
class FakeCodec implements ClientHttpConnection {
  readonly protocol: Protocol;
  readonly callbacks: ClientConnectionCallbacks;
  readonly streams: { readonly decoder: ResponseDecoder; reset: ResetReason | undefined }[] = [];
  readonly pings: number[] = [];
  resumed = 0;
  isReusable = true;
  activeStreams = 0;

  constructor(protocol: Protocol, callbacks: ClientConnectionCallbacks) {
    this.protocol = protocol;
    this.callbacks = callbacks;
  }

  newStream(decoder: ResponseDecoder): RequestEncoder {
    const stream = { decoder, reset: undefined as ResetReason | undefined };
    this.streams.push(stream);
    return {
      encodeHeaders: () => undefined,
      encodeData() {},
      encodeTrailers() {},
      enableTcpTunneling() {},
      reset: (reason) => void (stream.reset = reason),
      readDisable() {},
      bufferedBytes: 0,
      wireBytesReceived: 0,
      wireBytesSent: 0,
      headerBytesReceived: 0,
      headerBytesSent: 0,
      streamId: this.streams.length * 2 - 1,
    };
  }

  answer(index: number): void {
    this.streams[index]!.decoder.decodeHeaders(HeaderMap.of([":status", "200"]), true);
  }

  onConnectionClosed(reason: ResetReason, details: string): void {
    for (const { decoder } of this.streams) decoder.onReset(reason, details);
  }

  dispatch(): undefined {}
  onEnd(): undefined {}
  resume(): undefined {
    this.resumed++;
  }
  sendPing(opaque: number): void {
    this.pings.push(opaque);
  }
  shutdownNotice(): void {}
  goAway(): void {}
  onUnderlyingAboveWriteBufferHighWatermark(): void {}
  onUnderlyingBelowWriteBufferLowWatermark(): void {}
}

interface Http2Bench {
  readonly bench: Bench;
  readonly cluster: WorkerCluster;
  readonly connections: FakeConnection[];
  readonly codecs: FakeCodec[];
}

/** A cluster whose codecs are scripted. */
async function http2Bench(value: object): Promise<Http2Bench> {
  const bench = new Bench();
  const connections: FakeConnection[] = [];
  const codecs: FakeCodec[] = [];
  const createCodec: CodecFactory = (protocol, _connection, callbacks) => {
    const codec = new FakeCodec(protocol === "http2" ? "HTTP/2" : "HTTP/1.1", callbacks);
    codecs.push(codec);
    return codec;
  };
  const manager = new WorkerClusterManager(bench.context, {
    codecs: createCodec,
    connector: () => {
      const connection = new FakeConnection(bench.context.dispatcher);
      connections.push(connection);
      return connection;
    },
  });
  await bench.add({ ...assignment({ lb_endpoints: [endpoint(80)] }), ...value });
  const cluster = manager.apply(bench.clusters.resources()[0]!);
  return { bench, cluster, connections, codecs };
}

const HTTP2 = { http2_protocol_options: {} };

Deno.test("HTTP/2 pool: requests share one connection, also while it connects", async () => {
  const { bench, cluster, connections, codecs } = await http2Bench(HTTP2);
  const requests = [1, 2, 3].map(() => new TestRequest(bench, cluster));
  assertEquals(connections.length, 1);
  connections[0]!.connected();
  assertEquals(requests.map((request) => request.log), [["ready"], ["ready"], ["ready"]]);
  bench.run(() => codecs[0]!.answer(1));
  assertEquals(requests[1]!.log, ["ready", "headers 200 end"]);
  assertEquals(bench.stat("upstream_rq_active"), 2);
  assertEquals(bench.stat("upstream_cx_http2_total"), 1);
});

Deno.test("HTTP/2 pool: max_concurrent_streams opens more connections", async () => {
  const { bench, cluster, connections } = await http2Bench({
    http2_protocol_options: { max_concurrent_streams: 1 },
  });
  for (let i = 0; i < 3; i++) new TestRequest(bench, cluster);
  assertEquals(connections.length, 3);
});

Deno.test("HTTP/2 pool: the peer's limit holds once it is known", async () => {
  const { bench, cluster, connections, codecs } = await http2Bench(HTTP2);
  const first = new TestRequest(bench, cluster);
  connections[0]!.connected();
  bench.run(() => codecs[0]!.callbacks.onMaxStreamsChanged(1));
  const second = new TestRequest(bench, cluster);
  assertEquals([first.log, second.log, connections.length], [["ready"], [], 2]);
  bench.run(() => codecs[0]!.answer(0));
  assertEquals(second.log, ["ready"]);
});

Deno.test("HTTP/2 pool: after GOAWAY a new connection is used; old streams end in peace", async () => {
  const { bench, cluster, connections, codecs } = await http2Bench(HTTP2);
  const first = new TestRequest(bench, cluster);
  connections[0]!.connected();
  bench.run(() => codecs[0]!.callbacks.onGoAway("no_error"));
  assertEquals(bench.stat("upstream_cx_close_notify"), 1);
  new TestRequest(bench, cluster);
  assertEquals(connections.length, 2);
  bench.run(() => codecs[0]!.answer(0));
  assertEquals([first.log.length, connections[0]!.isClosed], [2, true]);
});

/** Resets of a stream and what they are counted as, as Envoy 1.40 does. */
const RESETS: readonly (readonly [ResetReason, "ours" | "the peer's", object])[] = [
  ["local_reset", "ours", { upstream_rq_tx_reset: 1 }],
  ["remote_reset", "the peer's", { upstream_rq_rx_reset: 1 }],
  ["protocol_error", "the peer's", { upstream_rq_tx_reset: 1 }],
  ["remote_refused_stream", "the peer's", {}],
  ["connect_error", "the peer's", {}],
];

for (const [reason, whose, want] of RESETS) {
  Deno.test(`HTTP/2 pool: ${whose} ${reason} ends the stream, not the connection`, async () => {
    const { bench, cluster, connections, codecs } = await http2Bench(HTTP2);
    const [first, second] = [new TestRequest(bench, cluster), new TestRequest(bench, cluster)];
    connections[0]!.connected();
    bench.run(() => {
      if (whose === "ours") first.encoder!.reset(reason);
      else codecs[0]!.streams[0]!.decoder.onReset(reason, "");
    });
    assertEquals(codecs[0]!.streams[0]!.reset, whose === "ours" ? reason : undefined);
    assertEquals(first.log, whose === "ours" ? ["ready"] : ["ready", `reset ${reason}`]);
    assertEquals(second.log, ["ready"]);
    assertEquals(bench.stats(/[tr]x_reset|destroy|eject/), want);
    assertEquals(bench.stat("upstream_rq_active"), 1);
    assertEquals(new TestRequest(bench, cluster).log, ["ready"]);
  });
}

Deno.test("HTTP/2 pool: a lost connection resets all its streams", async () => {
  const { bench, cluster, connections } = await http2Bench(HTTP2);
  const requests = [1, 2].map(() => new TestRequest(bench, cluster));
  connections[0]!.connected();
  connections[0]!.fail("remote_reset");
  for (const request of requests) {
    assertEquals(request.log, ["ready", "reset connection_termination"]);
  }
  assertEquals(cluster.circuitBreakers.default.requests, 0);
  assertEquals(bench.stat("upstream_cx_destroy_remote_with_active_rq"), 1);
});

Deno.test("HTTP/2 pool: max_requests_per_connection drains after the last", async () => {
  const { bench, cluster, connections, codecs } = await http2Bench({
    ...HTTP2,
    max_requests_per_connection: 2,
  });
  for (let i = 0; i < 3; i++) new TestRequest(bench, cluster);
  assertEquals(connections.length, 2);
  connections[0]!.connected();
  bench.run(() => codecs[0]!.answer(0));
  assertEquals(connections[0]!.isClosed, false);
  bench.run(() => codecs[0]!.answer(1));
  assertEquals(connections[0]!.isClosed, true);
});

/** PINGs on a connection with one request under way; what is noted is asked for at the end. */
const KEEPALIVES: readonly {
  readonly name: string;
  readonly settings: object;
  readonly act: (it: Http2Bench) => void;
  readonly want: { readonly pings: number; readonly isClosed: boolean };
}[] = [
  {
    name: "a PING after the interval, and the end without an answer",
    settings: { interval: "1s" },
    act: ({ bench }) => {
      bench.advance(1000);
      bench.advance(500);
    },
    want: { pings: 1, isClosed: true },
  },
  {
    name: "bytes are the answer, and the next PING comes after the interval",
    settings: { interval: "1s" },
    act: ({ bench, connections }) => {
      bench.advance(1000);
      connections[0]!.receive("x");
      bench.advance(999);
      bench.advance(10);
    },
    want: { pings: 2, isClosed: false },
  },
  {
    name: "connection_idle_interval asks before a stream after a quiet time",
    settings: { connection_idle_interval: "1s" },
    act: ({ bench, cluster }) => {
      bench.advance(1100);
      new TestRequest(bench, cluster);
      new TestRequest(bench, cluster);
    },
    want: { pings: 1, isClosed: false },
  },
  {
    name: "connection_idle_interval asks nothing of a connection that was just heard",
    settings: { connection_idle_interval: "1s" },
    act: ({ bench, cluster, connections }) => {
      bench.advance(900);
      connections[0]!.receive("x");
      bench.advance(900);
      new TestRequest(bench, cluster);
    },
    want: { pings: 0, isClosed: false },
  },
];

for (const row of KEEPALIVES) {
  Deno.test(`HTTP/2 pool, connection_keepalive: ${row.name}`, async () => {
    const it = await http2Bench({
      http2_protocol_options: {
        connection_keepalive: { timeout: "0.5s", interval_jitter: { value: 0 }, ...row.settings },
      },
    });
    const request = new TestRequest(it.bench, it.cluster);
    it.connections[0]!.connected();
    row.act(it);
    const { isClosed } = it.connections[0]!;
    assertEquals({ pings: it.codecs[0]!.pings.length, isClosed }, row.want);
    assertEquals(it.bench.stat("http2.keepalive_timeout"), isClosed ? 1 : 0);
    assertEquals(request.log, isClosed ? ["ready", "reset connection_termination"] : ["ready"]);
    // A connection that is gone leaves no timer that would ask.
    if (!isClosed) it.connections[0]!.fail("remote_reset");
    it.bench.advance(60_000);
    assertEquals(it.codecs[0]!.pings.length, row.want.pings);
  });
}

Deno.test("HTTP/2 pool: what the codec puts off goes on after the turn", async () => {
  const { bench, cluster, connections, codecs } = await http2Bench(HTTP2);
  new TestRequest(bench, cluster);
  connections[0]!.connected();
  bench.run(() => {
    codecs[0]!.callbacks.onResumable!();
    assertEquals(codecs[0]!.resumed, 0);
  });
  assertEquals(codecs[0]!.resumed, 1);
});

const AUTO = {
  transport_socket: {
    name: "tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    },
  },
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      auto_config: {},
    },
  },
};

for (
  const [alpn, protocol, http1, http2] of [["h2", "HTTP/2", 0, 1], ["", "HTTP/1.1", 1, 0]] as const
) {
  Deno.test(`automatic pool: ALPN "${alpn}" means ${protocol}`, async () => {
    const { bench, cluster, connections, codecs } = await http2Bench(AUTO);
    const request = new TestRequest(bench, cluster);
    connections[0]!.alpn = alpn;
    connections[0]!.connected();
    assertEquals([request.log, codecs[0]!.protocol], [["ready"], protocol]);
    assertEquals(
      [bench.stat("upstream_cx_http1_total"), bench.stat("upstream_cx_http2_total")],
      [http1, http2],
    );
  });
}

Deno.test("automatic pool: one connection is trusted with all until ALPN says HTTP/1.1", async () => {
  const { bench, cluster, connections } = await http2Bench(AUTO);
  const requests = [1, 2, 3].map(() => new TestRequest(bench, cluster));
  assertEquals([connections.length, bench.stat("upstream_cx_http2_total")], [1, 0]);
  connections[0]!.alpn = "http/1.1";
  connections[0]!.connected();
  // What is known now is expected of the others: one for each request left.
  assertEquals(connections.length, 3);
  for (const connection of connections.slice(1)) connection.connected();
  assertEquals(requests.map(({ log }) => log), [["ready"], ["ready"], ["ready"]]);
  assertEquals([bench.stat("upstream_cx_total"), bench.stat("upstream_cx_http1_total")], [3, 3]);
});

Deno.test("automatic pool: a connection that fails is of no protocol", async () => {
  const { bench, cluster, connections } = await http2Bench(AUTO);
  for (let i = 0; i < 2; i++) new TestRequest(bench, cluster);
  connections[0]!.fail("connect_failure");
  assertEquals(bench.stats(/upstream_cx_(total|http|active|connect_fail)/), {
    upstream_cx_connect_fail: 1,
    upstream_cx_total: 1,
  });
});

Deno.test("automatic pool: what ALPN said once is expected of the next connection", async () => {
  const { bench, cluster, connections } = await http2Bench(AUTO);
  new TestRequest(bench, cluster);
  connections[0]!.alpn = "h2";
  connections[0]!.connected();
  connections[0]!.fail("remote_close");
  for (let i = 0; i < 3; i++) new TestRequest(bench, cluster);
  assertEquals(connections.length, 2);
});

for (const downstream of ["HTTP/1.1", "HTTP/2"] as const) {
  Deno.test(`use_downstream_protocol_config: ${downstream} stays`, async () => {
    const { bench, cluster, connections, codecs } = await http2Bench({
      protocol_selection: "USE_DOWNSTREAM_PROTOCOL",
      http2_protocol_options: {},
    });
    new TestRequest(bench, cluster, { downstreamProtocol: downstream });
    connections[0]!.connected();
    assertEquals(codecs[0]!.protocol, downstream);
  });
}
