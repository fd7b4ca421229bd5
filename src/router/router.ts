/**
 * The terminal HTTP filter: finds what the route wants done with a request, answers what needs no
 * upstream, and hands everything else to an Exchange.
 */

import type {
  DataStatus,
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
  TrailersStatus,
} from "../filter_chain/mod.ts";
import { FLAG, H, type HeaderMap, isGrpcRequest } from "../http/mod.ts";
import type { envoy_extensions_filters_http_router_v3_Router } from "../proto/mod.ts";
import {
  currentUrl,
  type DirectResponseAction,
  type RedirectAction,
  type Route,
  type RouteAction,
} from "../route/mod.ts";
import { type Cluster, clusterStat } from "../upstream/mod.ts";
import { Charger, requestTrees } from "./charger.ts";
import { compileRouter, ROUTER_STAT, type RouterConfig } from "./config.ts";
import { Exchange } from "./exchange.ts";
import { findInvalidHeader } from "./strict_headers.ts";

const MAINTENANCE_MODE = clusterStat("upstream_rq_maintenance_mode");

/** An answer that needs no upstream. */
interface Refusal {
  readonly status: number;
  readonly body?: string;
  readonly details: string;
  readonly flag: number;
  /** Name of an x-envoy header set to "true", unless those are suppressed. */
  readonly mark?: number;
}

class Router implements HttpFilter {
  readonly #config: RouterConfig;
  readonly #callbacks: FilterCallbacks;
  #exchange: Exchange | undefined;

  constructor(config: RouterConfig, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): HeadersStatus {
    const { stats } = this.#config;
    stats.inc(ROUTER_STAT.total);
    const route = this.#callbacks.route();
    const action = route?.action;
    if (route === undefined || action === undefined || action.kind === "non_forwarding") {
      stats.inc(ROUTER_STAT.noRoute);
      this.#refuse({ status: 404, details: "route_not_found", flag: FLAG.noRouteFound });
    } else if (action.kind === "route") {
      this.#forward({ route, action, headers, endStream });
    } else {
      stats.inc(ROUTER_STAT.directResponse);
      this.#answer(route, action, headers);
    }
    return this.#exchange?.isAwaitingHost === true
      ? "stop_all_iteration_and_watermark"
      : "stop_iteration";
  }

  decodeData(bytes: Uint8Array, endStream: boolean): DataStatus {
    this.#exchange?.sendData(bytes, endStream);
    return "stop_no_buffer";
  }

  decodeTrailers(trailers: HeaderMap): TrailersStatus {
    this.#exchange?.sendTrailers(trailers);
    return "stop_iteration";
  }

  onDestroy(): void {
    this.#exchange?.destroy();
  }

  #refuse(refusal: Refusal): void {
    const callbacks = this.#callbacks;
    callbacks.streamInfo.setFlag(refusal.flag);
    const mark = this.#config.suppressesEnvoyHeaders ? undefined : refusal.mark;
    callbacks.sendLocalReply({
      status: refusal.status,
      body: refusal.body ?? "",
      details: refusal.details,
      modifyHeaders: mark === undefined ? undefined : (headers) => headers.addId(mark, "true"),
    });
  }

  /** Redirects and direct responses. */
  #answer(
    route: Route,
    action: RedirectAction | DirectResponseAction,
    headers: HeaderMap,
  ): void {
    const callbacks = this.#callbacks;
    const info = callbacks.streamInfo;
    const isRedirect = action.kind === "redirect";
    if (isRedirect) action.rewritePath(headers, info, !this.#config.suppressesEnvoyHeaders);
    callbacks.sendLocalReply({
      status: action.status,
      body: isRedirect ? "" : action.body(headers, info),
      details: "direct_response",
      contentType: isRedirect ? undefined : action.contentType,
      modifyHeaders: (response) => {
        if (isRedirect) response.addId(H.location, action.location(headers));
        else if (pointsSomewhere(action.status) && headers.hasId(H.path)) {
          response.addId(H.location, currentUrl(headers));
        }
        info.responseCode = action.status;
        route.applyResponseHeaders(response, info, headers);
      },
    });
  }

  #forward(request: {
    readonly route: Route;
    readonly action: RouteAction;
    readonly headers: HeaderMap;
    readonly endStream: boolean;
  }): void {
    const { route, action, headers } = request;
    const config = this.#config;
    const info = this.#callbacks.streamInfo;
    info.upstreamCluster = action.clusterName;
    const cluster = action.clusterName === undefined
      ? undefined
      : config.clusters.get(action.clusterName);
    if (cluster === undefined) {
      config.stats.inc(ROUTER_STAT.noCluster);
      const status = action.clusterNotFoundStatus;
      this.#refuse({ status, details: "cluster_not_found", flag: FLAG.noClusterFound });
      return;
    }
    const trees = requestTrees(config, route, { headers, info });
    if (config.strictHeaders.length > 0 && !this.#checkStrictly(headers)) return;
    const isGrpc = isGrpcRequest(headers);
    const charger = new Charger(config, cluster.info, { headers, info, trees, isGrpc });
    if (this.#isShed(cluster, charger)) return;
    this.#exchange = new Exchange(config, this.#callbacks, {
      route,
      action,
      headers,
      cluster,
      charger,
      isGrpc,
    });
    this.#exchange.start(request.endStream);
  }

  #checkStrictly(headers: HeaderMap): boolean {
    const invalid = findInvalidHeader(this.#config.strictHeaders, headers);
    if (invalid === undefined) return true;
    this.#refuse({
      status: 400,
      body: `invalid header '${invalid.name}' with value '${invalid.value}'`,
      details: `request_headers_failed_strict_check{${invalid.name}}`,
      flag: FLAG.invalidEnvoyRequestHeaders,
    });
    return false;
  }

  /** Whether the operator or the control plane wants this request thrown away. */
  #isShed(cluster: Cluster, charger: Charger): boolean {
    const { info } = cluster;
    if (info.isMaintenanceMode()) {
      info.stats.inc(MAINTENANCE_MODE);
      charger.charge(503, undefined, false);
      this.#refuse({
        status: 503,
        body: "maintenance mode",
        details: "maintenance_mode",
        flag: FLAG.upstreamOverflow,
        mark: H.xEnvoyOverloaded,
      });
      return true;
    }
    const percent = info.dropOverloadPercent;
    if (percent <= 0) return false;
    // What drops everything is no answer to overload and counted by its status alone.
    const isUnconditional = percent >= 100;
    if (!isUnconditional) {
      const { random } = this.#callbacks.dispatcher;
      if (random.below(1_000_000) >= percent * 10_000) return false;
      info.chargeDropOverload();
    }
    charger.charge(503, undefined, false);
    this.#refuse({
      status: 503,
      body: isUnconditional ? "unconditional drop overload" : "drop overload",
      details: isUnconditional ? "unconditional_drop_overload" : "drop_overload",
      flag: isUnconditional ? FLAG.unconditionalDropOverload : FLAG.dropOverload,
      mark: isUnconditional ? H.xEnvoyUnconditionalDropOverload : H.xEnvoyDropOverload,
    });
    return true;
  }
}

/** Answers that Envoy gives a Location to. */
function pointsSomewhere(status: number): boolean {
  return status === 201 || (status >= 300 && status < 400);
}

export const routerFactory: HttpFilterFactory<RouterConfig> = {
  name: "envoy.filters.http.router",
  type: "envoy.extensions.filters.http.router.v3.Router",
  isTerminal: true,
  compile: (message, context, statPrefix) =>
    compileRouter(message as envoy_extensions_filters_http_router_v3_Router, context, statPrefix),
  create: (config, callbacks) => new Router(config, callbacks),
};
