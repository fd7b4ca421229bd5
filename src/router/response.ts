/** The way back: which attempt's response is the one, what it is counted as, and its redirects. */

import { H, type HeaderMap } from "../http/mod.ts";
import { clusterStat, HOST_STAT, type LoadSink, parseLoadReport } from "../upstream/mod.ts";
import { ROUTER_STAT } from "./config.ts";
import type { Exchange } from "./exchange.ts";
import { grpcStatus, grpcToHttpStatus } from "./grpc.ts";
import { redirectRequest } from "./internal_redirect.ts";
import type { UpstreamRequest } from "./upstream_request.ts";

const STAT = {
  redirectFailed: clusterStat("upstream_internal_redirect_failed_total"),
  redirectSucceeded: clusterStat("upstream_internal_redirect_succeeded_total"),
};

/** The head of a response. */
interface Head {
  readonly status: number;
  readonly endStream: boolean;
}

/**
 * Takes the response of one attempt downstream, resets the others and follows internal redirects.
 */
export class Response {
  /** Something of it went downstream: no more retries. */
  hasStarted = false;
  /** A report in the headers goes before one in the trailers. */
  #hasLoadReport = false;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  onInterim(attempt: UpstreamRequest, headers: HeaderMap): void {
    const exchange = this.#exchange;
    exchange.charger.charge(100, attempt.host, attempt.host.isCanary);
    this.hasStarted = true;
    this.#resetOthers(attempt);
    // Another attempt could not take back what this one's host promised.
    exchange.retry?.release();
    exchange.retry = undefined;
    exchange.callbacks.encode1xxHeaders(headers);
  }

  onHeaders(attempt: UpstreamRequest, headers: HeaderMap, head: Head): void {
    const exchange = this.#exchange;
    if (attempt.host.loadSink !== undefined) this.#readLoad(attempt.host.loadSink, headers);
    if (headers.hasId(H.xEnvoyImmediateHealthCheckFail)) attempt.host.monitor?.failImmediately();
    attempt.host.monitor?.putStatus(outlierStatus(exchange, headers, head.status));
    exchange.decorate(headers);
    const retried = this.#retry(attempt, headers, head);
    if (retried === "yes") return;
    if (this.#redirect(headers, head.status)) return;
    if (retried === "could_not" && exchange.awaitsOthers) {
      // Another attempt may do better.
      attempt.host.stats.inc(HOST_STAT.rqError);
      exchange.remove(attempt);
      attempt.reset();
      return;
    }
    if (this.#refusesUpgrade(attempt, headers, head.status)) return;
    exchange.retry?.release();
    exchange.retry = undefined;
    this.#count(attempt, headers, head);
    this.#pass(attempt, headers, head);
  }

  #readLoad(sink: LoadSink, headers: HeaderMap): void {
    const report = this.#hasLoadReport ? undefined : parseLoadReport(headers);
    if (report === undefined) return;
    this.#hasLoadReport = true;
    sink.onLoadReport(report);
  }

  onData(attempt: UpstreamRequest, bytes: Uint8Array, endStream: boolean): void {
    if (endStream) {
      // A gRPC response without trailers has no outcome.
      if (attempt.isGrpcOutcomeOpen) attempt.host.stats.inc(HOST_STAT.rqError);
      this.#complete(attempt);
    }
    this.#exchange.callbacks.encodeData(bytes, endStream);
  }

  onTrailers(attempt: UpstreamRequest, trailers: HeaderMap): void {
    if (attempt.host.loadSink !== undefined) this.#readLoad(attempt.host.loadSink, trailers);
    if (attempt.isGrpcOutcomeOpen) countGrpc(attempt, trailers);
    this.#complete(attempt);
    this.#exchange.callbacks.encodeTrailers(trailers);
  }

  /** A gRPC response broke off after it had begun. */
  onReset(attempt: UpstreamRequest): void {
    attempt.host.stats.inc(HOST_STAT.rqError);
    this.#exchange.config.stats.inc(ROUTER_STAT.resetAfterResponseStarted);
  }

  /** How much of its time the request has used, in percent. */
  recordBudget(): void {
    const exchange = this.#exchange;
    const { globalMs } = exchange.timeouts;
    const usedMs = exchange.nowMs() - exchange.requestCompleteMs;
    exchange.cluster.info.timeoutBudgetPercentUsed?.record(
      globalMs === 0 ? 0 : Math.floor(usedMs * 100 / globalMs),
    );
  }

  /** Whether the response makes room for another attempt, or should have. */
  #retry(attempt: UpstreamRequest, headers: HeaderMap, head: Head): "no" | "yes" | "could_not" {
    const exchange = this.#exchange;
    const { retry } = exchange;
    if (retry === undefined) return "no";
    if (attempt.isRetried) {
      return retry.wouldRetryResponse(headers, head.status) ? "could_not" : "no";
    }
    const status = retry.onResponse(headers, head.status);
    if (!exchange.onRetryStatus(status, attempt)) return status === "no" ? "no" : "could_not";
    exchange.charger.chargeRetried(head.status);
    exchange.isTimeoutRetry = false;
    exchange.remove(attempt);
    // With a body to come its connection cannot be used again.
    if (head.endStream && exchange.isRequestComplete) attempt.finish();
    else attempt.reset();
    return "yes";
  }

  #redirect(headers: HeaderMap, status: number): boolean {
    const exchange = this.#exchange;
    const policy = exchange.action.internalRedirectPolicy;
    if (policy === undefined || !policy.statuses.has(status)) return false;
    const { callbacks, cluster, config } = exchange;
    const { stats } = cluster.info;
    const canRedirect = exchange.isRequestComplete && !exchange.bodyOverflowed &&
      headers.hasId(H.location);
    const outcome = !canRedirect ? "no_path" : redirectRequest({
      policy,
      headers: exchange.requestHeaders,
      responseHeaders: headers,
      status,
      info: callbacks.streamInfo,
      findRoute: () => {
        callbacks.clearRouteCache();
        return callbacks.route();
      },
      dropBody: () => callbacks.clearDecodedData(),
    });
    if (typeof outcome === "number") config.stats.inc(outcome);
    if (outcome === "ok" && callbacks.recreateStream(headers)) {
      stats.inc(STAT.redirectSucceeded);
      return true;
    }
    stats.inc(STAT.redirectFailed);
    return false;
  }

  /** A WebSocket handshake that was answered by neither 101 nor an error is over. */
  #refusesUpgrade(attempt: UpstreamRequest, headers: HeaderMap, status: number): boolean {
    if (!attempt.isTunnel || status >= 400) return false;
    const exchange = this.#exchange;
    const isWebSocket = exchange.requestHeaders.getId(H.upgrade)?.toLowerCase() === "websocket";
    if (!isWebSocket) return false;
    if (attempt.opensTunnel(status)) {
      exchange.cancelResponseTimeout();
      return false;
    }
    exchange.remove(attempt);
    attempt.reset();
    exchange.callbacks.sendLocalReply({
      status,
      body: "",
      details: "websocket_handshake_unsuccessful",
      modifyHeaders: (reply) => {
        for (let i = 0; i < headers.length; i++) {
          if (headers.idAt(i) === H.status) continue;
          reply.append(headers.idAt(i), headers.nameAt(i), headers.valueAt(i));
        }
      },
    });
    return true;
  }

  #count(attempt: UpstreamRequest, headers: HeaderMap, { status, endStream }: Head): void {
    const exchange = this.#exchange;
    const isCanary = headers.getId(H.xEnvoyUpstreamCanary) === "true" || attempt.host.isCanary;
    attempt.isCanary = isCanary;
    // A response that came before its request was complete tells nothing of the host's speed.
    if (exchange.requestCompleteMs >= 0 && !exchange.config.suppressesEnvoyHeaders) {
      const tookMs = Math.floor(exchange.nowMs() - exchange.requestCompleteMs);
      headers.setId(H.xEnvoyUpstreamServiceTime, String(tookMs));
    }
    exchange.charger.charge(status, attempt.host, isCanary);
    if (status >= 500) return;
    if (!exchange.isGrpc) attempt.host.stats.inc(HOST_STAT.rqSuccess);
    else if (endStream) countGrpc(attempt, headers);
    else attempt.isGrpcOutcomeOpen = true;
  }

  #pass(attempt: UpstreamRequest, headers: HeaderMap, { status, endStream }: Head): void {
    const exchange = this.#exchange;
    const { streamInfo } = exchange;
    for (const cookie of exchange.setCookies ?? []) headers.addId(H.setCookie, cookie);
    streamInfo.responseCodeDetails = "via_upstream";
    streamInfo.responseCode = status;
    // With hedging another attempt may have been the last one to say so.
    streamInfo.upstream = attempt.info;
    exchange.route.applyResponseHeaders(headers, streamInfo, exchange.requestHeaders);
    this.hasStarted = true;
    this.#resetOthers(attempt);
    if (endStream) this.#complete(attempt);
    exchange.callbacks.encodeHeaders(headers, endStream);
  }

  #complete(attempt: UpstreamRequest): void {
    const exchange = this.#exchange;
    const { info } = exchange.cluster;
    exchange.remove(attempt);
    if (exchange.requestCompleteMs >= 0) {
      const tookMs = Math.floor(exchange.nowMs() - exchange.requestCompleteMs);
      if (info.timeoutBudgetPercentUsed !== undefined) this.recordBudget();
      exchange.charger.chargeTime(tookMs, attempt.host, attempt.isCanary);
    }
    // What is left of the request has no one to read it.
    if (exchange.isRequestComplete) attempt.finish();
    else attempt.reset();
    exchange.settleDown();
  }

  #resetOthers(attempt: UpstreamRequest): void {
    const { attempts } = this.#exchange;
    if (attempts.length === 1) return;
    for (const other of attempts.splice(0)) if (other !== attempt) other.reset();
    attempts.push(attempt);
  }
}

/** The status that outlier detection counts: a gRPC status in the headers tells more than 200. */
function outlierStatus(exchange: Exchange, headers: HeaderMap, status: number): number {
  const grpc = exchange.isGrpc ? grpcStatus(headers) : undefined;
  return grpc === undefined ? status : grpcToHttpStatus(grpc);
}

/** Counts a gRPC response by the status in its headers or trailers. */
function countGrpc(attempt: UpstreamRequest, headers: HeaderMap): void {
  const status = grpcStatus(headers);
  const isSuccess = status !== undefined && grpcToHttpStatus(status) < 500;
  attempt.host.stats.inc(isSuccess ? HOST_STAT.rqSuccess : HOST_STAT.rqError);
  attempt.isGrpcOutcomeOpen = false;
}
