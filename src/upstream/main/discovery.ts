/** Where a cluster's hosts come from: its `type` or `cluster_type`, with the options of DNS. */

import { type Address, durationMsOr, type Problems } from "../../base/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_cluster_v3_Cluster_RefreshRate,
  envoy_config_core_v3_Address,
  envoy_config_core_v3_ConfigSource,
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_config_core_v3_WatchedDirectory,
  envoy_extensions_clusters_dns_v3_DnsCluster,
  envoy_extensions_network_dns_resolver_cares_v3_CaresDnsResolverConfig,
  envoy_extensions_network_dns_resolver_getaddrinfo_v3_GetAddrInfoDnsResolverConfig as GetAddrInfo,
} from "../../proto/mod.ts";
import { readAddress } from "../endpoints.ts";
import { isDynamicForward } from "../provided/names.ts";
import type { ResourceSource } from "./subscription.ts";

/** Which addresses of a name are taken (envoy.config.cluster.v3.Cluster.DnsLookupFamily). */
export type LookupFamily = "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";

/** Which servers are asked, and how. */
export interface ResolverOptions {
  /** Empty: those of /etc/resolv.conf. */
  readonly servers: readonly Address[];
  readonly usesTcp: boolean;
  readonly noSearchDomains: boolean;
  /** Of one try; undefined: 5 s. */
  readonly timeoutMs: number | undefined;
  readonly tries: number | undefined;
}

/** How the names of a cluster are resolved; times in milliseconds. */
export interface DnsOptions {
  readonly refreshMs: number;
  /** Backs off from `failureBaseMs` to `failureMaxMs` while names do not resolve. */
  readonly failureBaseMs: number;
  readonly failureMaxMs: number;
  readonly respectsTtl: boolean;
  readonly minRefreshMs: number;
  readonly jitterMs: number;
  readonly family: LookupFamily;
  readonly resolver: ResolverOptions;
}

export type Discovery =
  | { readonly kind: "static" }
  | { readonly kind: "strict_dns"; readonly dns: DnsOptions }
  | { readonly kind: "logical_dns"; readonly dns: DnsOptions }
  /** An assignment by its name, from a file of resources. */
  | { readonly kind: "eds"; readonly service: string; readonly source: ResourceSource }
  /** Hosts are met by requests, and go once nobody uses them for `cleanupMs`. */
  | { readonly kind: "original_dst"; readonly cleanupMs: number }
  /** Requests name the hosts; a DNS cache knows their addresses. */
  | { readonly kind: "dynamic" };

type Cluster = envoy_config_cluster_v3_Cluster;
type DnsCluster = envoy_extensions_clusters_dns_v3_DnsCluster;
type RefreshRate = Pick<
  envoy_config_cluster_v3_Cluster_RefreshRate,
  "baseInterval" | "maxInterval"
>;
/** Where clusters, DNS caches and the bootstrap say which servers are asked. */
export type ResolverFields =
  & Pick<Cluster, "typedDnsResolverConfig" | "dnsResolutionConfig" | "useTcpForDnsLookups">
  & Partial<Pick<Cluster, "dnsResolvers">>;

const TYPES: readonly string[] = ["STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];
/** `Cluster.DnsLookupFamily` by its number. */
export const LOOKUP_FAMILIES: readonly LookupFamily[] = [
  "auto",
  "v4_only",
  "v6_only",
  "v4_preferred",
  "all",
];
/** DnsCluster numbers them with UNSPECIFIED first; it means AUTO. */
const TYPED_FAMILIES: readonly LookupFamily[] = ["auto", ...LOOKUP_FAMILIES];
const DNS_CLUSTER = "envoy.extensions.clusters.dns.v3.DnsCluster";
const GETADDRINFO =
  "envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig";
const CARES = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";
const REFRESH_MS = 5000;
const AGGREGATE_CLUSTER = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";
const ORIGINAL_DST_CLUSTER = "envoy.extensions.clusters.original_dst.v3.OriginalDstCluster";
const CLEANUP_INTERVAL_MS = 5000;

/** How a cluster finds its hosts; types that are not acted on are refused and get no hosts. */
export function compileDiscovery(cluster: Cluster, problems: Problems): Discovery {
  const kind = cluster.clusterDiscoveryType;
  if (kind.case === "clusterType") return compileCustom(cluster, problems);
  const type = kind.case === "type" ? TYPES[kind.value] ?? "STATIC" : "STATIC";
  if (type === "STATIC") return { kind: "static" };
  if (type === "STRICT_DNS") return { kind: "strict_dns", dns: legacyDns(cluster, problems) };
  if (type === "LOGICAL_DNS") {
    checkSingleEndpoint(cluster, problems);
    return { kind: "logical_dns", dns: legacyDns(cluster, problems) };
  }
  if (type === "ORIGINAL_DST") return originalDst(cluster);
  return compileEds(cluster, problems);
}

/** Endpoints come from files only; other sources are refused. */
function compileEds(cluster: Cluster, problems: Problems): Discovery {
  const eds = cluster.edsClusterConfig;
  const service = eds?.serviceName || cluster.name;
  const source = eds?.edsConfig?.configSourceSpecifier;
  checkFormat(source, problems);
  switch (source?.case) {
    case "path":
      return { kind: "eds", service, source: fileSource(source.value) };
    case "pathConfigSource": {
      const { path, watchedDirectory } = source.value;
      return { kind: "eds", service, source: fileSource(path, watchedDirectory) };
    }
    default:
      problems.unsupported(eds ?? cluster, "eds_config", "the cluster gets no endpoints", true);
      return { kind: "static" };
  }
}

/** Files of protobuf, binary or as its text format, which Envoy tells by these endings. */
const PROTOBUF_FILE = /\.pb(_text|_length_delimited)?$/i;

function checkFormat(
  source: envoy_config_core_v3_ConfigSource["configSourceSpecifier"] | undefined,
  problems: Problems,
): void {
  if (source?.case !== "pathConfigSource" || !PROTOBUF_FILE.test(source.value.path)) return;
  problems.unsupported(source.value, "path", "only YAML and JSON files are read", true);
}

function fileSource(
  path: string,
  watched?: envoy_config_core_v3_WatchedDirectory,
): ResourceSource {
  return {
    path,
    watchedDirectory: watched?.path,
    seesWrites: watched?.watchModify ?? false,
  };
}

function compileCustom(cluster: Cluster, problems: Problems): Discovery {
  const custom = cluster.clusterDiscoveryType;
  const config = custom.case === "clusterType" ? custom.value.typedConfig : undefined;
  if (config?.$typeName === DNS_CLUSTER) {
    const message = config as DnsCluster;
    const dns = typedDns(message, problems);
    if (!message.allAddressesInSingleEndpoint) return { kind: "strict_dns", dns };
    checkSingleEndpoint(cluster, problems);
    return { kind: "logical_dns", dns };
  }
  if (config?.$typeName === ORIGINAL_DST_CLUSTER) return originalDst(cluster);
  // Its hosts are those of its members.
  if (config?.$typeName === AGGREGATE_CLUSTER) return { kind: "static" };
  if (isDynamicForward(cluster)) return { kind: "dynamic" };
  const name = custom.case === "clusterType" ? custom.value.name : "";
  if (name === "envoy.cluster.static") return { kind: "static" };
  if (name === "envoy.cluster.original_dst") return originalDst(cluster);
  if (name === "envoy.cluster.eds") return compileEds(cluster, problems);
  if (name === "envoy.cluster.strict_dns") {
    return { kind: "strict_dns", dns: legacyDns(cluster, problems) };
  }
  if (name === "envoy.cluster.logical_dns") {
    checkSingleEndpoint(cluster, problems);
    return { kind: "logical_dns", dns: legacyDns(cluster, problems) };
  }
  problems.unsupported(cluster, "cluster_type", `clusters of type ${name} get no endpoints`, true);
  return { kind: "static" };
}

function originalDst(cluster: Cluster): Discovery {
  return {
    kind: "original_dst",
    cleanupMs: durationMsOr(cluster.cleanupInterval, CLEANUP_INTERVAL_MS),
  };
}

function checkSingleEndpoint(cluster: Cluster, problems: Problems): void {
  const groups = cluster.loadAssignment?.endpoints ?? [];
  if (groups.length === 1 && groups[0]!.lbEndpoints.length === 1) return;
  problems.error(
    cluster,
    "load_assignment",
    "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint",
    "use STRICT_DNS for several endpoints",
  );
}

function legacyDns(cluster: Cluster, problems: Problems): DnsOptions {
  return {
    ...refreshRates(cluster),
    respectsTtl: cluster.respectDnsTtl,
    minRefreshMs: 0,
    jitterMs: durationMsOr(cluster.dnsJitter, 0),
    family: LOOKUP_FAMILIES[cluster.dnsLookupFamily] ?? "auto",
    resolver: compileResolver(cluster, problems),
  };
}

function typedDns(message: DnsCluster, problems: Problems): DnsOptions {
  return {
    ...refreshRates(message),
    respectsTtl: message.respectDnsTtl,
    minRefreshMs: durationMsOr(message.dnsMinRefreshRate, 0),
    jitterMs: durationMsOr(message.dnsJitter, 0),
    family: TYPED_FAMILIES[message.dnsLookupFamily] ?? "auto",
    resolver: typedResolver(message.typedDnsResolverConfig, problems) ?? NO_OPTIONS,
  };
}

/** How often a name is asked for; after failures with backoff, ten times the base at most (Envoy). */
function refreshRates(message: Cluster | DnsCluster) {
  const refreshMs = durationMsOr(message.dnsRefreshRate, REFRESH_MS);
  return { refreshMs, ...compileFailureBackOff(message.dnsFailureRefreshRate, refreshMs) };
}

/** Backoff after failures; without a configured pair the plain rate, which both then are. */
export function compileFailureBackOff(
  rate: RefreshRate | undefined,
  refreshMs: number,
): Pick<DnsOptions, "failureBaseMs" | "failureMaxMs"> {
  const failureBaseMs = durationMsOr(rate?.baseInterval, refreshMs);
  const longestMs = rate === undefined ? failureBaseMs : failureBaseMs * 10;
  return { failureBaseMs, failureMaxMs: durationMsOr(rate?.maxInterval, longestMs) };
}

/** Those of who says nothing of resolvers, so that the bootstrap's are used. */
export const NO_OPTIONS: ResolverOptions = {
  servers: [],
  usesTcp: false,
  noSearchDomains: false,
  timeoutMs: undefined,
  tries: undefined,
};

/** `typed_dns_resolver_config` wins over `dns_resolution_config`, and that over the oldest fields. */
export function compileResolver(message: ResolverFields, problems: Problems): ResolverOptions {
  const typed = typedResolver(message.typedDnsResolverConfig, problems);
  if (typed !== undefined) return typed;
  const config = message.dnsResolutionConfig;
  if (config !== undefined) {
    return {
      ...NO_OPTIONS,
      servers: serversOf(config.resolvers, problems),
      usesTcp: config.dnsResolverOptions?.useTcpForDnsLookups ?? false,
      noSearchDomains: config.dnsResolverOptions?.noDefaultSearchDomain ?? false,
    };
  }
  const servers = serversOf(message.dnsResolvers ?? [], problems);
  if (servers.length === 0 && !message.useTcpForDnsLookups) return NO_OPTIONS;
  return { ...NO_OPTIONS, servers, usesTcp: message.useTcpForDnsLookups };
}

function typedResolver(
  extension: envoy_config_core_v3_TypedExtensionConfig | undefined,
  problems: Problems,
): ResolverOptions | undefined {
  const config = extension?.typedConfig;
  if (extension === undefined || config === undefined) return undefined;
  if (config.$typeName === GETADDRINFO) return getAddrInfo(config as GetAddrInfo);
  if (config.$typeName !== CARES) {
    problems.unsupported(extension, "typed_config", "names are resolved by DNS queries of our own");
    return undefined;
  }
  const cares = config as envoy_extensions_network_dns_resolver_cares_v3_CaresDnsResolverConfig;
  if (cares.useResolversAsFallback) {
    problems.unsupported(cares, "use_resolvers_as_fallback", "the resolvers are asked always");
  }
  if (cares.filterUnroutableFamilies) {
    problems.unsupported(cares, "filter_unroutable_families", "no family is left out");
  }
  return {
    servers: serversOf(cares.resolvers, problems),
    usesTcp: cares.dnsResolverOptions?.useTcpForDnsLookups ?? false,
    noSearchDomains: cares.dnsResolverOptions?.noDefaultSearchDomain ?? false,
    timeoutMs: cares.queryTimeoutSeconds === undefined
      ? undefined
      : Number(cares.queryTimeoutSeconds) * 1000,
    tries: cares.queryTries,
  };
}

/** The system's files are read as getaddrinfo(3) reads them; failures are asked for again. */
function getAddrInfo({ numRetries }: GetAddrInfo): ResolverOptions {
  return { ...NO_OPTIONS, tries: numRetries === undefined ? undefined : numRetries + 1 };
}

function serversOf(
  messages: readonly envoy_config_core_v3_Address[],
  problems: Problems,
): Address[] {
  const servers: Address[] = [];
  for (const message of messages) {
    const address = readAddress(message, false, problems);
    if (address?.kind === "ip") {
      servers.push(address.port === 0 ? { ...address, port: 53 } : address);
    }
  }
  return servers;
}
