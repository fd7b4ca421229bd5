/** TCP checks: connecting is enough, or bytes are sent and others awaited. */

import type {
  envoy_config_core_v3_HealthCheck,
  envoy_config_core_v3_HealthCheck_TcpHealthCheck,
} from "../../proto/mod.ts";
import type { Connection, ConnectionEvents } from "../../net/mod.ts";
import { Gathered, hasParts, payloadBytes } from "./payload.ts";
import type { Probe, ProbeFactory, ProbeHost } from "./probe.ts";

interface TcpCheck {
  readonly send: Uint8Array;
  readonly receive: readonly Uint8Array[];
  readonly reuse: boolean;
  readonly alpn: readonly string[];
}

/** More than this is not searched for what should be received. */
const GATHERED_BYTES = 65_536;

/** Compiles a `tcp_health_check`. */
export function compileTcpProbe(
  check: envoy_config_core_v3_HealthCheck,
  message: envoy_config_core_v3_HealthCheck_TcpHealthCheck,
): ProbeFactory {
  const compiled: TcpCheck = {
    send: payloadBytes(message.send),
    receive: message.receive.map(payloadBytes),
    reuse: check.reuseConnection ?? true,
    alpn: check.tlsOptions?.alpnProtocols ?? [],
  };
  return (host) => new TcpProbe(compiled, host);
}

/** The TCP checks of one host. */
class TcpProbe implements Probe, ConnectionEvents {
  readonly #check: TcpCheck;
  readonly #host: ProbeHost;
  readonly #received = new Gathered(GATHERED_BYTES);
  #connection: Connection | undefined;
  #isBusy = false;

  constructor(check: TcpCheck, host: ProbeHost) {
    this.#check = check;
    this.#host = host;
  }

  start(): void {
    this.#isBusy = true;
    this.#received.clear();
    if (this.#connection?.isClosing === true) this.close();
    this.#isBusy = true;
    if (this.#connection === undefined) {
      this.#connection = this.#host.connect(this.#check.alpn);
      this.#connection.events = this;
    } else this.#send();
  }

  cancel(): void {
    this.close();
  }

  close(): void {
    this.#isBusy = false;
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    connection.events = SILENT;
    connection.close("no_flush");
  }

  onConnected(): void {
    if (!this.#isBusy) return;
    if (this.#check.receive.length > 0) {
      this.#send();
      return;
    }
    this.close();
    this.#host.events.onSuccess(false);
  }

  onData(bytes: Uint8Array): void {
    if (!this.#isBusy) return;
    this.#received.add(bytes);
    if (!hasParts(this.#received.bytes, this.#check.receive)) return;
    this.#isBusy = false;
    if (!this.#check.reuse) this.close();
    this.#host.events.onSuccess(false);
  }

  onEnd(): void {
    this.#break();
  }

  onClose(): void {
    this.#break();
  }

  #break(): void {
    // Also between two checks: a host that hangs up is no better than one that does not answer.
    this.close();
    this.#host.events.onNetworkFailure();
  }

  #send(): void {
    if (this.#check.send.length > 0) this.#connection!.output.writeBytes(this.#check.send);
  }
}

const SILENT: ConnectionEvents = { onData() {}, onEnd() {}, onClose() {} };
