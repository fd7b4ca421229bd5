/** One filter chain: its transport and its network filters. */

import { durationMsOr } from "../base/mod.ts";
import type { ListenerFacts, NetworkFilterFactory } from "../filter_chain/mod.ts";
import { compileServerTls, type ServerTls } from "../net/mod.ts";
import type {
  envoy_config_listener_v3_Filter,
  envoy_config_listener_v3_FilterChain,
  envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

/** A network filter with its compiled configuration. */
export interface ChainFilter {
  readonly factory: NetworkFilterFactory;
  readonly config: unknown;
}

/** A FilterChain message compiled. */
export interface CompiledFilterChain {
  readonly name: string;
  /** Undefined: plain bytes. */
  readonly tls: ServerTls | undefined;
  /** Time for the TLS handshake in milliseconds. */
  readonly handshakeTimeoutMs: number;
  readonly filters: readonly ChainFilter[];
}

const RAW_BUFFER = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const DOWNSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/** Envoy waits forever by default; a handshake nobody goes on with is memory held for free. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * One FilterChain message compiled: TLS, handshake timeout in milliseconds, network filters in
 * order.
 */
export function compileFilterChain(
  message: envoy_config_listener_v3_FilterChain,
  context: CompileContext,
  listener: ListenerFacts,
): CompiledFilterChain {
  const { problems } = context;
  if (message.useProxyProto === true) {
    const effect = "put the proxy_protocol listener filter into listener_filters instead";
    problems.unsupported(message, "use_proxy_proto", effect, true);
  }
  const timeout = message.transportSocketConnectTimeout;
  const timeoutMs = durationMsOr(timeout, 0);
  return {
    name: message.name,
    tls: compileTransport(message, context, listener),
    handshakeTimeoutMs: timeoutMs > 0 ? timeoutMs : HANDSHAKE_TIMEOUT_MS,
    filters: compileFilters(message.filters, context, listener),
  };
}

function compileTransport(
  message: envoy_config_listener_v3_FilterChain,
  context: CompileContext,
  listener: ListenerFacts,
): ServerTls | undefined {
  const socket = message.transportSocket;
  if (socket === undefined) return undefined;
  const config = socket.configType.value;
  if (config === undefined || config.$typeName === RAW_BUFFER) return undefined;
  if (config.$typeName === DOWNSTREAM_TLS) {
    const tls = config as unknown as envoy_extensions_transport_sockets_tls_v3_DownstreamTlsContext;
    return compileServerTls(tls, context, listener.scope);
  }
  const effect = `connections are taken without ${config.$typeName}`;
  context.problems.unsupported(socket, "typed_config", effect, true);
  return undefined;
}

function compileFilters(
  messages: readonly envoy_config_listener_v3_Filter[],
  context: CompileContext,
  listener: ListenerFacts,
): ChainFilter[] {
  const filters: ChainFilter[] = [];
  const { problems } = context;
  for (const [index, message] of messages.entries()) {
    const filter = compileFilter(message, context, listener);
    if (filter === undefined) continue;
    filters.push(filter);
    const { isTerminal, type } = filter.factory;
    const isLast = index === messages.length - 1;
    if (isTerminal === isLast) continue;
    const named = `filter named ${message.name} of type ${type}`;
    const text = isTerminal
      ? `terminal ${named} must be the last filter in a network filter chain.`
      : `non-terminal ${named} is the last filter in a network filter chain.`;
    problems.error(message, "", `Error: ${text}`);
  }
  return filters;
}

function compileFilter(
  message: envoy_config_listener_v3_Filter,
  context: CompileContext,
  listener: ListenerFacts,
): ChainFilter | undefined {
  const { problems } = context;
  const { configType } = message;
  if (configType.case === "configDiscovery") {
    const effect = `the configuration of filter "${message.name}" is not fetched`;
    problems.unsupported(message, "config_discovery", effect, true);
    return undefined;
  }
  const typed = configType.value;
  if (typed === undefined) {
    const text = `Didn't find a registered implementation for '${message.name}' with type URL: ''`;
    problems.error(message, "typed_config", text);
    return undefined;
  }
  const factory = context.extension<NetworkFilterFactory>("network_filter", typed.$typeName);
  if (factory === undefined) {
    const effect = `network filter "${message.name}" does not run`;
    problems.unsupported(message, "typed_config", effect, true);
    return undefined;
  }
  return { factory, config: factory.compile(typed, context, listener) };
}
