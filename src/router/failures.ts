/** What becomes of a request when one of its attempts fails or takes too long. */

import { FLAG } from "../http/mod.ts";
import { clusterStat, HOST_STAT } from "../upstream/mod.ts";
import type { Exchange } from "./exchange.ts";
import { type AttemptResetReason, resetBody, resetDetails, resetFlag } from "./reset_reason.ts";
import type { UpstreamRequest } from "./upstream_request.ts";

const STAT = {
  timeout: clusterStat("upstream_rq_timeout"),
  perTryTimeout: clusterStat("upstream_rq_per_try_timeout"),
  perTryIdleTimeout: clusterStat("upstream_rq_per_try_idle_timeout"),
  maxDuration: clusterStat("upstream_rq_max_duration_reached"),
};

const GATEWAY_TIMEOUT = 504;

/**
 * Retries a request whose attempt failed, or answers it with the status and flag that the failure
 * calls for.
 */
export class Failures {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  onReset(
    attempt: UpstreamRequest,
    reason: AttemptResetReason,
    transportFailureReason: string,
  ): void {
    const exchange = this.#exchange;
    // An overflow is the cluster's, not the host's.
    if (reason !== "overflow") attempt.host.monitor?.putLocalFailure(503);
    if (this.#retry(attempt, reason, false)) return;
    const status = reason === "protocol_error" ? 502 : 503;
    this.#charge(status, attempt);
    exchange.remove(attempt);
    attempt.finish();
    if (exchange.awaitsOthers) return;
    exchange.abort({
      status,
      body: resetBody(reason, exchange.isRetry),
      details: resetDetails(reason, transportFailureReason, exchange.hasResponseStarted),
      flag: resetFlag(reason),
      isOverloaded: reason === "overflow",
    });
  }

  onPerTryTimeout(attempt: UpstreamRequest, isIdle: boolean): void {
    const exchange = this.#exchange;
    attempt.host.monitor?.putLocalFailure(exchange.timeoutStatus);
    if (exchange.timeoutOptions?.hedges === true) {
      this.#hedge(attempt);
      return;
    }
    exchange.cluster.info.stats.inc(isIdle ? STAT.perTryIdleTimeout : STAT.perTryTimeout);
    attempt.host.stats.inc(HOST_STAT.rqTimeout);
    attempt.reset();
    if (this.#retry(attempt, "local_reset", true)) return;
    this.#charge(exchange.timeoutStatus, attempt);
    exchange.remove(attempt);
    this.#abortByTimeout(isIdle ? "upstream_per_try_idle_timeout" : "upstream_per_try_timeout");
  }

  onMaxDuration(attempt: UpstreamRequest): void {
    const exchange = this.#exchange;
    exchange.cluster.info.stats.inc(STAT.maxDuration);
    attempt.reset();
    if (this.#retry(attempt, "local_reset", false)) return;
    exchange.remove(attempt);
    exchange.abort({
      status: exchange.callbacks.isRequestComplete ? GATEWAY_TIMEOUT : 408,
      body: "upstream max stream duration reached",
      details: "upstream_max_stream_duration_reached",
      flag: FLAG.upstreamMaxStreamDurationReached,
    });
  }

  onResponseTimeout(): void {
    const exchange = this.#exchange;
    const { stats } = exchange.cluster.info;
    for (const attempt of exchange.attempts.splice(0)) {
      stats.inc(STAT.timeout);
      for (const tree of exchange.charger.trees) tree.countTimeout();
      attempt.host.stats.inc(HOST_STAT.rqTimeout);
      if (attempt.isAwaitingHeaders) {
        attempt.host.monitor?.putLocalFailure(exchange.timeoutStatus);
        this.#charge(exchange.timeoutStatus, attempt);
      }
      attempt.reset();
    }
    this.#abortByTimeout("response_timeout");
  }

  /** @returns whether another attempt follows */
  #retry(attempt: UpstreamRequest, reason: AttemptResetReason, isTimeout: boolean): boolean {
    const exchange = this.#exchange;
    const { retry } = exchange;
    if (exchange.hasResponseStarted || retry === undefined || attempt.isRetried) return false;
    const status = retry.onReset(reason, attempt.isSent);
    if (!exchange.onRetryStatus(status, attempt)) return false;
    exchange.isTimeoutRetry = isTimeout;
    exchange.remove(attempt);
    attempt.finish();
    return true;
  }

  /** The try takes too long but goes on; another one is made beside it. */
  #hedge(attempt: UpstreamRequest): void {
    const exchange = this.#exchange;
    if (exchange.hasResponseStarted || exchange.retry === undefined) return;
    const status = exchange.retry.onHedge();
    if (status !== "yes") {
      exchange.onRetryStatus(status, attempt);
      return;
    }
    exchange.pendingRetries++;
    exchange.isTimeoutRetry = true;
    attempt.isRetried = true;
  }

  #charge(status: number, attempt: UpstreamRequest): void {
    const exchange = this.#exchange;
    if (!exchange.hasResponseStarted) {
      exchange.charger.charge(status, attempt.host, attempt.host.isCanary);
      // A timeout may be told as 204, but it is an error of the host.
      if (status < 500) attempt.host.stats.inc(HOST_STAT.rqError);
    } else if (attempt.isGrpcOutcomeOpen) exchange.response.onReset(attempt);
  }

  #abortByTimeout(details: string): void {
    const exchange = this.#exchange;
    exchange.response.recordBudget();
    const status = exchange.timeoutStatus;
    exchange.abort({
      status,
      body: status === GATEWAY_TIMEOUT ? "upstream request timeout" : "",
      details,
      flag: FLAG.upstreamRequestTimeout,
    });
  }
}
