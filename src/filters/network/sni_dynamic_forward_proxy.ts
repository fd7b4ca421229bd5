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
import type { DnsCacheEntry, DnsWaiter, DynamicForwardProxy } from "../../upstream/mod.ts";
import { compileNameCache, type NameCache, NameWait } from "../name_wait.ts";
import { StateText } from "./tcp_proxy_state.ts";

/** Tells the cluster's balancer the port of hosts that name none. */
const DYNAMIC_PORT = "envoy.upstream.dynamic_port";

interface Config extends NameCache {
  readonly port: number;
}

class SniDynamicForwardProxyFilter implements NetworkFilter, DnsWaiter {
  readonly #config: Config;
  readonly #callbacks: NetworkCallbacks;
  #wait: NameWait | undefined;
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
    this.#wait = NameWait.tryBegin(cache, this);
    if (this.#wait === undefined) return this.#close();
    const load = this.#wait.load(host, this.#port(forward));
    if (load.status === "loading") {
      this.#callbacks.connection.readDisable(true);
      return "stop";
    }
    // A name that does not resolve is no host of the cluster, as the TCP proxy will find.
    return load.status === "overflow" ? this.#close() : "continue";
  }

  onDnsEntry(entry: DnsCacheEntry): void {
    this.#callbacks.connection.readDisable(false);
    if (entry.state === "overflow") this.#close();
    else this.#callbacks.continueReading(this.#early);
    this.#early = undefined;
  }

  /** The ClientHello has been read already when the connection begins to wait. */
  onData(bytes: Uint8Array): NetworkStatus {
    if (!this.#wait?.isLoading) return "continue";
    this.#early = this.#early === undefined ? copyBytes(bytes) : joinBytes(this.#early, bytes);
    return "stop";
  }

  onClose(): void {
    this.#wait?.end();
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
}

function compile(message: Message, context: CompileContext): Config {
  const { dnsCacheConfig, portSpecifier: port } = message;
  return {
    ...compileNameCache(dnsCacheConfig, context),
    port: port.case === "portValue" ? port.value : 0,
  };
}

export const sniDynamicForwardProxyFactory: NetworkFilterFactory<Config> = {
  name: "envoy.filters.network.sni_dynamic_forward_proxy",
  type: "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
  isTerminal: false,
  compile: (message, context) => compile(message as Message, context),
  create: (config, callbacks) => new SniDynamicForwardProxyFilter(config, callbacks),
};
