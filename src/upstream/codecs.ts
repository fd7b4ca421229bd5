/** Client codecs with a cluster's options and its `http1.*` and `http2.*` counters. */

import type { CodecStats, EventCounter } from "../codec/mod.ts";
import type { Scope } from "../stats/mod.ts";
import type { CodecFactory } from "./conn_pool/pool_context.ts";
import type { UpstreamProtocolOptions } from "./protocol_options.ts";

let codecs: typeof import("../codec/mod.ts") | undefined;

/** To be awaited before the first connection: workers always have codecs, main only if it checks. */
export async function loadCodecs(): Promise<void> {
  codecs ??= await import("../codec/mod.ts");
}

/** Envoy's names; all stand in /stats from the first connection of their protocol on. */
const HTTP1_COUNTERS: readonly string[] = [
  "http1.dropped_headers_with_underscores",
  "http1.metadata_not_supported_error",
  "http1.requests_rejected_with_underscores_in_headers",
  "http1.response_flood",
];
const HTTP2_COUNTERS: readonly string[] = [
  "cookies_total_bytes_too_large",
  "deferred_stream_close",
  "dropped_headers_with_underscores",
  "goaway_sent",
  "header_list_size_too_large",
  "header_overflow",
  "headers_cb_no_stream",
  "inbound_empty_frames_flood",
  "inbound_priority_frames_flood",
  "inbound_window_update_frames_flood",
  "keepalive_timeout",
  "metadata_empty_frames",
  "outbound_control_flood",
  "outbound_flood",
  "requests_rejected_with_underscores_in_headers",
  "rx_messaging_error",
  "rx_reset",
  "stream_refused_errors",
  "trailers",
  "tx_flush_timeout",
  "tx_reset",
];

/** Counters of one cluster's codecs: one object a name, however many connections ask. */
class ScopedCodecStats implements CodecStats {
  readonly #scope: Scope;
  readonly #names: readonly string[];
  readonly #counters = new Map<string, EventCounter>();

  constructor(scope: Scope, names: readonly string[]) {
    this.#scope = scope;
    this.#names = names;
  }

  /** There is a connection now. */
  declare(): this {
    if (this.#counters.size === 0) {
      for (const known of this.#names) this.#counters.set(known, this.#scope.counter(known));
    }
    return this;
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
  const http1Stats = new ScopedCodecStats(scope, HTTP1_COUNTERS);
  const http2Stats = new ScopedCodecStats(scope.scope("http2"), HTTP2_COUNTERS);
  return (protocol, connection, callbacks) => {
    const { Http1ClientConnection, createHttp2ClientConnection } = codecs!;
    return protocol === "http2"
      ? createHttp2ClientConnection(connection, options.http2, callbacks, http2Stats.declare())
      : new Http1ClientConnection(connection, options.http1, callbacks, http1Stats.declare());
  };
}
