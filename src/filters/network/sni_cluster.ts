/** Lets the server name of the ClientHello name the cluster; the TCP proxy behind it goes there. */

import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import { StateText, TCP_CLUSTER } from "./tcp_proxy_state.ts";

class SniClusterFilter implements NetworkFilter {
  readonly #callbacks: NetworkCallbacks;

  constructor(callbacks: NetworkCallbacks) {
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    const { info, streamInfo } = this.#callbacks;
    const name = info.requestedServerName;
    if (name !== "") {
      streamInfo.setStateObject(TCP_CLUSTER, new StateText(name));
    }
    return "continue";
  }

  onData(): NetworkStatus {
    return "continue";
  }

  onClose(): void {}
}

export const sniClusterFactory: NetworkFilterFactory<undefined> = {
  name: "envoy.filters.network.sni_cluster",
  type: "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
  isTerminal: false,
  compile: () => undefined,
  create: (_config, callbacks) => new SniClusterFilter(callbacks),
};
