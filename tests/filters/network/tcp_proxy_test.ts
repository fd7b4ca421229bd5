/** The TCP proxy between two fake connections: bytes, ends, resets, attempts, timeouts. */

import { Dispatcher, SeededRandom, xxHash64 } from "../../../src/base/mod.ts";
import { tcpProxyFactory } from "../../../src/filters/network/tcp_proxy.ts";
import type { NetworkFilter } from "../../../src/filter_chain/mod.ts";
import { formatFlags, StreamInfo } from "../../../src/http/mod.ts";
import { StateText } from "../../../src/filters/network/tcp_proxy_state.ts";
import type {
  Host,
  LoadBalancerContext,
  PoolFailureReason,
  TcpRequest,
} from "../../../src/upstream/mod.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { fakeContext } from "../../support/fakes/compile_context.ts";
import { FakeConnection } from "../../support/fakes/connection.ts";
import { fakeConnection } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

const TYPE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
/** What the host's monitor was told. */
const judged: string[] = [];
const HOST = {
  monitor: {
    putConnectedAlone: () => judged.push("connected"),
    putLocalFailure: (status: number) => judged.push(`failure ${status}`),
  },
  address: { kind: "ip", host: "127.0.0.1", port: 9 },
  hostname: "",
  metadata: undefined,
  locality: { region: "", zone: "", subZone: "" },
} as unknown as Host;

interface ProxyOptions {
  readonly hasHosts?: boolean;
  /** Filter state that filters before it set. */
  readonly state?: Readonly<Record<string, string>>;
}

class Proxy {
  readonly clock = new FakeClock();
  readonly dispatcher: Dispatcher;
  readonly downstream: FakeConnection;
  readonly upstream: FakeConnection;
  readonly info = new StreamInfo(fakeConnection(), 0, 0);
  readonly filter: NetworkFilter;
  readonly requests: TcpRequest[] = [];
  readonly chosen: string[] = [];
  /** What the balancer was shown last. */
  choice: LoadBalancerContext | undefined = undefined;
  #host: Host | undefined = HOST;

  static async create(message: object, options: ProxyOptions = {}): Promise<Proxy> {
    const decoded = await decodeMessage<object>(TYPE, { stat_prefix: "t", ...message });
    return new Proxy(decoded.message, options);
  }

  private constructor(message: object, { hasHosts = true, state = {} }: ProxyOptions) {
    for (const [key, text] of Object.entries(state)) {
      (this.info.filterState ??= new Map()).set(key, new StateText(text));
    }
    this.dispatcher = new Dispatcher({
      clock: this.clock,
      sleeper: this.clock,
      random: new SeededRandom(3),
    });
    if (!hasHosts) this.#host = undefined;
    this.downstream = new FakeConnection(this.dispatcher);
    this.upstream = new FakeConnection(this.dispatcher);
    const context = fakeContext({
      dispatcher: this.dispatcher,
      services: { cluster_manager: { get: (name: string) => this.#cluster(name) } },
    });
    const config = tcpProxyFactory.compile(message, context);
    this.filter = tcpProxyFactory.create(config, {
      connection: this.downstream,
      info: this.info.connection,
      streamInfo: this.info,
      continueReading() {},
      isDraining: false,
      waitsForTls: false,
    });
    this.downstream.events = {
      onData: (bytes) => void this.filter.onData(bytes, false),
      onEnd: () => void this.filter.onData(new Uint8Array(0), true),
      onClose: (reason, details) => this.filter.onClose(reason, details),
    };
    this.dispatcher.run(() => void this.filter.onNewConnection());
  }

  get flags(): string {
    return formatFlags(this.info, 0);
  }

  connect(): void {
    this.dispatcher.run(() =>
      this.requests.at(-1)!.onReady(this.upstream, {
        host: HOST,
        protocol: "HTTP/1.1",
        tls: undefined,
        connectionId: 5,
        localAddress: { kind: "ip", host: "127.0.0.1", port: 1 },
        streamCount: 1,
        connectStartMs: 0,
        connectCompleteMs: 0,
        handshakeCompleteMs: -1,
      })
    );
  }

  refuse(reason: PoolFailureReason = "remote_connection_failure"): void {
    const request = this.requests.at(-1)!;
    this.dispatcher.run(() => request.onFailure(reason, "refused", HOST));
  }

  #cluster(name: string) {
    this.chosen.push(name);
    if (name === "missing") return undefined;
    return {
      info: { name, metadata: undefined, stats: { inc() {} } },
      chooseHost: (choice: LoadBalancerContext) => {
        this.choice = choice;
        return this.#host;
      },
      newTcpConnection: (_host: Host, request: TcpRequest) => {
        this.requests.push(request);
        return { cancel() {} };
      },
    };
  }
}

Deno.test("tcp_proxy relays both ways and pauses the client until it is connected", async () => {
  const proxy = await Proxy.create({ cluster: "a" });
  assertEquals(proxy.downstream.isReadDisabled, true);
  proxy.downstream.receive("early");
  proxy.connect();
  assertEquals(proxy.downstream.isReadDisabled, false);
  proxy.downstream.receive(" more");
  assertEquals(proxy.upstream.written(), "early more");
  proxy.upstream.receive("answer");
  assertEquals(proxy.downstream.written(), "answer");
  assertEquals([proxy.info.bytesReceived, proxy.info.bytesSent], [10, 6]);
  assertEquals(proxy.flags, "-");
});

Deno.test("tcp_proxy hands on half-closes, and closes after both", async () => {
  const proxy = await Proxy.create({ cluster: "a" });
  proxy.connect();
  proxy.downstream.endOfInput();
  assertEquals(proxy.upstream.hasEndedWrite, true);
  proxy.upstream.receive("rest");
  assertEquals(proxy.downstream.written(), "rest");
  proxy.upstream.endOfInput();
  assertEquals(proxy.downstream.closedBy, "flush_write");
  assertEquals(proxy.upstream.closedBy, "flush_write");
});

Deno.test("tcp_proxy hands on resets both ways", async () => {
  const up = await Proxy.create({ cluster: "a" });
  up.connect();
  up.upstream.fail("remote_reset");
  assertEquals(up.downstream.closedBy, "reset");
  assertEquals(up.flags, "UR");
  const down = await Proxy.create({ cluster: "a" });
  down.connect();
  down.downstream.fail("remote_reset");
  assertEquals(down.upstream.closedBy, "reset");
});

Deno.test("tcp_proxy without a cluster or a host", async () => {
  const missing = await Proxy.create({ cluster: "missing" });
  assertEquals([missing.flags, missing.downstream.isClosing], ["NC", true]);
  const empty = await Proxy.create({ cluster: "a" }, { hasHosts: false });
  assertEquals([empty.flags, empty.downstream.isClosing], ["UH", true]);
});

Deno.test("tcp_proxy tries max_connect_attempts times", async () => {
  const proxy = await Proxy.create({ cluster: "a", max_connect_attempts: 2 });
  proxy.refuse();
  assertEquals([proxy.requests.length, proxy.downstream.isClosing], [2, false]);
  proxy.refuse();
  assertEquals([proxy.flags, proxy.downstream.isClosing], ["UF,URX", true]);
  const second = await Proxy.create({ cluster: "a", max_connect_attempts: 2 });
  second.refuse();
  second.connect();
  assertEquals([second.flags, second.downstream.isClosing], ["UF", false]);
});

Deno.test("tcp_proxy ends an idle connection without a flag, an old one with DT", async () => {
  const idle = await Proxy.create({ cluster: "a", idle_timeout: "1s" });
  idle.connect();
  idle.clock.advance(800);
  idle.downstream.receive("x");
  idle.clock.advance(800);
  assertEquals(idle.downstream.isClosing, false);
  idle.clock.advance(300);
  assertEquals([idle.downstream.isClosing, idle.flags], [true, "-"]);
  const old = await Proxy.create({ cluster: "a", max_downstream_connection_duration: "1s" });
  old.connect();
  old.clock.advance(1005);
  assertEquals([old.downstream.isClosing, old.flags], [true, "DT"]);
});

Deno.test("tcp_proxy pauses each side while the other is full", async () => {
  const proxy = await Proxy.create({ cluster: "a" });
  proxy.connect();
  proxy.dispatcher.run(() => proxy.upstream.events.onAboveWriteBufferHighWatermark!());
  assertEquals(proxy.downstream.isReadDisabled, true);
  proxy.dispatcher.run(() => proxy.upstream.events.onBelowWriteBufferLowWatermark!());
  assertEquals(proxy.downstream.isReadDisabled, false);
  proxy.dispatcher.run(() => proxy.filter.onAboveWriteBufferHighWatermark!());
  assertEquals(proxy.upstream.isReadDisabled, true);
});

Deno.test("tcp_proxy spreads connections over weighted clusters", async () => {
  const counts: Record<string, number> = { a: 0, b: 0 };
  const message = {
    weighted_clusters: { clusters: [{ name: "a", weight: 1 }, { name: "b", weight: 3 }] },
  };
  const decoded = await decodeMessage<object>(TYPE, { stat_prefix: "t", ...message });
  const random = new SeededRandom(5);
  const context = fakeContext({
    dispatcher: { random },
    services: { cluster_manager: { get: (name: string) => void counts[name]!++ } },
  });
  const config = tcpProxyFactory.compile(decoded.message, context);
  for (let i = 0; i < 200; i++) {
    const info = new StreamInfo(fakeConnection(), 0, 0);
    tcpProxyFactory.create(config, {
      connection: new FakeConnection(context.dispatcher),
      info: info.connection,
      streamInfo: info,
      continueReading() {},
      isDraining: false,
      waitsForTls: false,
    }).onNewConnection();
  }
  assertEquals(counts.a! > 30 && counts.a! < 70, true);
  assertEquals(counts.a! + counts.b!, 200);
});

Deno.test("tcp_proxy goes to the cluster that filter state names", async () => {
  const state = { "envoy.tcp_proxy.cluster": "b" };
  const proxy = await Proxy.create({ cluster: "a" }, { state });
  assertEquals(proxy.chosen, ["b"]);
  assertEquals(proxy.info.upstreamCluster, "b");
});

Deno.test("tcp_proxy takes its idle timeout from filter state", async () => {
  const state = { "envoy.tcp_proxy.per_connection_idle_timeout_ms": "200" };
  const proxy = await Proxy.create({ cluster: "a" }, { state });
  proxy.connect();
  proxy.clock.advance(150);
  assertEquals(proxy.downstream.isClosing, false);
  proxy.clock.advance(100);
  assertEquals(proxy.downstream.isClosing, true);
});

for (
  const { name, message, state, want } of [
    { name: "nothing", message: {}, state: {}, want: undefined },
    {
      name: "the source address",
      message: { hash_policy: [{ source_ip: {} }] },
      state: {},
      want: xxHash64("10.0.0.7"),
    },
    {
      name: "filter state",
      message: { hash_policy: [{ filter_state: { key: "k" } }] },
      state: { k: "v" },
      want: xxHash64("v"),
    },
    {
      name: "filter state that is not there",
      message: { hash_policy: [{ filter_state: { key: "k" } }] },
      state: {},
      want: undefined,
    },
  ]
) {
  Deno.test(`tcp_proxy hashes by ${name}`, async () => {
    const proxy = await Proxy.create({ cluster: "a", ...message }, { state });
    assertEquals(proxy.choice?.hash(), want);
  });
}

Deno.test("tcp_proxy merges the metadata it wants of hosts", async () => {
  const proxy = await Proxy.create({
    metadata_match: { filter_metadata: { "envoy.lb": { stage: "prod", version: "1" } } },
    weighted_clusters: {
      clusters: [{
        name: "a",
        weight: 1,
        metadata_match: { filter_metadata: { "envoy.lb": { version: "2" } } },
      }],
    },
  });
  assertEquals(proxy.choice?.metadataMatch, { stage: "prod", version: "2" });
  proxy.info.dynamicMetadata = { "envoy.lb": { stage: "test" } };
  assertEquals(proxy.choice?.metadataMatch, { stage: "test", version: "2" });
});

Deno.test("tcp_proxy waits between attempts as backoff_options ask", async () => {
  const proxy = await Proxy.create({
    cluster: "a",
    max_connect_attempts: 2,
    backoff_options: { base_interval: "1s" },
  });
  proxy.refuse();
  assertEquals([proxy.requests.length, proxy.downstream.isClosing], [1, false]);
  proxy.clock.advance(1005);
  assertEquals(proxy.requests.length, 2);
  proxy.refuse();
  assertEquals([proxy.flags, proxy.downstream.isClosing], ["UF,URX", true]);
});

Deno.test("tcp_proxy reads so much before the upstream is there, and no more", async () => {
  const proxy = await Proxy.create({ cluster: "a", max_early_data_bytes: 4 });
  assertEquals(proxy.downstream.isReadDisabled, false);
  proxy.downstream.receive("abc");
  assertEquals(proxy.downstream.isReadDisabled, false);
  proxy.downstream.receive("de");
  assertEquals(proxy.downstream.isReadDisabled, true);
  proxy.connect();
  assertEquals(proxy.upstream.written(), "abcde");
  assertEquals(proxy.downstream.isReadDisabled, false);
});

Deno.test("tcp_proxy connects when the client sends, if asked to", async () => {
  const proxy = await Proxy.create({
    cluster: "a",
    upstream_connect_mode: "ON_DOWNSTREAM_DATA",
    max_early_data_bytes: 100,
  });
  assertEquals(proxy.requests.length, 0);
  proxy.downstream.receive("x");
  proxy.downstream.receive("y");
  assertEquals(proxy.requests.length, 1);
  proxy.connect();
  assertEquals(proxy.upstream.written(), "xy");
});

const JUDGED: readonly (readonly [PoolFailureReason | "connected", readonly string[]])[] = [
  ["connected", ["connected"]],
  ["remote_connection_failure", ["failure 503"]],
  ["timeout", ["failure 504"]],
  ["local_connection_failure", []],
  ["overflow", []],
];

for (const [outcome, want] of JUDGED) {
  Deno.test(`tcp_proxy tells outlier detection of ${outcome}`, async () => {
    const proxy = await Proxy.create({ cluster: "a" });
    judged.length = 0;
    if (outcome === "connected") proxy.connect();
    else proxy.refuse(outcome);
    assertEquals(judged, want);
  });
}
