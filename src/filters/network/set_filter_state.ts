/** Puts texts into the filter state of a connection, for the filters behind it. */

import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import { streamFormatContext } from "../../formatter/mod.ts";
import type {
  envoy_extensions_filters_network_set_filter_state_v3_Config as Message,
} from "../../proto/mod.ts";
import { compileStateValues, setStateValues, type StateValue } from "../filter_state_values.ts";

interface Config {
  readonly onNewConnection: readonly StateValue[];
  readonly onData: readonly StateValue[];
}

class SetFilterState implements NetworkFilter {
  readonly #config: Config;
  readonly #callbacks: NetworkCallbacks;
  #hasData = false;

  constructor(config: Config, callbacks: NetworkCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    this.#set(this.#config.onNewConnection);
    return "continue";
  }

  onData(): NetworkStatus {
    if (!this.#hasData) {
      this.#hasData = true;
      this.#set(this.#config.onData);
    }
    return "continue";
  }

  onClose(): void {}

  #set(values: readonly StateValue[]): void {
    if (values.length === 0) return;
    const { streamInfo } = this.#callbacks;
    setStateValues(values, streamInfo, streamFormatContext(streamInfo, undefined));
  }
}

export const setFilterStateFactory: NetworkFilterFactory<Config> = {
  name: "envoy.filters.network.set_filter_state",
  type: "envoy.extensions.filters.network.set_filter_state.v3.Config",
  isTerminal: false,
  compile(message, context) {
    const { onNewConnection, onDownstreamTlsHandshake, onDownstreamData } = message as Message;
    return {
      // Filters are built after the handshake, so that both moments are one.
      onNewConnection: compileStateValues(
        [...onNewConnection, ...onDownstreamTlsHandshake],
        context,
      ),
      onData: compileStateValues(onDownstreamData, context),
    };
  },
  create: (config, callbacks) => new SetFilterState(config, callbacks),
};
