/** A Listener message as what accepts and serves connections by it. Nothing is bound here. */

import { type AccessLog, compileAccessLogs } from "../access_log/mod.ts";
import { type Address, durationMsOr, formatAddress } from "../base/mod.ts";
import type { AcceptedSocket, ListenerFacts, ListenerFilterFactory } from "../filter_chain/mod.ts";
import type { ConnectionInfo } from "../http/mod.ts";
import { compileMatcherTree } from "../matching/mod.ts";
import type {
  envoy_config_listener_v3_Listener,
  envoy_config_listener_v3_ListenerFilter,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { sanitizeStatName } from "../stats/mod.ts";
import { type BindAddress, compileAddresses } from "./addresses.ts";
import { FilterChainMatcher } from "./chain_match.ts";
import { type CompiledFilterChain, compileFilterChain } from "./filter_chain.ts";
import { compileFilterDisabled, type SocketPredicate } from "./filter_predicate.ts";
import { ListenerStats } from "./stats.ts";
import { reportUnsupported } from "./unsupported.ts";

/** TrafficDirection. */
const TRAFFIC_OUTBOUND = 2;

type Message = envoy_config_listener_v3_Listener;

/** A listener filter with its compiled configuration. */
export interface CompiledListenerFilter {
  readonly factory: ListenerFilterFactory;
  readonly config: unknown;
  readonly isDisabled: SocketPredicate;
}

/** What chains are chosen by: the socket's facts and, for matcher trees, the connection's. */
export type ChainChoice = (
  socket: AcceptedSocket & ConnectionInfo,
) => CompiledFilterChain | undefined;

/** A Listener message compiled; times in milliseconds. */
export interface CompiledListener {
  readonly name: string;
  readonly addresses: readonly BindAddress[];
  /** Reached by `envoy://name/` from the same thread only. */
  readonly isInternal: boolean;
  /** False: the listener has no socket of its own and never sees a connection. */
  readonly bindsToPort: boolean;
  /** Whether each worker has a socket of its own. */
  readonly reusePort: boolean;
  readonly backlog: number;
  readonly bufferLimitBytes: number;
  readonly listenerFilters: readonly CompiledListenerFilter[];
  /** 0: no limit. */
  readonly filtersTimeoutMs: number;
  readonly continuesOnTimeout: boolean;
  readonly chooseChain: ChainChoice;
  readonly accessLogs: readonly AccessLog[];
  /** Number of core.v3.TrafficDirection: 1 inbound, 2 outbound. */
  readonly trafficDirection: number;
  readonly ignoresGlobalLimit: boolean;
  /** `drain_type: DEFAULT`: connections drain while the server's health check is failed. */
  readonly drainsOnFailedHealth: boolean;
  readonly stats: ListenerStats;
}

/** Envoy's default of `per_connection_buffer_limit_bytes`. */
const BUFFER_LIMIT_BYTES = 1024 * 1024;
/** Envoy's default of `listener_filters_timeout`. */
const FILTERS_TIMEOUT_MS = 15_000;
/** Number of `DrainType.DEFAULT`. */
const DRAIN_DEFAULT = 0;
/** Largest backlog that is asked for where the message names none; the kernel caps it. */
const BACKLOG = 4096;

/**
 * Addresses, filters, chains and limits of one listener; timeouts in milliseconds, faults to the
 * context's problems.
 */
export function compileListener(message: Message, context: CompileContext): CompiledListener {
  reportUnsupported(message, context);
  const isInternal = message.listenerSpecifier.case === "internalListener";
  const addresses = isInternal ? [] : compileAddresses(message, context);
  const prefix = message.statPrefix !== ""
    ? message.statPrefix
    : addresses[0] === undefined
    ? isInternal ? `envoy_internal_${message.name}` : message.name
    : formatAddress(addresses[0].address);
  const scope = context.scope.scope("listener").scope(sanitizeStatName(prefix));
  const isOutbound = message.trafficDirection === TRAFFIC_OUTBOUND;
  const facts: ListenerFacts = { scope, isOutbound };
  return {
    name: message.name === "" ? prefix : message.name,
    addresses,
    isInternal,
    bindsToPort: message.bindToPort ?? message.deprecatedV1?.bindToPort ?? true,
    reusePort: message.enableReusePort ?? true,
    backlog: message.tcpBacklogSize ?? BACKLOG,
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? BUFFER_LIMIT_BYTES,
    listenerFilters: compileListenerFilters(message.listenerFilters, context, facts),
    filtersTimeoutMs: durationMsOr(message.listenerFiltersTimeout, FILTERS_TIMEOUT_MS),
    continuesOnTimeout: message.continueOnListenerFiltersTimeout,
    chooseChain: compileChains(message, context, facts),
    accessLogs: compileAccessLogs(message.accessLog, context),
    trafficDirection: message.trafficDirection,
    ignoresGlobalLimit: message.ignoreGlobalConnLimit,
    drainsOnFailedHealth: message.drainType === DRAIN_DEFAULT,
    stats: new ListenerStats(scope, context.worker),
  };
}

/** The address a port was found for; others stay as they are. */
export function withPort(address: Address, port: number | undefined): Address {
  return address.kind === "ip" && port !== undefined ? { ...address, port } : address;
}

function compileListenerFilters(
  messages: readonly envoy_config_listener_v3_ListenerFilter[],
  context: CompileContext,
  facts: ListenerFacts,
): CompiledListenerFilter[] {
  const { problems } = context;
  const filters: CompiledListenerFilter[] = [];
  for (const message of messages) {
    const typed = message.configType.value;
    if (message.configType.case === "configDiscovery" || typed === undefined) {
      const effect = `listener filter "${message.name}" does not run`;
      if (typed === undefined) {
        const text = `Didn't find a registered implementation for '${message.name}' with type ` +
          "URL: ''";
        problems.error(message, "typed_config", text);
      } else problems.unsupported(message, "config_discovery", effect, true);
      continue;
    }
    const factory = context.extension<ListenerFilterFactory>("listener_filter", typed.$typeName);
    if (factory === undefined) {
      const effect = `listener filter "${message.name}" does not run`;
      problems.unsupported(message, "typed_config", effect, true);
      continue;
    }
    filters.push({
      factory,
      config: factory.compile(typed, context, facts),
      isDisabled: compileFilterDisabled(message.filterDisabled),
    });
  }
  return filters;
}

function compileChains(
  message: Message,
  context: CompileContext,
  facts: ListenerFacts,
): ChainChoice {
  const { problems } = context;
  const name = `error adding listener '${nameForErrors(message)}'`;
  const fallback = message.defaultFilterChain === undefined
    ? undefined
    : compileFilterChain(message.defaultFilterChain, context, facts);
  const isDatagram = message.udpListenerConfig !== undefined;
  if (message.filterChains.length === 0 && fallback === undefined && !isDatagram) {
    problems.error(message, "filter_chains", `${name}: no filter chains specified`);
  }
  const chains = message.filterChains.map((chain) => compileFilterChain(chain, context, facts));
  if (message.filterChainMatcher !== undefined) {
    return chooseByTree(message, chains, { context, fallback });
  }
  const matcher = new FilterChainMatcher<CompiledFilterChain>();
  for (const [index, chain] of chains.entries()) {
    const match = message.filterChains[index]!.filterChainMatch;
    if (matcher.add(match, chain, context)) continue;
    const text = `${name}: multiple filter chains with overlapping matching rules are defined`;
    problems.error(message.filterChains[index]!, "filter_chain_match", text);
  }
  // The common case has no tables to walk.
  const only = chains.length === 1 && message.filterChains[0]!.filterChainMatch === undefined
    ? chains[0]
    : undefined;
  if (only !== undefined) return () => only;
  return (socket) => matcher.match(socket) ?? fallback;
}

function chooseByTree(
  message: Message,
  chains: readonly CompiledFilterChain[],
  options: {
    readonly context: CompileContext;
    readonly fallback: CompiledFilterChain | undefined;
  },
): ChainChoice {
  const { context, fallback } = options;
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const tree = compileMatcherTree<string>(message.filterChainMatcher!, {
    context,
    compileAction(action) {
      if (action.$typeName === "google.protobuf.StringValue") {
        return (action as unknown as { readonly value: string }).value;
      }
      const effect = "only names of filter chains are actions here";
      context.problems.unsupported(message, "filter_chain_matcher", effect, true);
      return undefined;
    },
  });
  return (socket) => {
    const name = tree.match({ connection: socket });
    return (name === undefined ? undefined : byName.get(name)) ?? fallback;
  };
}

function nameForErrors(message: Message): string {
  const address = message.address?.address;
  if (address?.case !== "socketAddress") return message.name;
  return `${address.value.address}:${address.value.portSpecifier.value ?? 0}`;
}
