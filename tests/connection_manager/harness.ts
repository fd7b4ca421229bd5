/** A connection manager over a fake connection, with the real HTTP/1 codec and a scripted last filter. */

import type { AccessLog } from "../../src/access_log/mod.ts";
import { Dispatcher, SeededRandom } from "../../src/base/mod.ts";
import { httpConnectionManagerFactory } from "../../src/connection_manager/mod.ts";
import { HTTP_STATS, STAT } from "../../src/connection_manager/stats.ts";
import type {
  FilterCallbacks,
  HttpFilter,
  HttpFilterFactory,
  NetworkCallbacks,
  NetworkFilter,
} from "../../src/filter_chain/mod.ts";
import {
  type ConnectionInfo,
  formatFlags,
  HeaderMap,
  StreamInfo,
  type TlsInfo,
} from "../../src/http/mod.ts";
import type { CompileContext } from "../../src/runtime/mod.ts";
import type { Scope } from "../../src/stats/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fakeContext, NO_PROBLEMS } from "../support/fakes/compile_context.ts";
import { FakeConnection } from "../support/fakes/connection.ts";
import { fakeConnection } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";

const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";
const FILE_LOG = "envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** What the last filter does with a request. */
export type Script = (callbacks: FilterCallbacks, headers: HeaderMap, endStream: boolean) => void;

/** Answers 200 "ok" once the request is whole. */
export function OK(callbacks: FilterCallbacks, _headers: HeaderMap, endStream: boolean): void {
  if (endStream) respond(callbacks, 200, "ok");
}

/** A whole response of the terminal filter. */
export function respond(
  callbacks: FilterCallbacks,
  status: number,
  body: string,
  headers: readonly (readonly [string, string])[] = [],
): void {
  callbacks.streamInfo.responseCodeDetails = "via_upstream";
  const map = HeaderMap.of([":status", String(status)], ...headers);
  map.add("content-length", String(body.length));
  callbacks.encodeHeaders(map, body === "");
  if (body !== "") callbacks.encodeData(new TextEncoder().encode(body), true);
}

export interface HarnessOptions {
  readonly script?: Script;
  readonly tls?: TlsInfo;
  readonly peer?: string;
  readonly bufferLimitBytes?: number;
  /** Factories by type name, besides the last filter and the access log. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Whether the listener is an outbound one. */
  readonly isOutbound?: boolean;
  readonly facts?: { readonly nodeId?: string; readonly nodeCluster?: string };
}

/** One connection manager and its one connection. */
export class Harness {
  readonly clock: FakeClock;
  readonly connection: FakeConnection;
  readonly filter: NetworkFilter;
  readonly stats: Scope;
  /** Of the connection. */
  streamInfo: StreamInfo | undefined = undefined;
  /** Requests that reached the last filter: their headers as they were then. */
  readonly seen: [string, string][][] = [];
  readonly callbacks: FilterCallbacks[] = [];
  readonly infos: StreamInfo[] = [];
  /** `code flags details` of each logged request. */
  readonly logged: string[] = [];
  isDraining = false;
  onDestroy: () => void = () => {};
  readonly #dispatcher: Dispatcher;
  readonly #tls: TlsInfo | undefined;

  /** @param config fields of HttpConnectionManager in their proto names */
  static async create(config: object, options: HarnessOptions = {}): Promise<Harness> {
    const decoded = await decodeMessage<object>(HCM, {
      stat_prefix: "t",
      route_config: {
        name: "r",
        virtual_hosts: [{
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "a" } }],
        }],
      },
      http_filters: [{
        name: "router",
        typed_config: { "@type": `type.googleapis.com/${ROUTER}` },
      }],
      access_log: [{
        name: "log",
        typed_config: { "@type": `type.googleapis.com/${FILE_LOG}`, path: "/dev/null" },
      }],
      ...config,
    });
    const errors = decoded.problems().filter(({ severity }) => severity === "error");
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
    return new Harness(decoded.message, options);
  }

  private constructor(message: object, options: HarnessOptions) {
    this.clock = new FakeClock();
    this.#dispatcher = new Dispatcher({
      clock: this.clock,
      sleeper: this.clock,
      random: new SeededRandom(1),
    });
    const context = this.#context(options);
    this.stats = context.scope;
    this.#tls = options.tls;
    this.connection = new FakeConnection(this.#dispatcher);
    this.connection.bufferLimitBytes = options.bufferLimitBytes ?? 1 << 20;
    this.connection.localAddress = { kind: "ip", host: "127.0.0.1", port: 8080 };
    this.connection.remoteAddress = {
      kind: "ip",
      host: options.peer ?? "127.0.0.1",
      port: 50000,
    };
    this.connection.tls = options.tls;
    const config = httpConnectionManagerFactory.compile(message, context, {
      scope: context.scope.scope("listener.test"),
      isOutbound: options.isOutbound ?? false,
    });
    this.filter = httpConnectionManagerFactory.create(config, this.#callbacks());
    this.connection.events = {
      onData: (bytes) => void this.filter.onData(bytes, false),
      onEnd: () => void this.filter.onData(new Uint8Array(0), true),
      onClose: (reason, details) => this.filter.onClose(reason, details),
    };
    this.filter.onNewConnection();
  }

  /** Text from the client, as one turn; what was written till then. */
  send(text: string): string {
    this.connection.receive(text);
    return this.connection.written();
  }

  /** Work of the last filter outside its hooks. */
  run(work: () => void): void {
    this.#dispatcher.run(work);
  }

  /** The headers of the last request that reached the last filter, without pseudo-headers. */
  lastSeen(): string[] {
    const seen = this.seen[this.seen.length - 1] ?? [];
    return seen.filter(([name]) => !name.startsWith(":")).map(([name, value]) =>
      `${name}: ${value}`
    );
  }

  /** A stat under `http.t`. */
  stat(name: keyof typeof STAT): number {
    return this.stats.scope("http.t").group(HTTP_STATS).get(STAT[name]);
  }

  #context(options: HarnessOptions): CompileContext {
    const script = options.script ?? OK;
    const terminal: HttpFilterFactory = {
      name: "test",
      type: ROUTER,
      isTerminal: true,
      compile: () => ({}),
      create: (_config, callbacks) => new ScriptedFilter(this, script, callbacks),
    };
    const log: AccessLog = {
      log: ({ info, accessLogType }) => {
        const flags = formatFlags(info, 0);
        const text = `${info.responseCode} ${flags} ${info.responseCodeDetails || "-"}`;
        this.logged.push(accessLogType === "DownstreamEnd" ? text : `${accessLogType} ${text}`);
      },
    };
    const context = fakeContext({
      dispatcher: this.#dispatcher,
      problems: { ...NO_PROBLEMS, unsupported() {} },
      extensions: {
        [ROUTER]: terminal,
        [FILE_LOG]: { name: "log", type: FILE_LOG, compile: () => log },
        ...options.extensions,
      },
    });
    return {
      ...context,
      server: { ...context.server, localAddress: "10.9.9.9", ...options.facts },
    };
  }

  #callbacks(): NetworkCallbacks {
    const { connection } = this;
    const info: ConnectionInfo = {
      ...fakeConnection(this.#tls),
      remoteAddress: connection.remoteAddress,
      directRemoteAddress: connection.remoteAddress,
      localAddress: connection.localAddress,
      directLocalAddress: connection.localAddress,
    };
    const isDraining = (): boolean => this.isDraining;
    return {
      connection,
      info,
      streamInfo: this.streamInfo = new StreamInfo(info, 0, 0),
      continueReading() {},
      get isDraining() {
        return isDraining();
      },
      waitsForTls: false,
    };
  }
}

class ScriptedFilter implements HttpFilter {
  readonly #harness: Harness;
  readonly #script: Script;
  readonly #callbacks: FilterCallbacks;
  #headers: HeaderMap | undefined = undefined;

  constructor(harness: Harness, script: Script, callbacks: FilterCallbacks) {
    this.#harness = harness;
    this.#script = script;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): "stop_iteration" {
    this.#headers = headers;
    this.#harness.callbacks.push(this.#callbacks);
    this.#harness.infos.push(this.#callbacks.streamInfo);
    this.#harness.seen.push(headers.entries());
    this.#script(this.#callbacks, headers, endStream);
    return "stop_iteration";
  }

  onDestroy(): void {
    this.#harness.onDestroy();
  }

  decodeData(_bytes: Uint8Array, endStream: boolean): "stop_no_buffer" {
    if (endStream) this.#script(this.#callbacks, this.#headers!, true);
    return "stop_no_buffer";
  }
}
