/**
 * Resolves the server name of the ClientHello before the TCP proxy behind it looks for that host in
 * a dynamic forward proxy cluster: the connection waits while main asks DNS.
 */

import { copyBytes, joinBytes } from "../../base/mod.ts";
import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import type {
  envoy_extensions_filters_network_sni_dynamic_forward_proxy_v3_FilterConfig as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import {
  type DnsCacheEntry,
  type DnsCacheService,
  type DnsCacheView,
  type DnsLoadHandle,
  type DnsWaiter,
  DYNAMIC_FORWARD_PROXY,
  type DynamicForwardProxy,
} from "../../upstream/mod.ts";
import { StateText } from "./tcp_proxy_state.ts";

/** Tells the cluster's balancer the port of hosts that name none. */
const DYNAMIC_PORT = "envoy.upstream.dynamic_port";

interface Config {
  /** Undefined where no cluster takes its hosts from requests: nothing to do. */
  readonly forward: DynamicForwardProxy | undefined;
  readonly port: number;
  readonly cacheName: string;
  readonly caches: () => DnsCacheService;
}

class SniDynamicForwardProxyFilter implements NetworkFilter, DnsWaiter {
  readonly #config: Config;
  readonly #callbacks: NetworkCallbacks;
  #cache: DnsCacheView | undefined;
  #handle: DnsLoadHandle | undefined;
  /** What came while the connection waited; at most what was read before reading stopped. */
  #early: Uint8Array | undefined;

  constructor(config: Config, callbacks: NetworkCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    const { forward, caches, cacheName } = this.#config;
    const { streamInfo, info } = this.#callbacks;
    const host = forward?.dynamicHostOf(streamInfo) ?? info.requestedServerName;
    const cache = caches().get(cacheName);
    if (forward === undefined || cache === undefined || host === "") return "continue";
    if (!cache.tryRequest()) return this.#close();
    this.#cache = cache;
    const load = cache.load(host, this.#port(forward), this);
    if (load.status === "loading") {
      this.#handle = load.handle;
      this.#callbacks.connection.readDisable(true);
      return "stop";
    }
    this.#release();
    // A name that does not resolve is no host of the cluster, as the TCP proxy will find.
    return load.status === "overflow" ? this.#close() : "continue";
  }

  onDnsEntry(entry: DnsCacheEntry): void {
    this.#handle = undefined;
    this.#release();
    this.#callbacks.connection.readDisable(false);
    if (entry.state === "overflow") this.#close();
    else this.#callbacks.continueReading(this.#early);
    this.#early = undefined;
  }

  /** The ClientHello has been read already when the connection begins to wait. */
  onData(bytes: Uint8Array): NetworkStatus {
    if (this.#handle === undefined) return "continue";
    this.#early = this.#early === undefined ? copyBytes(bytes) : joinBytes(this.#early, bytes);
    return "stop";
  }

  onClose(): void {
    this.#handle?.cancel();
    this.#handle = undefined;
    this.#release();
  }

  /** Of filter state; else the filter's own, which filter state then has. */
  #port(forward: DynamicForwardProxy): number {
    const { streamInfo } = this.#callbacks;
    const known = forward.dynamicPortOf(streamInfo);
    if (known !== undefined) return known;
    const { port } = this.#config;
    (streamInfo.filterState ??= new Map()).set(DYNAMIC_PORT, new StateText(String(port)));
    return port;
  }

  #close(): NetworkStatus {
    this.#callbacks.connection.close("no_flush");
    return "stop";
  }

  #release(): void {
    this.#cache?.releaseRequest();
    this.#cache = undefined;
  }
}

function compile(message: Message, context: CompileContext): Config {
  const forward = context.extension<DynamicForwardProxy>("cluster_type", DYNAMIC_FORWARD_PROXY);
  const caches = (): DnsCacheService => context.service<DnsCacheService>("dns_caches");
  const { dnsCacheConfig: cache, portSpecifier: port } = message;
  if (cache !== undefined && forward !== undefined) {
    caches().declare(forward.compileCache(cache, context.problems));
  }
  return {
    forward,
    port: port.case === "portValue" ? port.value : 0,
    cacheName: cache?.name ?? "",
    caches,
  };
}

export const sniDynamicForwardProxyFactory: NetworkFilterFactory<Config> = {
  name: "envoy.filters.network.sni_dynamic_forward_proxy",
  type: "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
  isTerminal: false,
  compile: (message, context) => compile(message as Message, context),
  create: (config, callbacks) => new SniDynamicForwardProxyFilter(config, callbacks),
};
