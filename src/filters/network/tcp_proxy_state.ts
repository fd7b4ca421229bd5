/** Filter state by which filters before the TCP proxy steer it, under Envoy's names. */

import type { FilterStateObject, StreamInfo } from "../../http/mod.ts";
import { unicodeText } from "../../matching/mod.ts";

/** The cluster of this connection, in place of the configured one. */
export const TCP_CLUSTER = "envoy.tcp_proxy.cluster";
/** The idle timeout of this connection in milliseconds. */
export const TCP_IDLE_TIMEOUT_MS = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

/** A text in filter state, a binary string. */
export class StateText implements FilterStateObject {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  serialize(): string {
    return this.#text;
  }

  json(): unknown {
    return unicodeText(this.#text) ?? this.#text;
  }
}

/** The text of an object of the connection; undefined if there is none or it is empty. */
export function stateText(info: StreamInfo, key: string): string | undefined {
  return info.stateObject(key)?.serialize() || undefined;
}
