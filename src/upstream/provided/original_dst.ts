/**
 * ORIGINAL_DST: each request names its host, by filter state, metadata, a header, or by the address
 * that its connection was meant for (Envoy's original_dst_cluster.cc).
 */

import { ipVersion } from "../../matching/mod.ts";
import { type Address, formatAddress } from "../../base/mod.ts";
import { metadataValue } from "../../matching/mod.ts";
import type { StreamInfo } from "../../http/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster_OriginalDstLbConfig,
  envoy_type_metadata_v3_MetadataKey,
} from "../../proto/mod.ts";
import type { LoadBalancerContext } from "../api.ts";
import { clusterStat } from "../cluster_stats.ts";
import type { UpstreamHost } from "../host.ts";
import type { HostSet } from "../host_set.ts";
import type { Balancer, BalancerOptions } from "../lb/policy.ts";
import type { ProvidedPolicy, ProvidingCluster } from "./policy.ts";

type Message = Omit<envoy_config_cluster_v3_Cluster_OriginalDstLbConfig, "$typeName">;

/** Filter state that names the address, before all else. */
export const ORIGINAL_DST_STATE = "envoy.network.transport_socket.original_dst_address";

const HOST_INVALID = clusterStat("original_dst_host_invalid");
const DEFAULT_HEADER = "x-envoy-original-dst-host";
const MAX_PORT = 65_535;

/** Where the address of a request may stand. */
interface Sources {
  /** Lower case; undefined: no header is looked at. */
  readonly header: string | undefined;
  readonly metadata: { readonly filter: string; readonly path: readonly string[] } | undefined;
  readonly port: number | undefined;
}

/** @param message `original_dst_lb_config`, if there is one */
export function originalDst(message: Message | undefined): ProvidedPolicy {
  const header = (message?.httpHeaderName ?? "").toLowerCase();
  const sources: Sources = {
    header: message?.useHttpHeader === true ? header || DEFAULT_HEADER : undefined,
    metadata: message?.metadataKey === undefined ? undefined : metadataPath(message.metadataKey),
    port: message?.upstreamPortOverride,
  };
  return {
    createBalancer: (options, cluster) => new OriginalDstBalancer(sources, options, cluster),
  };
}

function metadataPath(key: envoy_type_metadata_v3_MetadataKey): Sources["metadata"] {
  const path = key.path.map(({ segment }) => segment.case === "key" ? segment.value : "");
  return { filter: key.key, path };
}

/** Finds the host of a request's address, or makes one. */
class OriginalDstBalancer implements Balancer {
  readonly #sources: Sources;
  readonly #options: BalancerOptions;
  readonly #cluster: ProvidingCluster;
  #hosts: ReadonlyMap<string, UpstreamHost> = new Map();

  constructor(sources: Sources, options: BalancerOptions, cluster: ProvidingCluster) {
    this.#sources = sources;
    this.#options = options;
    this.#cluster = cluster;
  }

  refresh(sets: readonly HostSet[]): void {
    const hosts = sets.flatMap((set) => set.hosts);
    this.#hosts = new Map(hosts.map((host) => [formatAddress(host.address), host]));
  }

  chooseHost(context: LoadBalancerContext | undefined): UpstreamHost | undefined {
    const found = context === undefined ? undefined : this.#addressOf(context);
    if (found === undefined) return undefined;
    const { port } = this.#sources;
    const address = port === undefined ? found : { ...found, port };
    return this.#hosts.get(formatAddress(address)) ?? this.#cluster.meetHost(address);
  }

  /** An address that does not parse is counted, and the next place is looked at. */
  #addressOf(context: LoadBalancerContext): IpAddress | undefined {
    const { header, metadata } = this.#sources;
    const info = context.streamInfo;
    const state = info?.stateObject(ORIGINAL_DST_STATE)?.serialize();
    const byState = state === undefined ? undefined : parseIpAndPort(state);
    if (byState !== undefined) return byState;
    if (metadata !== undefined) {
      const byMetadata = this.#parse(metadataText(info, metadata));
      if (byMetadata !== undefined) return byMetadata;
    }
    if (header !== undefined) {
      const byHeader = this.#parse(context.requestHeaders?.get(header));
      if (byHeader !== undefined) return byHeader;
    }
    return restoredAddress(info);
  }

  #parse(text: string | undefined): IpAddress | undefined {
    if (text === undefined) return undefined;
    const known = this.#hosts.get(text)?.address;
    if (known?.kind === "ip") return known;
    const address = parseIpAndPort(text);
    if (address === undefined) this.#options.stats.inc(HOST_INVALID);
    return address;
  }
}

type IpAddress = Extract<Address, { kind: "ip" }>;

/** A text at the place, or the first of a list. */
function metadataText(
  info: StreamInfo | undefined,
  { filter, path }: NonNullable<Sources["metadata"]>,
): string | undefined {
  const value = metadataValue(info?.dynamicMetadata, filter, path);
  const first: unknown = Array.isArray(value) && value.length > 0 ? value[0] : value;
  return typeof first === "string" ? first : undefined;
}

/** Where the connection was meant to go, if a listener filter found that out. */
function restoredAddress(info: StreamInfo | undefined): IpAddress | undefined {
  if (info === undefined) return undefined;
  const { localAddress, directLocalAddress } = info.connection;
  return localAddress !== directLocalAddress && localAddress.kind === "ip"
    ? localAddress
    : undefined;
}

/** `1.2.3.4:80` or `[::1]:80`; no names. */
export function parseIpAndPort(text: string): IpAddress | undefined {
  const colon = text.lastIndexOf(":");
  const bracketed = text.startsWith("[");
  if (colon < 0 || (bracketed && text[colon - 1] !== "]")) return undefined;
  const host = bracketed ? text.slice(1, colon - 1) : text.slice(0, colon);
  const digits = text.slice(colon + 1);
  if (ipVersion(host) !== (bracketed ? 6 : 4) || !/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  return port > MAX_PORT ? undefined : { kind: "ip", host: host.toLowerCase(), port };
}
