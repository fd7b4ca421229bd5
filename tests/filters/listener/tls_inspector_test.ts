import type { AcceptedSocket, ListenerFilterStatus } from "../../../src/filter_chain/mod.ts";
import { tlsInspector } from "../../../src/filters/listener/tls_inspector.ts";
import type { envoy_extensions_filters_listener_tls_inspector_v3_TlsInspector } from "../../../src/proto/mod.ts";
import { bytesOf } from "../../net/fake_transport.ts";
import { clientHello } from "../../net/hello_builder.ts";
import { statsOf, testContext } from "../../net/tls_messages.ts";
import { assertEquals } from "../../support/assert.ts";

type Message = envoy_extensions_filters_listener_tls_inspector_v3_TlsInspector;

const ROWS: {
  name: string;
  config: Partial<Message>;
  bytes: Uint8Array;
  status: ListenerFilterStatus;
  facts: readonly [transport: string, sni: string, alpn: readonly string[]];
  stats: readonly string[];
}[] = [
  {
    name: "finds name and ALPN",
    config: {},
    bytes: clientHello({ serverName: "A.test", alpn: ["h2"] }),
    status: "continue",
    facts: ["tls", "a.test", ["h2"]],
    stats: ["tls_found", "sni_found", "alpn_found"],
  },
  {
    name: "finds neither",
    config: {},
    bytes: clientHello(),
    status: "continue",
    facts: ["tls", "", []],
    stats: ["tls_found", "sni_not_found", "alpn_not_found"],
  },
  {
    name: "lets plain text pass",
    config: {},
    bytes: bytesOf("hello"),
    status: "continue",
    facts: ["", "", []],
    stats: ["tls_not_found"],
  },
  {
    name: "closes on what is no hello where it should",
    config: { closeConnectionOnClientHelloParsingErrors: true },
    bytes: bytesOf("hello"),
    status: "close",
    facts: ["", "", []],
    stats: ["tls_not_found"],
  },
  {
    name: "closes on a hello beyond its bound",
    config: { maxClientHelloSize: 50 },
    bytes: clientHello({ serverName: "a".repeat(60) }),
    status: "close",
    facts: ["", "", []],
    stats: ["client_hello_too_large"],
  },
  {
    name: "waits for the rest",
    config: {},
    bytes: clientHello({ serverName: "a.test" }).subarray(0, 30),
    status: "more",
    facts: ["", "", []],
    stats: [],
  },
];

for (const row of ROWS) {
  Deno.test(`tls_inspector ${row.name}`, () => {
    const { context, root } = testContext();
    const message: Message = {
      $typeName: "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
      closeConnectionOnClientHelloParsingErrors: false,
      ...row.config,
    };
    const config = tlsInspector.compile(message, context, { scope: context.scope });
    const socket = {
      transportProtocol: "",
      requestedServerName: "",
      applicationProtocols: [],
      ja3Hash: "",
      ja4Hash: "",
    } as unknown as AcceptedSocket;
    assertEquals(tlsInspector.create(config, socket).onData(row.bytes), row.status);
    const { transportProtocol, requestedServerName, applicationProtocols } = socket;
    assertEquals([transportProtocol, requestedServerName, applicationProtocols], row.facts);
    const stats = statsOf(root);
    for (const name of row.stats) assertEquals(stats.get(`tls_inspector.${name}`), 1, name);
  });
}
