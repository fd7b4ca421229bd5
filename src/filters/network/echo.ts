/** Sends back what it gets; the client's FIN ends the connection. */

import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";

class EchoFilter implements NetworkFilter {
  readonly #callbacks: NetworkCallbacks;
  #isPaused = false;

  constructor(callbacks: NetworkCallbacks) {
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    return "continue";
  }

  onData(bytes: Uint8Array, endStream: boolean): NetworkStatus {
    const { connection } = this.#callbacks;
    if (bytes.length > 0) connection.output.writeBytes(bytes);
    if (endStream) connection.close("flush_write");
    return "stop";
  }

  onClose(): void {}

  /** A client that sends without reading waits for itself. */
  onAboveWriteBufferHighWatermark(): void {
    this.#pause(true);
  }

  onBelowWriteBufferLowWatermark(): void {
    this.#pause(false);
  }

  #pause(pause: boolean): void {
    if (this.#isPaused === pause) return;
    this.#isPaused = pause;
    this.#callbacks.connection.readDisable(pause);
  }
}

export const echoFactory: NetworkFilterFactory<undefined> = {
  name: "envoy.filters.network.echo",
  type: "envoy.extensions.filters.network.echo.v3.Echo",
  isTerminal: true,
  compile: () => undefined,
  create: (_config, callbacks) => new EchoFilter(callbacks),
};
