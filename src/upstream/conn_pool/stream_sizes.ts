/**
 * `track_cluster_stats.request_response_sizes`: what one stream of a pool measures of its messages.
 * Clusters that do not ask for it never make one.
 */

import type { HeaderMap } from "../../http/mod.ts";
import type { Histogram, Scope } from "../../stats/mod.ts";

/** Sizes in bytes, and the numbers of header fields. */
export interface SizeHistograms {
  readonly requestHeadersSize: Histogram;
  readonly requestHeadersCount: Histogram;
  readonly requestBodySize: Histogram;
  readonly responseHeadersSize: Histogram;
  readonly responseHeadersCount: Histogram;
  readonly responseBodySize: Histogram;
}

/** @param scope the cluster's */
export function sizeHistograms(scope: Scope): SizeHistograms {
  const bytes = (name: string): Histogram => scope.histogram(name, "bytes");
  return {
    requestHeadersSize: bytes("upstream_rq_headers_size"),
    requestHeadersCount: scope.histogram("upstream_rq_headers_count", "unspecified"),
    requestBodySize: bytes("upstream_rq_body_size"),
    responseHeadersSize: bytes("upstream_rs_headers_size"),
    responseHeadersCount: scope.histogram("upstream_rs_headers_count", "unspecified"),
    responseBodySize: bytes("upstream_rs_body_size"),
  };
}

/** The sizes of one stream's messages: headers count as they pass, bodies when all is over. */
export class StreamSizes {
  readonly #histograms: SizeHistograms;
  #requestBytes = 0;
  #responseBytes = 0;
  #sawResponse = false;
  #isOver = false;

  constructor(histograms: SizeHistograms) {
    this.#histograms = histograms;
  }

  onRequestHeaders(headers: HeaderMap): void {
    this.#histograms.requestHeadersSize.record(headers.byteSize);
    this.#histograms.requestHeadersCount.record(headers.length);
  }

  onRequestData(bytes: Uint8Array): void {
    this.#requestBytes += bytes.length;
  }

  onResponseHeaders(headers: HeaderMap): void {
    this.#sawResponse = true;
    this.#histograms.responseHeadersSize.record(headers.byteSize);
    this.#histograms.responseHeadersCount.record(headers.length);
  }

  onResponseData(bytes: Uint8Array): void {
    this.#responseBytes += bytes.length;
  }

  /** The response is complete or the stream was reset: what is sent after it is not counted. */
  onEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#histograms.requestBodySize.record(this.#requestBytes);
    if (this.#sawResponse) this.#histograms.responseBodySize.record(this.#responseBytes);
  }
}
