/** Fields of Listener that denvoy does not act on, each with what the operator misses. */

import type { envoy_config_listener_v3_Listener } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

type Message = envoy_config_listener_v3_Listener;

/** Reports each field that is set and has no effect, or that the listener cannot do without. */
export function reportUnsupported(message: Message, context: CompileContext): void {
  reportRefused(message, context);
  const { problems } = context;
  if (message.freebind === true) {
    problems.unsupported(message, "freebind", "the address must be one of this machine");
  }
  if (message.tcpFastOpenQueueLength !== undefined) {
    problems.unsupported(message, "tcp_fast_open_queue_length", "TCP Fast Open stays off");
  }
  if (message.socketOptions.length > 0) {
    problems.unsupported(message, "socket_options", "the options are not set");
  }
  if (message.connectionBalanceConfig !== undefined) {
    const effect = "the kernel spreads connections over the workers";
    problems.unsupported(message, "connection_balance_config", effect);
  }
  if (message.maxConnectionsToAcceptPerSocketEvent !== undefined) {
    const effect = "as many connections as wait are accepted";
    problems.unsupported(message, "max_connections_to_accept_per_socket_event", effect);
  }
  if (message.enableMptcp) {
    problems.unsupported(message, "enable_mptcp", "connections are plain TCP");
  }
  if (message.bypassOverloadManager) {
    problems.unsupported(message, "bypass_overload_manager", "overload actions apply here, too");
  }
  if (message.perConnectionBufferHighWatermarkTimeout !== undefined) {
    const effect = "a connection whose peer does not read is bounded by idle timeouts only";
    problems.unsupported(message, "per_connection_buffer_high_watermark_timeout", effect);
  }
  if (message.statsMatcher !== undefined) {
    problems.unsupported(message, "stats_matcher", "all stats of the listener are kept");
  }
}

/** What would change who is reached or trusted. */
function reportRefused(message: Message, context: CompileContext): void {
  const { problems } = context;
  if (message.transparent === true) {
    const effect = "connections for other machines' addresses do not arrive";
    problems.unsupported(message, "transparent", effect, true);
  }
  if (message.useOriginalDst === true) {
    const effect = "connections are not handed to the listener of their original destination";
    problems.unsupported(message, "use_original_dst", effect, true);
  }
  if (message.apiListener !== undefined) {
    problems.unsupported(message, "api_listener", "there is no API to call it by", true);
  }
  if (message.fcdsConfig !== undefined) {
    problems.unsupported(message, "fcds_config", "filter chains are not fetched", true);
  }
  const address = message.address?.address;
  if (address?.case === "socketAddress" && address.value.protocol === 1) {
    if (message.filterChains.length > 0 && message.udpListenerConfig?.quicOptions === undefined) {
      const count = message.filterChains.length;
      const text = `error adding listener '${message.name}': ${count} filter chain(s) specified ` +
        "for connection-less UDP listener.";
      problems.error(message, "filter_chains", text);
    }
    const what = message.udpListenerConfig?.quicOptions === undefined ? "UDP" : "HTTP/3";
    problems.unsupported(address.value, "protocol", `${what} is not served`, true);
  }
}
