/**
 * Resolves the host that a request names before the router looks for it in a dynamic forward proxy
 * cluster: the request waits while main asks DNS. Requests for other clusters pass.
 */

import type { Address } from "../../base/mod.ts";
import type {
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
} from "../../filter_chain/mod.ts";
import { type FilterStateObject, FLAG, H, type HeaderMap } from "../../http/mod.ts";
import type {
  envoy_extensions_filters_http_dynamic_forward_proxy_v3_FilterConfig as Message,
  envoy_extensions_filters_http_dynamic_forward_proxy_v3_PerRouteConfig as RouteMessage,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { ClusterManager, DnsCacheEntry, DnsWaiter } from "../../upstream/mod.ts";
import { compileNameCache, type NameCache, NameWait } from "../name_wait.ts";

/** Where filters find the address that a request goes to. */
const UPSTREAM_ADDRESS = "envoy.stream.upstream_address";
const BAD_REQUEST = 400;
const SERVICE_UNAVAILABLE = 503;

interface Config extends NameCache {
  readonly savesAddress: boolean;
  readonly takesHostFromState: boolean;
  /** Looked up when a request comes: main has none where it only checks. */
  readonly clusters: () => ClusterManager;
}

interface RouteConfig {
  /** "": the host stays. */
  readonly host: string;
  /** Header that names the host, in lower case; "": none. */
  readonly header: string;
}

/** The resolved address; it prints as nothing, as Envoy's. */
class UpstreamAddress implements FilterStateObject {
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  serialize(): undefined {
    return undefined;
  }

  json(): undefined {
    return undefined;
  }
}

class DynamicForwardProxyFilter implements HttpFilter, DnsWaiter {
  readonly #config: Config;
  readonly #callbacks: FilterCallbacks;
  #wait: NameWait | undefined;

  constructor(config: Config, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap): HeadersStatus {
    const { forward } = this.#config;
    const defaultPort = forward === undefined ? undefined : this.#defaultPort();
    if (forward === undefined || defaultPort === undefined) return "continue";
    const route = this.#callbacks.routeConfig<RouteConfig>();
    if (route !== undefined) rewriteHost(headers, route);
    const cache = this.#config.caches().get(this.#config.cacheName);
    if (cache === undefined) return "continue";
    this.#wait = NameWait.tryBegin(cache, this);
    if (this.#wait === undefined) {
      return this.#refuse(
        "Dynamic forward proxy pending request overflow",
        "dynamic_forward_proxy_pending_request_overflow",
      );
    }
    const { streamInfo } = this.#callbacks;
    const state = this.#config.takesHostFromState ? streamInfo : undefined;
    const host = (state && forward.dynamicHostOf(state)) ?? headers.getId(H.authority) ?? "";
    const port = (state && forward.dynamicPortOf(state)) ?? defaultPort;
    return this.#load(this.#wait, host, port);
  }

  onDnsEntry(entry: DnsCacheEntry): void {
    if (this.#take(entry)) this.#callbacks.continueDecoding();
  }

  onDestroy(): void {
    this.#wait?.end();
  }

  /** Of the cluster that the route leads to, if requests name its hosts. */
  #defaultPort(): number | undefined {
    const action = this.#callbacks.route()?.action;
    if (action?.kind !== "route" || action.clusterName === undefined) return undefined;
    return this.#config.clusters().get(action.clusterName)?.info.dynamicForwardPort;
  }

  #load(wait: NameWait, host: string, port: number): HeadersStatus {
    if (host === "") {
      wait.end();
      return this.#refuse("Empty host header", "empty_host_header", BAD_REQUEST);
    }
    const load = wait.load(host, port);
    if (load.status === "loading") return "stop_all_iteration_and_watermark";
    if (load.status === "overflow") return this.#overflow();
    return this.#take(load.entry) ? "continue" : "stop_iteration";
  }

  /** @returns whether the request may go on; else it has been answered */
  #take(entry: DnsCacheEntry): boolean {
    const { streamInfo } = this.#callbacks;
    if (entry.state === "overflow") {
      this.#overflow();
      return false;
    }
    if (entry.address === undefined) {
      streamInfo.setFlag(FLAG.dnsResolutionFailed);
      this.#refuse("DNS resolution failure", `dns_resolution_failure{${entry.details}}`);
      return false;
    }
    if (this.#config.savesAddress) {
      streamInfo.setStateObject(UPSTREAM_ADDRESS, new UpstreamAddress(entry.address));
    }
    return true;
  }

  #overflow(): HeadersStatus {
    return this.#refuse("DNS cache overflow", "dns_cache_overflow");
  }

  #refuse(body: string, details: string, status = SERVICE_UNAVAILABLE): HeadersStatus {
    this.#callbacks.sendLocalReply({ status, body, details });
    return "stop_iteration";
  }
}

/** Only the first value of the header counts: clients may send any number of them. */
function rewriteHost(headers: HeaderMap, { host, header }: RouteConfig): void {
  if (host !== "") headers.setId(H.authority, host);
  const named = header === "" ? undefined : headers.get(header);
  if (named !== undefined) headers.setId(H.authority, named);
}

function compile(message: Message, context: CompileContext): Config {
  const specifier = message.implementationSpecifier;
  if (specifier.case === "subClusterConfig") {
    context.problems.unsupported(message, "sub_cluster_config", "no clusters are made", true);
  }
  const cacheConfig = specifier.case === "dnsCacheConfig" ? specifier.value : undefined;
  return {
    ...compileNameCache(cacheConfig, context),
    savesAddress: message.saveUpstreamAddress,
    takesHostFromState: message.allowDynamicHostFromFilterState,
    clusters: () => context.service<ClusterManager>("cluster_manager"),
  };
}

function compileRoute({ hostRewriteSpecifier: { case: kind, value } }: RouteMessage): RouteConfig {
  return {
    host: kind === "hostRewriteLiteral" ? value : "",
    header: kind === "hostRewriteHeader" ? value.toLowerCase() : "",
  };
}

export const dynamicForwardProxyFactory: HttpFilterFactory<Config, RouteConfig> = {
  name: "envoy.filters.http.dynamic_forward_proxy",
  type: "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
  compile: (message, context) => compile(message as Message, context),
  routeType: "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig",
  compileRoute: (message) => compileRoute(message as RouteMessage),
  create: (config, callbacks) => new DynamicForwardProxyFilter(config, callbacks),
};
