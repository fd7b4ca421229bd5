import type { AccessLog } from "../../src/access_log/mod.ts";
import type {
  AcceptedSocket,
  ListenerFilter,
  ListenerFilterFactory,
  ListenerFilterStatus,
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../src/filter_chain/mod.ts";
import { ActiveConnection } from "../../src/listener/active_connection.ts";
import type { CompiledListener } from "../../src/listener/mod.ts";
import type { CompiledFilterChain } from "../../src/listener/filter_chain.ts";
import { ListenerStats } from "../../src/listener/stats.ts";
import { SocketConnection } from "../../src/net/mod.ts";
import { StatsRoot } from "../../src/stats/mod.ts";
import { statsOf } from "../net/tls_messages.ts";
import { assertEquals } from "../support/assert.ts";
import { bytesOf, fakeDispatcher, FakeTransport } from "../net/fake_transport.ts";

/** Consumes up to a mark, byte by byte if need be. */
class UpToMark implements ListenerFilter {
  consumedBytes = 0;
  readonly #socket: AcceptedSocket;
  constructor(socket: AcceptedSocket) {
    this.#socket = socket;
  }
  onAccept(): ListenerFilterStatus {
    return "more";
  }
  onData(bytes: Uint8Array): ListenerFilterStatus {
    const text = new TextDecoder().decode(bytes);
    if (text.startsWith("!")) return "close";
    const mark = text.indexOf("|");
    if (mark < 0) return "more";
    this.#socket.requestedServerName = text.slice(0, mark);
    this.consumedBytes = mark + 1;
    return "continue";
  }
}

const MARK_FILTER: ListenerFilterFactory = {
  name: "mark",
  type: "test.Mark",
  compile: () => undefined,
  create: (_config, socket) => new UpToMark(socket),
};

interface Log {
  readonly lines: string[];
  statusOfNew: NetworkStatus;
  statusOfData: NetworkStatus;
  callbacks: NetworkCallbacks[];
}

function filterFactory(name: string, log: Log): NetworkFilterFactory {
  return {
    name,
    type: `test.${name}`,
    isTerminal: true,
    compile: () => undefined,
    create(_config, callbacks): NetworkFilter {
      log.callbacks.push(callbacks);
      return {
        onNewConnection() {
          log.lines.push(`${name} new`);
          return log.statusOfNew;
        },
        onData(bytes, endStream) {
          log.lines.push(`${name} ${new TextDecoder().decode(bytes)}${endStream ? "$" : ""}`);
          return log.statusOfData;
        },
        onClose: (reason) => void log.lines.push(`${name} close ${reason}`),
        startDrain: () => void log.lines.push(`${name} drain`),
      };
    },
  };
}

interface Bench {
  readonly log: Log;
  readonly transport: FakeTransport;
  readonly connection: SocketConnection;
  readonly active: ActiveConnection;
  readonly gone: string[];
  stats(): Map<string, number>;
  advance(ms: number): void;
}

interface BenchOptions {
  readonly filters?: readonly string[];
  readonly marks?: boolean;
  readonly continues?: boolean;
  readonly matches?: boolean;
  readonly accessLog?: AccessLog;
  readonly log?: Partial<Log>;
}

function bench(options: BenchOptions = {}): Bench {
  const { dispatcher, advance } = fakeDispatcher();
  const root = new StatsRoot();
  const log: Log = {
    lines: [],
    statusOfNew: "continue",
    statusOfData: "continue",
    callbacks: [],
    ...options.log,
  };
  const chain: CompiledFilterChain = {
    name: "main",
    tls: undefined,
    handshakeTimeoutMs: 1000,
    filters: (options.filters ?? ["one"]).map((name) => ({
      factory: filterFactory(name, log),
      config: undefined,
    })),
  };
  const compiled: CompiledListener = {
    name: "l",
    addresses: [],
    isInternal: false,
    bindsToPort: true,
    reusePort: true,
    backlog: 1,
    bufferLimitBytes: 1000,
    listenerFilters: options.marks === true
      ? [{ factory: MARK_FILTER, config: undefined, isDisabled: () => false }]
      : [],
    filtersTimeoutMs: 500,
    continuesOnTimeout: options.continues === true,
    chooseChain: () => options.matches === false ? undefined : chain,
    accessLogs: options.accessLog === undefined ? [] : [options.accessLog],
    trafficDirection: 0,
    ignoresGlobalLimit: false,
    drainsOnFailedHealth: true,
    stats: new ListenerStats(root.scope.scope("listener.l"), 1),
  };
  const connection = new SocketConnection(dispatcher, "open");
  const transport = new FakeTransport(connection);
  connection.attach(transport);
  const gone: string[] = [];
  const owner = {
    isDraining: false,
    dispatcher,
    onConnectionClosed: () => void gone.push("gone"),
  };
  let active!: ActiveConnection;
  dispatcher.run(() => {
    active = new ActiveConnection(connection, compiled, owner);
    active.start();
    connection.start();
  });
  return { log, transport, connection, active, gone, advance, stats: () => statsOf(root) };
}

Deno.test("ActiveConnection hands bytes and FIN to the filters, in order", () => {
  const { log, transport } = bench({ filters: ["one", "two"] });
  transport.events.onBytes(bytesOf("hi"));
  transport.events.onEof();
  assertEquals(log.lines, ["one new", "two new", "one hi", "two hi", "one $", "two $"]);
});

Deno.test("ActiveConnection stops where a filter stops and goes on when it says so", () => {
  const { log, transport } = bench({ filters: ["one", "two"], log: { statusOfNew: "stop" } });
  assertEquals(log.lines, ["one new"]);
  log.statusOfNew = "continue";
  log.statusOfData = "stop";
  transport.events.onBytes(bytesOf("hi"));
  assertEquals(log.lines, ["one new", "one hi"]);
  log.callbacks[0]!.continueReading();
  assertEquals(log.lines, ["one new", "one hi", "two new"]);
});

Deno.test("ActiveConnection lets a filter that stops a new connection keep what was read", () => {
  const { log, transport } = bench({
    filters: ["one", "two"],
    marks: true,
    log: { statusOfNew: "stop", statusOfData: "stop" },
  });
  transport.events.onBytes(bytesOf("name|rest"));
  assertEquals(log.lines, ["one new", "one rest"]);
  log.statusOfNew = "continue";
  log.callbacks[0]!.continueReading(bytesOf("rest"));
  assertEquals(log.lines, ["one new", "one rest", "two new", "two rest"]);
});

Deno.test("ActiveConnection shows listener filters all bytes and drops what they consumed", () => {
  const { log, transport, active } = bench({ marks: true });
  transport.events.onBytes(bytesOf("na"));
  assertEquals(log.lines, []);
  transport.events.onBytes(bytesOf("me|rest"));
  assertEquals(log.lines, ["one new", "one rest"]);
  assertEquals(active.requestedServerName, "name");
});

Deno.test("ActiveConnection closes when a listener filter says so, and counts it", () => {
  const { log, transport, gone, stats } = bench({ marks: true });
  transport.events.onBytes(bytesOf("!"));
  assertEquals([log.lines, gone, transport.calls], [[], ["gone"], ["close"]]);
  assertEquals(stats().get("listener.l.downstream_listener_filter_error"), 1);
});

Deno.test("ActiveConnection counts a peer that closes before the filters are done", () => {
  const { transport, gone, stats } = bench({ marks: true });
  transport.events.onEof();
  assertEquals(gone, ["gone"]);
  const got = stats();
  assertEquals(got.get("listener.l.downstream_listener_filter_remote_close"), 1);
  assertEquals(got.get("listener.l.downstream_pre_cx_active") ?? 0, 0);
});

Deno.test("ActiveConnection closes a silent connection at the listener filters' timeout", () => {
  const { advance, gone, stats } = bench({ marks: true });
  advance(510);
  assertEquals(gone, ["gone"]);
  const got = stats();
  assertEquals(got.get("listener.l.downstream_pre_cx_timeout"), 1);
  assertEquals(got.get("listener.l.downstream_cx_total"), undefined);
});

Deno.test("ActiveConnection goes on at that timeout where the listener wants it, with what came", () => {
  const { log, transport, advance, stats } = bench({ marks: true, continues: true });
  transport.events.onBytes(bytesOf("early"));
  advance(510);
  assertEquals(log.lines, ["one new", "one early"]);
  const got = stats();
  assertEquals(got.get("listener.l.downstream_pre_cx_timeout"), 1);
  assertEquals(got.get("listener.l.downstream_cx_total"), 1);
});

Deno.test("ActiveConnection bounds what listener filters may gather (memory exhaustion)", () => {
  const { transport, gone } = bench({ marks: true });
  for (let i = 0; i < 4; i++) transport.events.onBytes(new Uint8Array(40_000).fill(97));
  assertEquals(gone, ["gone"]);
});

Deno.test("ActiveConnection closes without a matching chain and does not count it as a connection", () => {
  const { transport, gone, stats } = bench({ matches: false });
  assertEquals([transport.calls, gone], [["close"], ["gone"]]);
  const got = stats();
  assertEquals(got.get("listener.l.no_filter_chain_match"), 1);
  assertEquals(got.get("listener.l.downstream_cx_total"), undefined);
});

Deno.test("ActiveConnection tells filters of the close, counts it and writes the listener's log", () => {
  const logged: number[] = [];
  const { log, transport, gone, stats } = bench({
    accessLog: { log: ({ info }) => void logged.push(info.bytesReceived) },
  });
  transport.events.onBytes(bytesOf("12345"));
  transport.events.onError("ECONNRESET", "");
  assertEquals(log.lines.at(-1), "one close remote_reset");
  assertEquals([gone, logged], [["gone"], [5]]);
  const got = stats();
  assertEquals(got.get("listener.l.downstream_cx_destroy"), 1);
  assertEquals(got.get("listener.l.worker_0.downstream_cx_total"), 1);
  assertEquals(got.get("listener.l.downstream_cx_active") ?? 0, 0);
});

Deno.test("ActiveConnection tells its filters to drain, once", () => {
  const { log, active } = bench();
  active.startDrain(true);
  active.startDrain(true);
  assertEquals(log.lines, ["one new", "one drain"]);
});

Deno.test("ActiveConnection without network filters closes", () => {
  const { transport } = bench({ filters: [] });
  assertEquals(transport.calls, ["close"]);
});
