/** The connection manager's configuration, compiled once per filter chain and thread. */

import { type AccessLog, compileAccessLogs } from "../access_log/mod.ts";
import {
  type Dispatcher,
  durationMsOr,
  type KeepaliveOptions,
  keepaliveOptions,
} from "../base/mod.ts";
import type { CodecStats } from "../codec/mod.ts";
import { compileHttpFilters, type FilterChain, type ListenerFacts } from "../filter_chain/mod.ts";
import type {
  envoy_config_route_v3_RouteConfiguration,
  envoy_extensions_filters_network_http_connection_manager_v3_HttpConnectionManager as Message,
} from "../proto/mod.ts";
import { compileRouteTable, type RouteTable } from "../route/mod.ts";
import type { CompileContext, Runtime } from "../runtime/mod.ts";
import { type Histogram, sanitizeStatName, type StatGroup } from "../stats/mod.ts";
import { type CodecConfig, compileCodecs } from "./codec_config.ts";
import { percentShare } from "./percent.ts";
import {
  compileHost,
  compilePath,
  compileProxyStatus,
  compileRequestHeaders,
  compileResponseHeaders,
  compileSampling,
} from "./header_config.ts";
import type { TrafficSide } from "./decorator.ts";
import type { HostOptions } from "./host_normalize.ts";
import { compileLocalReply, type LocalReplyRules } from "./local_reply_config.ts";
import type { PathOptions } from "./path_normalize.ts";
import type { ProxyStatusOptions } from "./proxy_status.ts";
import type { RequestHeaderOptions } from "./request_headers.ts";
import type { SamplingOptions } from "./request_id.ts";
import { DateHeader, type ResponseHeaderOptions } from "./response_headers.ts";
import { CODEC_COUNTERS, HTTP_STATS, LISTENER_HTTP_STATS, TRACING_STATS } from "./stats.ts";
import type { TimeoutOptions } from "./timeouts.ts";
import type { UpgradeRule } from "./upgrades.ts";

/** The connection manager's configuration as its streams use it. */
export interface ManagerConfig {
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  readonly codec: CodecConfig;
  readonly keepalive: KeepaliveOptions | undefined;
  readonly routes: RouteTable;
  readonly chain: FilterChain;
  /** By upgrade type in lower case. */
  readonly upgrades: ReadonlyMap<string, UpgradeRule>;
  readonly request: RequestHeaderOptions;
  readonly response: ResponseHeaderOptions;
  readonly path: PathOptions;
  readonly host: HostOptions;
  readonly proxyStatus: ProxyStatusOptions | undefined;
  readonly sampling: SamplingOptions | undefined;
  /** undefined without a tracing block. */
  readonly tracedSide: TrafficSide | undefined;
  readonly localReply: LocalReplyRules | undefined;
  readonly timeouts: TimeoutOptions;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Interim responses come from the upstream, and `expect` goes there. */
  readonly passesInterim: boolean;
  readonly accessLogs: readonly AccessLog[];
  readonly logsOnRequest: boolean;
  readonly logsOnTunnel: boolean;
  readonly date: DateHeader;
  readonly ids: StreamIds;
  readonly stats: StatGroup;
  readonly listenerStats: StatGroup | undefined;
  readonly tracingStats: StatGroup;
  readonly http1Stats: CodecStats;
  readonly http2Stats: CodecStats;
  readonly requestTime: Histogram;
  readonly connectionTime: Histogram;
}

/** Numbers of streams, unique in the thread's manager. */
class StreamIds {
  #last = 0;
  next(): number {
    return ++this.#last;
  }
}

/**
 * One HttpConnectionManager message compiled for one thread; faults go to the context's problems.
 */
export function compileManager(
  message: Message,
  context: CompileContext,
  listener: ListenerFacts | undefined,
): ManagerConfig {
  const prefix = sanitizeStatName(message.statPrefix);
  const scope = context.scope.scope(`http.${prefix}`);
  const routes = compileRoutes(message, context);
  const statPrefix = `http.${prefix}.`;
  for (const name of CODEC_COUNTERS) context.scope.counter(name);
  return {
    dispatcher: context.dispatcher,
    runtime: context.runtime,
    codec: compileCodecs(message, context),
    keepalive: keepaliveOptions(message.http2ProtocolOptions?.connectionKeepalive),
    routes,
    chain: compileHttpFilters(message.httpFilters, context, statPrefix),
    upgrades: compileUpgrades(message, context, statPrefix),
    request: compileRequestHeaders(message, context, routes),
    response: compileResponseHeaders(message),
    path: compilePath(message, context),
    host: compileHost(message, context),
    proxyStatus: compileProxyStatus(message, context),
    sampling: compileSampling(message),
    tracedSide: tracedSide(message, listener),
    localReply: message.localReplyConfig === undefined
      ? undefined
      : compileLocalReply(message.localReplyConfig, context),
    timeouts: compileTimeouts(message),
    maxRequestsPerConnection: message.commonHttpProtocolOptions?.maxRequestsPerConnection ?? 0,
    passesInterim: message.proxy100Continue,
    accessLogs: compileAccessLogs(message.accessLog, context),
    logsOnRequest: message.accessLogOptions?.flushAccessLogOnNewRequest ??
      message.flushAccessLogOnNewRequest,
    logsOnTunnel: message.accessLogOptions?.flushLogOnTunnelSuccessfullyEstablished ?? false,
    date: new DateHeader(),
    ids: new StreamIds(),
    stats: scope.group(HTTP_STATS),
    listenerStats: listener?.scope.scope(`http.${prefix}`).group(LISTENER_HTTP_STATS),
    tracingStats: scope.scope("tracing").group(TRACING_STATS),
    http1Stats: context.scope,
    http2Stats: context.scope.scope("http2"),
    requestTime: scope.histogram("downstream_rq_time", "milliseconds"),
    connectionTime: scope.histogram("downstream_cx_length_ms", "milliseconds"),
  };
}

function tracedSide(
  message: Message,
  listener: ListenerFacts | undefined,
): TrafficSide | undefined {
  if (message.tracing === undefined) return undefined;
  return listener?.isOutbound === true ? "egress" : "ingress";
}

/** A table found by discovery is refused by `config/`; until then nothing matches. */
const NO_ROUTES: RouteTable = {
  name: "",
  match: () => ({ miss: "not_found" }),
  internalOnlyHeaders: [],
  maxDirectResponseBodyBytes: 0,
  usesVirtualHostFromScheme: false,
};

function compileRoutes(message: Message, context: CompileContext): RouteTable {
  const { routeSpecifier } = message;
  if (routeSpecifier.case !== "routeConfig") return NO_ROUTES;
  const table: envoy_config_route_v3_RouteConfiguration = routeSpecifier.value;
  return compileRouteTable(table, context);
}

function compileUpgrades(
  message: Message,
  context: CompileContext,
  statPrefix: string,
): ReadonlyMap<string, UpgradeRule> {
  const rules = new Map<string, UpgradeRule>();
  for (const upgrade of message.upgradeConfigs) {
    rules.set(upgrade.upgradeType.toLowerCase(), {
      isEnabled: upgrade.enabled ?? true,
      chain: upgrade.filters.length === 0
        ? undefined
        : compileHttpFilters(upgrade.filters, context, statPrefix),
    });
  }
  return rules;
}

const HOUR_MS = 3_600_000;

function compileTimeouts(message: Message): TimeoutOptions {
  const common = message.commonHttpProtocolOptions;
  const streamIdleMs = durationMsOr(message.streamIdleTimeout, 300_000);
  return {
    requestMs: durationMsOr(message.requestTimeout, 0),
    requestHeadersMs: durationMsOr(message.requestHeadersTimeout, 0),
    streamIdleMs,
    streamFlushMs: durationMsOr(message.streamFlushTimeout, streamIdleMs),
    maxStreamDurationMs: durationMsOr(common?.maxStreamDuration, 0),
    connectionIdleMs: durationMsOr(common?.idleTimeout, HOUR_MS),
    maxConnectionDurationMs: durationMsOr(common?.maxConnectionDuration, 0),
    maxConnectionJitter: percentShare(common?.maxConnectionDurationJitter),
    drainMs: durationMsOr(message.drainTimeout, 5000),
    drainJitter: percentShare(message.drainTimeoutJitter),
    delayedCloseMs: durationMsOr(message.delayedCloseTimeout, 1000),
    accessLogFlushMs: durationMsOr(
      message.accessLogOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    isHttp1DurationSafe: message.http1SafeMaxConnectionDuration,
  };
}
