/** Answers health checks of load balancers in front: by itself, from a cache, or by the upstream's word. */

import { durationMsOr } from "../../base/mod.ts";
import type {
  DataStatus,
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
  TrailersStatus,
} from "../../filter_chain/mod.ts";
import { FLAG, H, type HeaderMap, statusOf } from "../../http/mod.ts";
import { compileHeaderMatchers } from "../../matching/mod.ts";
import type {
  envoy_extensions_filters_http_health_check_v3_HealthCheck as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { type StatGroup, type StatTemplate, statTemplate } from "../../stats/mod.ts";

/** What the filter asks the server: whether an operator failed its health check. */
interface ServerHealth {
  isFailed(): boolean;
}

/** Of clusters, the filter only counts hosts. */
interface HealthClusters {
  get(name: string): {
    readonly hostSets: readonly { readonly hosts: readonly { readonly health: string }[] }[];
  } | undefined;
}

const STATS: StatTemplate = statTemplate(
  "cached_response degraded failed failed_cluster_empty failed_cluster_not_found failed_cluster_unhealthy ok request_total",
);
const STAT = {
  cachedResponse: 0,
  degraded: 1,
  failed: 2,
  failedClusterEmpty: 3,
  failedClusterNotFound: 4,
  failedClusterUnhealthy: 5,
  ok: 6,
  requestTotal: 7,
} as const;

/** The upstream's last answer, good for a while; shared by all streams of this thread. */
interface Cache {
  readonly timeMs: number;
  status: number;
  isDegraded: boolean;
  /** Monotonic milliseconds. */
  freshUntilMs: number;
}

interface Config {
  readonly isPassThrough: boolean;
  readonly cache: Cache | undefined;
  /** Cluster names with the percentage of their hosts that must be healthy. */
  readonly clusters: readonly (readonly [name: string, percent: number])[];
  readonly matches: (headers: HeaderMap) => boolean;
  readonly clusterName: string;
  /** Looked up when a request comes: main has neither where it only checks. */
  readonly health: () => ServerHealth;
  readonly findClusters: () => HealthClusters;
  readonly stats: StatGroup;
}

interface Verdict {
  readonly status: number;
  readonly details: string;
  readonly stat: number;
  readonly isDegraded: boolean;
}

class HealthCheckFilter implements HttpFilter {
  readonly #config: Config;
  readonly #callbacks: FilterCallbacks;
  #isCheck = false;
  #answers = false;

  constructor(config: Config, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    const config = this.#config;
    if (!config.matches(headers)) return "continue";
    this.#isCheck = true;
    this.#callbacks.streamInfo.isHealthCheck = true;
    this.#answers = !config.isPassThrough || config.health().isFailed() || this.#isCached();
    if (!this.#answers) return "continue";
    if (endStream) this.#answer();
    return "stop_iteration";
  }

  decodeData(_bytes: Uint8Array, endStream: boolean): DataStatus {
    if (!this.#answers) return "continue";
    if (endStream) this.#answer();
    return "stop_no_buffer";
  }

  decodeTrailers(): TrailersStatus {
    if (!this.#answers) return "continue";
    this.#answer();
    return "stop_iteration";
  }

  encodeHeaders(headers: HeaderMap): HeadersStatus {
    const config = this.#config;
    if (this.#isCheck) {
      const { cache } = config;
      if (cache !== undefined && !this.#answers) this.#store(cache, headers);
      headers.setId(H.xEnvoyUpstreamHealthcheckedCluster, config.clusterName);
    }
    // Every response tells, so that clients leave without waiting for their next check.
    if (config.health().isFailed()) headers.setId(H.xEnvoyImmediateHealthCheckFail, "true");
    return "continue";
  }

  #isCached(): boolean {
    const { cache } = this.#config;
    return cache !== undefined && cache.freshUntilMs > this.#callbacks.dispatcher.clock.nowMs();
  }

  #store(cache: Cache, headers: HeaderMap): void {
    cache.status = statusOf(headers);
    cache.isDegraded = headers.hasId(H.xEnvoyDegraded);
    cache.freshUntilMs = this.#callbacks.dispatcher.clock.nowMs() + cache.timeMs;
  }

  #answer(): void {
    const { stats } = this.#config;
    const verdict = this.#judge();
    const isOk = verdict.status >= 200 && verdict.status < 300;
    stats.inc(STAT.requestTotal);
    stats.inc(isOk ? STAT.ok : STAT.failed);
    if (verdict.stat !== STAT.ok && verdict.stat !== STAT.failed) stats.inc(verdict.stat);
    if (verdict.isDegraded) stats.inc(STAT.degraded);
    if (!isOk) this.#callbacks.streamInfo.setFlag(FLAG.failedLocalHealthCheck);
    this.#callbacks.sendLocalReply({
      status: verdict.status,
      body: "",
      details: verdict.details,
      modifyHeaders: verdict.isDegraded ? markDegraded : undefined,
    });
  }

  #judge(): Verdict {
    const config = this.#config;
    if (config.health().isFailed()) {
      return {
        status: 503,
        details: "health_check_failed",
        stat: STAT.failed,
        isDegraded: false,
      };
    }
    const { cache } = config;
    if (cache !== undefined) {
      return {
        status: cache.status,
        details: "health_check_cached",
        stat: STAT.cachedResponse,
        isDegraded: cache.isDegraded,
      };
    }
    return judgeClusters(config);
  }
}

function markDegraded(headers: HeaderMap): void {
  headers.setId(H.xEnvoyDegraded, "");
}

const OK: Verdict = { status: 200, details: "health_check_ok", stat: STAT.ok, isDegraded: false };

function unhealthy(details: string, stat: number): Verdict {
  return { status: 503, details, stat, isDegraded: false };
}

const NO_CLUSTER = unhealthy("health_check_failed_no_cluster_found", STAT.failedClusterNotFound);
const EMPTY_CLUSTER = unhealthy("health_check_failed_cluster_empty", STAT.failedClusterEmpty);
const SICK_CLUSTER = unhealthy(
  "health_check_failed_cluster_unhealthy",
  STAT.failedClusterUnhealthy,
);

/** All of the named clusters must have their share of hosts that can serve. */
function judgeClusters(config: Config): Verdict {
  for (const [name, percent] of config.clusters) {
    const cluster = config.findClusters().get(name);
    if (cluster === undefined) return NO_CLUSTER;
    let total = 0;
    let available = 0;
    for (const { hosts } of cluster.hostSets) {
      total += hosts.length;
      for (const host of hosts) if (host.health !== "unhealthy") available++;
    }
    if (total === 0) {
      if (percent > 0) return EMPTY_CLUSTER;
    } else if (available * 100 < total * percent) {
      return SICK_CLUSTER;
    }
  }
  return OK;
}

function compile(message: Message, context: CompileContext, statPrefix: string): Config {
  const { problems } = context;
  const isPassThrough = message.passThroughMode ?? false;
  const percentages = message.clusterMinHealthyPercentages;
  if (message.cacheTime !== undefined && !isPassThrough) {
    const text = "cache_time_ms must not be set when path_through_mode is disabled";
    problems.error(message, "cache_time", text);
  }
  const cacheMs = durationMsOr(message.cacheTime, 0);
  const matchers = compileHeaderMatchers(message.headers, context);
  return {
    isPassThrough,
    cache: cacheMs === 0
      ? undefined
      : { timeMs: cacheMs, status: 200, isDegraded: false, freshUntilMs: -Infinity },
    clusters: Object.entries(percentages).map(([name, percent]) => [name, percent.value] as const),
    matches: (headers) => matchers.matches(headers),
    clusterName: context.server.nodeCluster,
    health: () => context.service<ServerHealth>("server_health"),
    findClusters: () => context.service<HealthClusters>("cluster_manager"),
    stats: context.scope.scope(`${statPrefix}health_check`).group(STATS),
  };
}

export const healthCheckFactory: HttpFilterFactory<Config> = {
  name: "envoy.filters.http.health_check",
  type: "envoy.extensions.filters.http.health_check.v3.HealthCheck",
  compile: (message, context, statPrefix) => compile(message as Message, context, statPrefix),
  create: (config, callbacks) => new HealthCheckFilter(config, callbacks),
};
