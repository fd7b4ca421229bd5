/** How a cluster's connections are made: plain or TLS, source address, keepalive. */

import type { Address, Dispatcher } from "../base/mod.ts";
import {
  connect,
  type Connection,
  encodeProxyHeader,
  type Preamble,
  type TlsSession,
} from "../net/mod.ts";
import type { envoy_config_cluster_v3_Cluster } from "../proto/mod.ts";
import type { envoy_config_core_v3_BindConfig as BindConfig } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { ConnectRace, type HappyEyeballsOptions, orderAddresses } from "./connect_race.ts";
import { readAddress } from "./endpoints.ts";
import type { UpstreamHost } from "./host.ts";
import type { ProxyChoice } from "./proxy_transport.ts";
import { type TransportSocket, TransportSockets } from "./transport_sockets.ts";

/** What the request says about TLS; pools are kept apart by the server name. */
export interface TransportChoice {
  /** SNI in place of the configured one; undefined: as configured. */
  readonly serverName: string | undefined;
  /** Whether the certificate must also carry `serverName`. */
  readonly verifiesServerName: boolean;
  /** ALPN to offer where the TLS context names none. */
  readonly alpn: readonly string[];
  /** The PROXY header to write first, where the cluster writes one. */
  readonly proxy?: ProxyChoice | undefined;
}

/** A compiled client TLS context. */
export interface ClientTls {
  /** @param hostname the endpoint's, for auto_host_sni */
  session(choice: TransportChoice, hostname: string): TlsSession;
}

/** Opens a connection; tests hand in a fake. */
export type Connector = (address: Address, options: ConnectorOptions) => Connection;

/** What one connection to a host is made with. */
export interface ConnectorOptions {
  readonly dispatcher: Dispatcher;
  readonly bindAddress: Address | undefined;
  /** Idle seconds before the first probe; undefined: no keepalive. */
  readonly keepaliveTimeS: number | undefined;
  readonly tls: TlsSession | undefined;
  /** The PROXY header, before all else. */
  readonly preamble?: Preamble | undefined;
}

/** Compiles an UpstreamTlsContext, counting under `cluster.<name>.ssl`; tests hand in a fake. */
export type TlsCompiler = (
  message: object,
  context: CompileContext,
  cluster: string,
) => ClientTls;

/** The system's sockets. Time limits are the pools', which count them. */
export const SOCKET_CONNECTOR: Connector = (
  address: Address,
  options: ConnectorOptions,
): Connection => connect(address, { ...options, timeoutMs: 0 });

/** Version 1 for connections that carry no client's. */
const OWN_ADDRESSES: Preamble = (source, destination) =>
  encodeProxyHeader(1, { source, destination, tlvs: [] });

const DEFAULT_SELECTOR =
  "envoy.config.upstream.local_address_selector.v3.DefaultLocalAddressSelector";

/** Linux's default of idle seconds before a keepalive probe. */
const KEEPALIVE_TIME_S = 7200;

/** Where a connection goes, and over which socket. */
export type ConnectTarget = Pick<
  UpstreamHost,
  "address" | "additionalAddresses" | "hostname" | "socket"
>;

/**
 * Opens connections to a cluster's hosts, with the TLS context and socket options of its message.
 */
export class UpstreamTransport {
  readonly sockets: TransportSockets;
  readonly #connector: Connector;
  readonly #dispatcher: Dispatcher;
  readonly #bindAddress: Address | undefined;
  readonly #bindAddress6: Address | undefined;
  readonly #keepaliveTimeS: number | undefined;
  readonly #happyEyeballs: HappyEyeballsOptions;

  constructor(
    cluster: envoy_config_cluster_v3_Cluster,
    context: CompileContext,
    parts: {
      readonly connector: Connector;
      readonly compileTls: TlsCompiler;
      readonly bindConfig?: BindConfig | undefined;
    },
  ) {
    this.#connector = parts.connector;
    this.#dispatcher = context.dispatcher;
    this.sockets = new TransportSockets(cluster, { context, compileTls: parts.compileTls });
    this.#keepaliveTimeS = keepaliveTime(cluster, context);
    const sources = sourceAddresses(cluster.upstreamBindConfig ?? parts.bindConfig, context);
    // Where no source is of a target's family Envoy binds the first, and the connection fails.
    this.#bindAddress = sources.find((address) => isFamily(address, false)) ?? sources[0];
    this.#bindAddress6 = sources.find((address) => isFamily(address, true)) ?? sources[0];
    this.#happyEyeballs = happyEyeballs(cluster);
  }

  /** Begins to connect; the connect timeout is the pool's. */
  connect(host: ConnectTarget, choice: TransportChoice): Connection {
    const { address, additionalAddresses } = host;
    if (additionalAddresses.length === 0) return this.#connectTo(address, host, choice);
    const addresses = orderAddresses([address, ...additionalAddresses], this.#happyEyeballs);
    return new ConnectRace(
      this.#dispatcher,
      addresses,
      (one) => this.#connectTo(one, host, choice),
    );
  }

  #connectTo(
    address: Address,
    { socket, hostname }: ConnectTarget,
    choice: TransportChoice,
  ): Connection {
    return this.#connector(address, {
      dispatcher: this.#dispatcher,
      bindAddress: isFamily(address, true) ? this.#bindAddress6 : this.#bindAddress,
      keepaliveTimeS: this.#keepaliveTimeS,
      tls: socket.tls?.session(choice, hostname),
      preamble: preambleOf(socket, choice),
    });
  }
}

function preambleOf({ proxy }: TransportSocket, choice: TransportChoice): Preamble | undefined {
  if (proxy === undefined) return undefined;
  const { header } = choice.proxy ?? proxy.choose(undefined);
  return header === undefined ? OWN_ADDRESSES : () => header;
}

function isFamily(address: Address, wants6: boolean): boolean {
  return address.kind === "ip" && address.host.includes(":") === wants6;
}

/** `first_address_family_version`: DEFAULT, V4, V6. */
const FAMILIES = [undefined, 4, 6] as const;

function happyEyeballs(cluster: envoy_config_cluster_v3_Cluster): HappyEyeballsOptions {
  const config = cluster.upstreamConnectionOptions?.happyEyeballsConfig;
  return {
    firstFamily: FAMILIES[config?.firstAddressFamilyVersion ?? 0],
    firstFamilyCount: config?.firstAddressFamilyCount ?? 1,
  };
}

function keepaliveTime(
  cluster: envoy_config_cluster_v3_Cluster,
  context: CompileContext,
): number | undefined {
  const options = cluster.upstreamConnectionOptions;
  const keepalive = options?.tcpKeepalive;
  if (keepalive === undefined) return undefined;
  for (const field of ["keepaliveProbes", "keepaliveInterval"] as const) {
    if (keepalive[field] === undefined) continue;
    const name = field === "keepaliveProbes" ? "keepalive_probes" : "keepalive_interval";
    context.problems.unsupported(keepalive, name, "the system's own value applies");
  }
  // A time of 0 means: no keepalive.
  const seconds = keepalive.keepaliveTime ?? KEEPALIVE_TIME_S;
  return seconds === 0 ? undefined : seconds;
}

function sourceAddresses(
  bind: BindConfig | undefined,
  context: CompileContext,
): Address[] {
  if (bind === undefined) return [];
  const { problems } = context;
  if (bind.freebind === true) {
    problems.unsupported(bind, "freebind", "the source address must be one of this machine", true);
  }
  if (bind.socketOptions.length > 0) {
    problems.unsupported(bind, "socket_options", "the options are not set");
  }
  const selector = bind.localAddressSelector?.typedConfig;
  if (selector !== undefined && selector.$typeName !== DEFAULT_SELECTOR) {
    problems.unsupported(bind, "local_address_selector", "the first of a family is used", true);
  }
  const sources = [
    bind.sourceAddress,
    ...bind.extraSourceAddresses.map((extra) => extra.address),
    ...bind.additionalSourceAddresses,
  ];
  const found: Address[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    const message = {
      $typeName: "envoy.config.core.v3.Address" as const,
      address: { case: "socketAddress" as const, value: source },
    };
    const address = readAddress(message, false, problems);
    if (address?.kind === "ip") found.push(address);
  }
  return found;
}
