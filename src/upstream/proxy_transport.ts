/** The PROXY header that goes before the first bytes of a cluster's connections. */

import { formatAddress } from "../base/mod.ts";
import type { StreamInfo } from "../http/mod.ts";
import {
  encodeProxyHeader,
  PROXY_PROTOCOL_STATE,
  type ProxyHeaderParts,
  ProxyProtocolState,
  type ProxyTlv,
} from "../net/mod.ts";
import type {
  envoy_config_core_v3_ProxyProtocolPassThroughTLVs,
  envoy_config_core_v3_TransportSocket,
  envoy_extensions_transport_sockets_proxy_protocol_v3_ProxyProtocolUpstreamTransport as Message,
} from "../proto/mod.ts";

/** What a header says of the client of one connection. */
export interface ProxyChoice {
  /** Connections whose headers differ must not be shared; this tells them apart. */
  readonly key: string;
  /** The header; undefined: the addresses of the upstream connection itself, in version 1. */
  readonly header: Uint8Array | undefined;
}

/** Bytes that a header of version 2 may have after its fixed part. */
const MAX_V2_BYTES = 65_535;
/** Of those, what two IPv6 addresses take. */
const V2_ADDRESS_BYTES = 36;

/** One ProxyProtocolUpstreamTransport compiled. */
export class ProxyTransport {
  readonly #version: 1 | 2;
  readonly #added: readonly ProxyTlv[];
  readonly #passes: (tlv: ProxyTlv) => boolean;
  readonly #keysTlvs: boolean;

  constructor(message: Message) {
    // V1 is 0 in the message, V2 is 1.
    this.#version = message.config?.version === 1 ? 2 : 1;
    const added = message.config?.addedTlvs ?? [];
    this.#added = added.map(({ type, value }) => ({ type, value }));
    this.#passes = passThrough(message.config?.passThroughTlvs, added.map(({ type }) => type));
    this.#keysTlvs = message.tlvAsPoolKey;
  }

  /** @param info of the stream or connection to be carried; undefined for connections of our own */
  choose(info: StreamInfo | undefined): ProxyChoice {
    const parts = info === undefined ? undefined : this.#partsOf(info);
    if (parts === undefined) return { key: "", header: this.#ownHeader() };
    const { source, destination, tlvs } = parts;
    const key = `${formatAddress(source)} ${formatAddress(destination)}`;
    return {
      key: this.#keysTlvs ? `${key} ${tlvs.map(tlvText).join(" ")}` : key,
      header: encodeProxyHeader(this.#version, parts),
    };
  }

  /** LOCAL in version 2 (PROXY protocol §2.2); version 1 has no such word. */
  #ownHeader(): Uint8Array | undefined {
    if (this.#version === 1) return undefined;
    return encodeProxyHeader(2, { source: undefined, destination: undefined, tlvs: this.#added });
  }

  #partsOf(info: StreamInfo): Required<ProxyHeaderParts> & Addresses {
    const state = info.stateObject(PROXY_PROTOCOL_STATE);
    const { remoteAddress, localAddress } = info.connection;
    if (!(state instanceof ProxyProtocolState)) {
      return { source: remoteAddress, destination: localAddress, tlvs: this.#added };
    }
    const passed = state.tlvs.filter(this.#passes);
    const all = [...this.#added, ...passed];
    const bytes = all.reduce((sum, { value }) => sum + 3 + value.length, V2_ADDRESS_BYTES);
    const tlvs = bytes > MAX_V2_BYTES ? this.#added : all;
    return { source: state.source, destination: state.destination, tlvs };
  }
}

type Addresses = Pick<ProxyProtocolState, "source" | "destination">;

/** What the client's header brought goes on if it is let through and no added one is of its type. */
function passThrough(
  message: envoy_config_core_v3_ProxyProtocolPassThroughTLVs | undefined,
  addedTypes: readonly number[],
): (tlv: ProxyTlv) => boolean {
  if (message === undefined) return () => false;
  const added = new Set(addedTypes);
  // INCLUDE_ALL is 0, INCLUDE 1.
  if (message.matchType === 0) return ({ type }) => !added.has(type);
  const types = new Set(message.tlvType);
  return ({ type }) => types.has(type) && !added.has(type);
}

function tlvText({ type, value }: ProxyTlv): string {
  return `${type}=${value.toHex()}`;
}

const PROXY_PROTOCOL =
  "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";

/** The PROXY layer of a transport socket, if it has one, and the socket below it. */
export function unwrapProxy(socket: envoy_config_core_v3_TransportSocket | undefined): {
  readonly proxy: ProxyTransport | undefined;
  readonly inner: envoy_config_core_v3_TransportSocket | undefined;
} {
  const config = socket?.configType.value;
  if (config?.$typeName !== PROXY_PROTOCOL) return { proxy: undefined, inner: socket };
  const message = config as unknown as Message;
  return { proxy: new ProxyTransport(message), inner: message.transportSocket };
}
