/** Client codecs with a cluster's options and its `http1.*` and `http2.*` counters. */

import {
  type CodecStats,
  type EventCounter,
  Http1ClientConnection,
  Http2ClientConnection,
} from "../codec/mod.ts";
import type { Scope } from "../stats/mod.ts";
import type { CodecFactory } from "./conn_pool/pool_context.ts";
import type { UpstreamProtocolOptions } from "./protocol_options.ts";

/** Counters of one cluster's codecs: one object a name, however many connections ask. */
class ScopedCodecStats implements CodecStats {
  readonly #scope: Scope;
  readonly #counters = new Map<string, EventCounter>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  counter(name: string): EventCounter {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = this.#scope.counter(name);
      this.#counters.set(name, counter);
    }
    return counter;
  }
}

/** @param scope the cluster's */
export function codecFactory(options: UpstreamProtocolOptions, scope: Scope): CodecFactory {
  const http1Stats = new ScopedCodecStats(scope);
  const http2Stats = new ScopedCodecStats(scope.scope("http2"));
  return (protocol, connection, callbacks) =>
    protocol === "http2"
      ? new Http2ClientConnection(connection, options.http2, callbacks, http2Stats)
      : new Http1ClientConnection(connection, options.http1, callbacks, http1Stats);
}
