/** Reads the ClientHello without taking part: server name, ALPN and fingerprints for the chain match. */

import type {
  AcceptedSocket,
  ListenerFilter,
  ListenerFilterFactory,
  ListenerFilterStatus,
} from "../../filter_chain/mod.ts";
import {
  type ClientHello,
  ClientHelloParser,
  ja3Hash,
  ja4Hash,
  MAX_CLIENT_HELLO_BYTES,
} from "../../net/mod.ts";
import type { envoy_extensions_filters_listener_tls_inspector_v3_TlsInspector } from "../../proto/mod.ts";
import { type Histogram, type StatGroup, statTemplate } from "../../stats/mod.ts";

const TEMPLATE = statTemplate(
  "alpn_found alpn_not_found client_hello_too_large sni_found sni_not_found tls_found tls_not_found",
);
const ALPN_FOUND = 0;
const ALPN_NOT_FOUND = 1;
const CLIENT_HELLO_TOO_LARGE = 2;
const SNI_FOUND = 3;
const SNI_NOT_FOUND = 4;
const TLS_FOUND = 5;
const TLS_NOT_FOUND = 6;

interface Config {
  readonly stats: StatGroup;
  readonly bytesProcessed: Histogram;
  readonly maxBytes: number;
  readonly ja3: boolean;
  readonly ja4: boolean;
  readonly closesOnBadHello: boolean;
}

class TlsInspector implements ListenerFilter {
  readonly consumedBytes = 0;
  readonly #config: Config;
  readonly #socket: AcceptedSocket;
  readonly #parser: ClientHelloParser;

  constructor(config: Config, socket: AcceptedSocket) {
    this.#config = config;
    this.#socket = socket;
    this.#parser = new ClientHelloParser(config.maxBytes);
  }

  onAccept(): ListenerFilterStatus {
    return "more";
  }

  onData(bytes: Uint8Array): ListenerFilterStatus {
    const { stats, bytesProcessed, closesOnBadHello } = this.#config;
    const state = this.#parser.parse(bytes);
    if (state === "more") return "more";
    bytesProcessed.record(bytes.length);
    const { hello } = this.#parser;
    if (hello !== undefined) {
      this.#found(hello);
      return "continue";
    }
    if (state === "too_large") {
      stats.inc(CLIENT_HELLO_TOO_LARGE);
      return "close";
    }
    stats.inc(TLS_NOT_FOUND);
    return closesOnBadHello ? "close" : "continue";
  }

  #found(hello: ClientHello): void {
    const { stats, ja3, ja4 } = this.#config;
    const socket = this.#socket;
    stats.inc(TLS_FOUND);
    socket.transportProtocol = "tls";
    stats.inc(hello.serverName === "" ? SNI_NOT_FOUND : SNI_FOUND);
    socket.requestedServerName = hello.serverName;
    stats.inc(hello.alpnProtocols.length === 0 ? ALPN_NOT_FOUND : ALPN_FOUND);
    if (hello.alpnProtocols.length > 0) socket.applicationProtocols = hello.alpnProtocols;
    if (ja3) socket.ja3Hash = ja3Hash(hello);
    if (ja4) socket.ja4Hash = ja4Hash(hello);
  }
}

export const tlsInspector: ListenerFilterFactory<Config> = {
  name: "envoy.filters.listener.tls_inspector",
  type: "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
  compile(message, context) {
    const config = message as envoy_extensions_filters_listener_tls_inspector_v3_TlsInspector;
    const scope = context.scope.scope("tls_inspector");
    return {
      stats: scope.group(TEMPLATE),
      bytesProcessed: scope.histogram("bytes_processed", "bytes"),
      maxBytes: config.maxClientHelloSize ?? MAX_CLIENT_HELLO_BYTES,
      ja3: config.enableJa3Fingerprinting === true,
      ja4: config.enableJa4Fingerprinting === true,
      closesOnBadHello: config.closeConnectionOnClientHelloParsingErrors,
    };
  },
  create: (config, socket) => new TlsInspector(config, socket),
};
