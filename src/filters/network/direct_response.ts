/** Writes fixed bytes to each connection and closes it. */

import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import { readDataSource } from "../../net/mod.ts";
import type {
  envoy_extensions_filters_network_direct_response_v3_Config as Message,
} from "../../proto/mod.ts";

/** As Envoy's `StreamInfo::ResponseCodeDetails::DirectResponse`. */
const DETAILS = "direct_response";

class DirectResponseFilter implements NetworkFilter {
  readonly #response: Uint8Array;
  readonly #callbacks: NetworkCallbacks;

  constructor(response: Uint8Array, callbacks: NetworkCallbacks) {
    this.#response = response;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    const { connection, streamInfo } = this.#callbacks;
    if (this.#response.length > 0) connection.output.writeBytes(this.#response);
    streamInfo.responseCodeDetails = DETAILS;
    connection.close("flush_write", DETAILS);
    return "stop";
  }

  onData(): NetworkStatus {
    return "stop";
  }

  onClose(): void {}
}

export const directResponseFactory: NetworkFilterFactory<Uint8Array> = {
  name: "envoy.filters.network.direct_response",
  type: "envoy.extensions.filters.network.direct_response.v3.Config",
  isTerminal: true,
  compile: (message, context) => readDataSource((message as Message).response, context),
  create: (config, callbacks) => new DirectResponseFilter(config, callbacks),
};
