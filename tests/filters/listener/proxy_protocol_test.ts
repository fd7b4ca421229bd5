import { formatAddress } from "../../../src/base/mod.ts";
import type { AcceptedSocket, ListenerFilterStatus } from "../../../src/filter_chain/mod.ts";
import { StreamInfo } from "../../../src/http/mod.ts";
import { proxyProtocol } from "../../../src/filters/listener/proxy_protocol.ts";
import {
  encodeProxyHeader,
  PROXY_PROTOCOL_STATE,
  ProxyProtocolState,
} from "../../../src/net/mod.ts";
import type { envoy_extensions_filters_listener_proxy_protocol_v3_ProxyProtocol } from "../../../src/proto/mod.ts";
import { statsOf, testContext } from "../../net/tls_messages.ts";
import { bytesOf } from "../../net/fake_transport.ts";
import { assertEquals } from "../../support/assert.ts";

type Message = envoy_extensions_filters_listener_proxy_protocol_v3_ProxyProtocol;

const PEER = { kind: "ip", host: "127.0.0.1", port: 5000 } as const;
const LOCAL = { kind: "ip", host: "127.0.0.1", port: 80 } as const;

function message(more: Partial<Message>): Message {
  return {
    $typeName: "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
    rules: [],
    allowRequestsWithoutProxyProtocol: false,
    disallowedVersions: [],
    statPrefix: "pp",
    tlvLocation: 0,
    ...more,
  };
}

function socket(): AcceptedSocket {
  const facts = {
    directRemoteAddress: PEER,
    remoteAddress: PEER,
    localAddress: LOCAL,
    transportProtocol: "",
    requestedServerName: "",
    applicationProtocols: [],
    ja3Hash: "",
    ja4Hash: "",
  };
  return { ...facts, streamInfo: new StreamInfo(facts as never, 0, 0) };
}

const V1 = bytesOf("PROXY TCP4 10.1.2.3 10.9.8.7 12345 80\r\nhi");
const V2 = encodeProxyHeader(2, {
  source: { kind: "ip", host: "10.1.2.3", port: 12345 },
  destination: { kind: "ip", host: "10.9.8.7", port: 80 },
  tlvs: [{ type: 2, value: bytesOf("tlv.test") }, { type: 0xea, value: bytesOf("ea") }],
});

const ROWS: {
  name: string;
  config: Partial<Message>;
  bytes: Uint8Array;
  status: ListenerFilterStatus;
  remote?: string;
  stats: readonly string[];
}[] = [
  {
    name: "takes the addresses of version 1",
    config: {},
    bytes: V1,
    status: "continue",
    remote: "10.1.2.3:12345",
    stats: ["proxy_proto.pp.versions.v1.found"],
  },
  {
    name: "takes the addresses of version 2",
    config: {},
    bytes: V2,
    status: "continue",
    remote: "10.1.2.3:12345",
    stats: ["proxy_proto.pp.versions.v2.found"],
  },
  {
    name: "closes where no header comes",
    config: {},
    bytes: bytesOf("GET /"),
    status: "close",
    stats: ["proxy_proto.pp.not_found_disallowed", "listener.x.downstream_cx_proxy_proto_error"],
  },
  {
    name: "lets pass what has none where that is allowed",
    config: { allowRequestsWithoutProxyProtocol: true },
    bytes: bytesOf("hi"),
    status: "continue",
    remote: "127.0.0.1:5000",
    stats: ["proxy_proto.pp.not_found_allowed"],
  },
  {
    name: "counts a broken header by its version",
    config: {},
    bytes: bytesOf("PROXY TCP5 1 2 3 4\r\n"),
    status: "close",
    stats: ["proxy_proto.pp.versions.v1.error"],
  },
  {
    name: "counts a disallowed version as found, too",
    config: { disallowedVersions: [0] },
    bytes: V1,
    status: "close",
    stats: ["proxy_proto.pp.versions.v1.found", "proxy_proto.pp.versions.v1.disallowed"],
  },
];

for (const row of ROWS) {
  Deno.test(`proxy_protocol ${row.name}`, () => {
    const { context, root } = testContext();
    const listener = { scope: context.scope.scope("listener.x") };
    const config = proxyProtocol.compile(message(row.config), context, listener);
    const accepted = socket();
    const filter = proxyProtocol.create(config, accepted);
    assertEquals(filter.onAccept(), "more");
    assertEquals(filter.onData(row.bytes), row.status);
    if (row.remote !== undefined) assertEquals(formatAddress(accepted.remoteAddress), row.remote);
    assertEquals(accepted.directRemoteAddress, PEER);
    const stats = statsOf(root);
    for (const name of row.stats) assertEquals(stats.get(name), 1, name);
  });
}

Deno.test("proxy_protocol keeps TLVs for rules and for the upstream's own header", () => {
  const { context } = testContext();
  const listener = { scope: context.scope.scope("listener.x") };
  const pair = (key: string, metadataNamespace: string) =>
    ({
      $typeName: "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair",
      key,
      metadataNamespace,
      valueStringEncoding: 0,
    }) as const;
  const rule = (tlvType: number, onTlvPresent: ReturnType<typeof pair>) =>
    ({
      $typeName: "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule",
      tlvType,
      onTlvPresent,
    }) as const;
  const config = proxyProtocol.compile(
    message({
      rules: [rule(2, pair("authority", "")), rule(0xea, pair("ea", "own"))],
      passThroughTlvs: {
        $typeName: "envoy.config.core.v3.ProxyProtocolPassThroughTLVs",
        matchType: 1,
        tlvType: [0xea],
      },
    }),
    context,
    listener,
  );
  const accepted = socket();
  const filter = proxyProtocol.create(config, accepted);
  filter.onData(V2);
  assertEquals(filter.consumedBytes, V2.length);
  assertEquals(accepted.streamInfo.dynamicMetadata, {
    "envoy.filters.listener.proxy_protocol": { authority: "tlv.test" },
    own: { ea: "ea" },
  });
  const state = accepted.streamInfo.filterState?.get(PROXY_PROTOCOL_STATE);
  if (!(state instanceof ProxyProtocolState)) throw new Error("no state");
  assertEquals(state.tlvs.map((tlv) => tlv.type), [0xea]);
});
