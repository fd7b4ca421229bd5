/** What a balancer may look at of one request. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import { requestHash, type RouteAction } from "../route/mod.ts";
import type { Host, LoadBalancerContext, RetryPriority } from "../upstream/mod.ts";
import type { Exchange } from "./exchange.ts";

/** The balancer's view of one request: headers, hash, metadata, and hosts already tried. */
export class HostChoice implements LoadBalancerContext {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get requestHeaders(): HeaderMap {
    return this.#exchange.requestHeaders;
  }

  get streamInfo(): StreamInfo {
    return this.#exchange.streamInfo;
  }

  /** What filters found out wins over what the route says. */
  get metadataMatch(): RouteAction["metadataMatch"] {
    const route = this.#exchange.action.metadataMatch;
    const own = this.#exchange.streamInfo.dynamicMetadata?.["envoy.lb"];
    if (own === undefined) return route;
    return route === undefined ? own : { ...route, ...own };
  }

  get hostSelectionRetryCount(): number {
    const { isRetry, retry } = this.#exchange;
    return isRetry ? retry?.hostSelectionMaxAttempts ?? 1 : 1;
  }

  get retryPriority(): RetryPriority | undefined {
    const { isRetry, retry } = this.#exchange;
    return isRetry ? retry?.priority : undefined;
  }

  shouldSelectAnotherHost(host: Host): boolean {
    const { isRetry, retry } = this.#exchange;
    return isRetry && retry !== undefined && retry.shouldSelectAnotherHost(host);
  }

  hash(): bigint | undefined {
    const exchange = this.#exchange;
    const policies = exchange.config.policies.hash(exchange.action, exchange.cluster.info);
    if (policies.length === 0) return undefined;
    return requestHash(policies, exchange.requestHeaders, exchange.streamInfo, (cookie) => {
      // A retry makes the same cookie again.
      if (exchange.setCookies?.includes(cookie) === true) return;
      (exchange.setCookies ??= []).push(cookie);
    });
  }
}
