/** The PROXY header of upstream connections: whose addresses, which TLVs, which pool. */

import { assertEquals } from "../support/assert.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { decodeMessage } from "../support/messages.ts";
import {
  parseProxyHeader,
  PROXY_PROTOCOL_STATE,
  ProxyProtocolState,
  type ProxyTlv,
} from "../../src/net/mod.ts";
import { ProxyTransport } from "../../src/upstream/proxy_transport.ts";

const TYPE = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";
const RAW = {
  name: "raw",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  },
};
const SOURCE = { kind: "ip", host: "10.1.2.3", port: 12345 } as const;
const DESTINATION = { kind: "ip", host: "10.9.8.7", port: 80 } as const;

function tlv(type: number, text: string): ProxyTlv {
  return { type, value: new TextEncoder().encode(text) };
}

async function transport(config: object, more: object = {}): Promise<ProxyTransport> {
  const decoded = await decodeMessage(TYPE, { config, transport_socket: RAW, ...more });
  return new ProxyTransport(decoded.message as never);
}

function infoWith(tlvs: readonly ProxyTlv[]) {
  const info = fakeStreamInfo();
  const state = new ProxyProtocolState(2, { source: SOURCE, destination: DESTINATION }, tlvs);
  info.filterState = new Map([[PROXY_PROTOCOL_STATE, state]]);
  return info;
}

function tlvsOf(header: Uint8Array): string[] {
  const parsed = parseProxyHeader(header);
  if (parsed.state !== "done") return [parsed.state];
  return parsed.header.tlvs.map(({ type, value }) => `${type}=${new TextDecoder().decode(value)}`);
}

Deno.test("a PROXY header carries the client's addresses", async () => {
  const { header } = (await transport({ version: "V1" })).choose(fakeStreamInfo());
  assertEquals(new TextDecoder().decode(header), "PROXY TCP4 10.0.0.7 127.0.0.1 4711 80\r\n");
});

Deno.test("a PROXY header carries the addresses that came in one", async () => {
  const { header } = (await transport({ version: "V1" })).choose(infoWith([]));
  assertEquals(new TextDecoder().decode(header), "PROXY TCP4 10.1.2.3 10.9.8.7 12345 80\r\n");
});

Deno.test("connections of our own say LOCAL, or their own addresses in version 1", async () => {
  assertEquals((await transport({ version: "V1" })).choose(undefined).header, undefined);
  const { header } = (await transport({ version: "V2" })).choose(undefined);
  assertEquals([...header!.subarray(12)], [0x20, 0, 0, 0]);
});

for (
  const { name, config, want } of [
    { name: "none unless asked", config: {}, want: [] },
    {
      name: "all",
      config: { pass_through_tlvs: { match_type: "INCLUDE_ALL" } },
      want: ["234=one", "235=two"],
    },
    {
      name: "those named",
      config: { pass_through_tlvs: { match_type: "INCLUDE", tlv_type: [235] } },
      want: ["235=two"],
    },
    {
      name: "added ones in their place",
      config: {
        pass_through_tlvs: { match_type: "INCLUDE_ALL" },
        added_tlvs: [{ type: 234, value: "YWRkZWQ=" }],
      },
      want: ["234=added", "235=two"],
    },
  ]
) {
  Deno.test(`a PROXY header passes TLVs on: ${name}`, async () => {
    const one = await transport({ version: "V2", ...config });
    const { header } = one.choose(infoWith([tlv(234, "one"), tlv(235, "two")]));
    assertEquals(tlvsOf(header!), want);
  });
}

Deno.test("TLVs that do not fit beside the added ones are left out", async () => {
  const one = await transport({
    version: "V2",
    pass_through_tlvs: { match_type: "INCLUDE_ALL" },
    added_tlvs: [{ type: 1, value: "YQ==" }],
  });
  const { header } = one.choose(infoWith([tlv(2, "x".repeat(65_500))]));
  assertEquals(tlvsOf(header!), ["1=a"]);
});

Deno.test("connections are shared by those whose addresses agree, and TLVs if asked", async () => {
  const config = { version: "V2", pass_through_tlvs: { match_type: "INCLUDE_ALL" } };
  const plain = await transport(config);
  const keyed = await transport(config, { tlv_as_pool_key: true });
  const [a, b] = [infoWith([tlv(1, "a")]), infoWith([tlv(1, "b")])];
  assertEquals(plain.choose(a).key, plain.choose(b).key);
  assertEquals(keyed.choose(a).key === keyed.choose(b).key, false);
  assertEquals(plain.choose(a).key === plain.choose(fakeStreamInfo()).key, false);
});
