/**
 * Which filter chain a connection gets: Envoy's nine criteria, each a table inside the one before.
 *
 *   destination port → destination IP → server name → transport protocol → application protocol
 *   → direct source IP → source type → source IP → source port
 *
 * The most specific entry of a table wins and there is no way back from it: a connection whose name
 * has an entry never falls to a chain without names, whatever the inner tables say.
 */

import type { Address } from "../base/mod.ts";
import type { AcceptedSocket } from "../filter_chain/mod.ts";
import { CidrMap, compileCidrRange, type IpNumber } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_CidrRange,
  envoy_config_listener_v3_FilterChainMatch,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

/** Values by IP range, made on demand; the longest prefix wins. */
class CidrTable<Value> {
  readonly #ranges = new CidrMap<Value>();
  readonly #made = new Map<string, Value>();

  getOrMake(range: Range, make: () => Value): Value {
    const key = `${typeof range.address}:${mask(range)}/${range.prefixLength}`;
    let value = this.#made.get(key);
    if (value === undefined) {
      value = make();
      this.#made.set(key, value);
      this.#ranges.add(range.address, range.prefixLength, value);
    }
    return value;
  }

  get(host: string): Value | undefined {
    return this.#ranges.get(host);
  }
}

interface Range {
  readonly address: IpNumber;
  readonly prefixLength: number;
}

function mask(range: Range): bigint {
  const bits = typeof range.address === "number" ? 32 : 128;
  const dropped = BigInt(bits - range.prefixLength);
  return BigInt(range.address) >> dropped;
}

/** All of IPv4 and all of IPv6. */
const ANYWHERE: readonly Range[] = [
  { address: 0, prefixLength: 0 },
  { address: 0n, prefixLength: 0 },
];

type PortTable<Chain> = Map<number, Chain>;
type SourceTable<Chain> = CidrTable<PortTable<Chain>>;
/** By number of FilterChainMatch.ConnectionSourceType: any, same IP or loopback, external. */
type SourceTypeTable<Chain> = (SourceTable<Chain> | undefined)[];
type DirectSourceTable<Chain> = CidrTable<SourceTypeTable<Chain>>;
type ProtocolTable<Chain> = Map<string, DirectSourceTable<Chain>>;
type TransportTable<Chain> = Map<string, ProtocolTable<Chain>>;
type NameTable<Chain> = Map<string, TransportTable<Chain>>;
type DestinationTable<Chain> = CidrTable<NameTable<Chain>>;

const SOURCE_ANY = 0;
const SOURCE_LOCAL = 1;
const SOURCE_EXTERNAL = 2;

/** What a peer without an IP counts as: no range but the widest holds it. */
const NO_IP = "255.255.255.255";

/** What a match is made of once its fields are settled. */
interface Criteria {
  readonly ports: readonly number[];
  readonly destinations: readonly Range[];
  readonly names: readonly string[];
  readonly transports: readonly string[];
  readonly protocols: readonly string[];
  readonly directSources: readonly Range[];
  readonly sourceType: number;
  readonly sources: readonly Range[];
  readonly sourcePorts: readonly number[];
}

/** The tables of one listener's chains; built by `add`, asked by `match` once a connection. */
export class FilterChainMatcher<Chain> {
  readonly #ports = new Map<number, DestinationTable<Chain>>();

  /** Adds a chain; false if another chain has all of one of its combinations already. */
  add(
    message: envoy_config_listener_v3_FilterChainMatch | undefined,
    chain: Chain,
    context: CompileContext,
  ): boolean {
    const criteria = compileCriteria(message, context);
    return criteria === undefined || this.#insert(criteria, chain);
  }

  match(socket: AcceptedSocket): Chain | undefined {
    const { localAddress } = socket;
    const port = localAddress.kind === "ip" ? localAddress.port : 0;
    const destinations = (port === 0 ? undefined : this.#ports.get(port)) ?? this.#ports.get(0);
    const names = destinations?.get(hostOf(localAddress));
    const transports = names === undefined ? undefined : byName(names, socket.requestedServerName);
    const protocols = transports?.get(socket.transportProtocol || "raw_buffer") ??
      transports?.get("");
    const direct = protocols === undefined
      ? undefined
      : byProtocol(protocols, socket.applicationProtocols);
    const types = direct?.get(hostOf(socket.directRemoteAddress));
    if (types === undefined) return undefined;
    const type = isSameIpOrLoopback(socket) ? SOURCE_LOCAL : SOURCE_EXTERNAL;
    const sources = types[type] ?? types[SOURCE_ANY];
    const { remoteAddress } = socket;
    const ports = sources?.get(hostOf(remoteAddress));
    if (ports === undefined) return undefined;
    const sourcePort = remoteAddress.kind === "ip" ? remoteAddress.port : 0;
    return ports.get(sourcePort) ?? ports.get(0);
  }

  #insert(criteria: Criteria, chain: Chain): boolean {
    let isNew = true;
    for (const direct of this.#directTables(criteria)) {
      for (const range of criteria.directSources) {
        const types = direct.getOrMake(range, () => []);
        const sources = types[criteria.sourceType] ??= new CidrTable();
        for (const source of criteria.sources) {
          const ports = sources.getOrMake(source, () => new Map());
          for (const port of criteria.sourcePorts) {
            if (ports.has(port)) isNew = false;
            else ports.set(port, chain);
          }
        }
      }
    }
    return isNew;
  }

  /** The tables of the first five criteria, in every combination. */
  *#directTables(criteria: Criteria): Generator<DirectSourceTable<Chain>> {
    for (const port of criteria.ports) {
      const destinations = getOrMake(this.#ports, port, () => new CidrTable());
      for (const range of criteria.destinations) {
        const names: NameTable<Chain> = destinations.getOrMake(range, () => new Map());
        for (const name of criteria.names) {
          const transports = getOrMake(names, name, () => new Map());
          for (const transport of criteria.transports) {
            const protocols = getOrMake(transports, transport, () => new Map());
            for (const protocol of criteria.protocols) {
              yield getOrMake(protocols, protocol, () => new CidrTable());
            }
          }
        }
      }
    }
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function hostOf(address: Address): string {
  return address.kind === "ip" ? address.host : NO_IP;
}

/** The exact name, then wildcards from the longest, then chains without names. */
function byName<Value>(names: Map<string, Value>, serverName: string): Value | undefined {
  if (serverName !== "") {
    const exact = names.get(serverName);
    if (exact !== undefined) return exact;
    for (let dot = serverName.indexOf(".", 1); dot >= 0; dot = serverName.indexOf(".", dot + 1)) {
      const wildcard = names.get(serverName.slice(dot));
      if (wildcard !== undefined) return wildcard;
    }
  }
  return names.get("");
}

function byProtocol<Value>(
  table: Map<string, Value>,
  protocols: readonly string[],
): Value | undefined {
  for (let i = 0; i < protocols.length; i++) {
    const found = table.get(protocols[i]!);
    if (found !== undefined) return found;
  }
  return table.get("");
}

/** As Envoy has it: of loopback only 127.0.0.1 and ::1; 127.0.0.9 to 127.0.0.1 is external. */
function isSameIpOrLoopback(socket: AcceptedSocket): boolean {
  const { remoteAddress, localAddress } = socket;
  if (remoteAddress.kind !== "ip") return true;
  const { host } = remoteAddress;
  if (localAddress.kind === "ip" && localAddress.host === host) return true;
  return host === "127.0.0.1" || host === "::1";
}

function compileCriteria(
  message: envoy_config_listener_v3_FilterChainMatch | undefined,
  context: CompileContext,
): Criteria | undefined {
  if (message === undefined) return CATCH_ALL;
  const { problems } = context;
  if (message.addressSuffix !== "" || message.suffixLen !== undefined) {
    const field = message.addressSuffix === "" ? "suffix_len" : "address_suffix";
    problems.error(message, field, "filter chain contains unimplemented fields");
  }
  for (const [index, name] of message.serverNames.entries()) {
    const rest = name.startsWith("*.") ? name.slice(2) : name;
    if (!rest.includes("*")) continue;
    const text = 'partial wildcards are not supported in "server_names"';
    problems.error(message, `server_names[${index}]`, text);
    return undefined;
  }
  return {
    ports: [message.destinationPort ?? 0],
    destinations: ranges(message.prefixRanges, context),
    names: orAny(message.serverNames.map(tableName)),
    transports: [message.transportProtocol],
    protocols: orAny(message.applicationProtocols),
    directSources: ranges(message.directSourcePrefixRanges, context),
    sourceType: message.sourceType,
    sources: ranges(message.sourcePrefixRanges, context),
    sourcePorts: message.sourcePorts.length === 0 ? [0] : message.sourcePorts,
  };
}

const CATCH_ALL: Criteria = {
  ports: [0],
  destinations: ANYWHERE,
  names: [""],
  transports: [""],
  protocols: [""],
  directSources: ANYWHERE,
  sourceType: SOURCE_ANY,
  sources: ANYWHERE,
  sourcePorts: [0],
};

/** `*.a.test` is kept as `.a.test`. */
function tableName(name: string): string {
  const lower = name.toLowerCase();
  return lower.startsWith("*.") ? lower.slice(1) : lower;
}

function orAny(texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? [""] : texts;
}

function ranges(
  messages: readonly envoy_config_core_v3_CidrRange[],
  context: CompileContext,
): readonly Range[] {
  if (messages.length === 0) return ANYWHERE;
  const found: Range[] = [];
  for (const message of messages) {
    const range = compileCidrRange(message, context);
    if (range !== undefined) found.push(range);
  }
  return found;
}
