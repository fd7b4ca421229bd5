/** The access logs of one attempt, with a stream info of its own. */

import type { AccessLogType } from "../formatter/mod.ts";
import { type HeaderMap, StreamInfo, type UpstreamInfo } from "../http/mod.ts";
import type { FilterCallbacks } from "../filter_chain/mod.ts";
import type { UpstreamLogging } from "./config.ts";

/** Gathers what upstream access logs say of one attempt and writes them when it ends. */
export class AttemptLog {
  readonly info: StreamInfo;
  readonly #logging: UpstreamLogging;
  readonly #requestHeaders: HeaderMap;
  responseHeaders: HeaderMap | undefined;
  responseTrailers: HeaderMap | undefined;

  constructor(
    logging: UpstreamLogging,
    callbacks: FilterCallbacks,
    request: { readonly headers: HeaderMap; readonly upstream: UpstreamInfo },
  ) {
    const { clock } = callbacks.dispatcher;
    const { streamInfo } = callbacks;
    this.#logging = logging;
    this.#requestHeaders = request.headers;
    this.info = new StreamInfo(callbacks.connection, clock.nowMs(), clock.wallMs());
    this.info.upstream = request.upstream;
    this.info.upstreamCluster = streamInfo.upstreamCluster;
    this.info.route = streamInfo.route;
    this.info.remoteAddress = streamInfo.remoteAddress;
    this.info.requestId = streamInfo.requestId;
    this.info.isHealthCheck = streamInfo.isHealthCheck;
    this.info.isShadow = streamInfo.isShadow;
  }

  get intervalMs(): number {
    return this.#logging.intervalMs;
  }

  onPoolReady(): void {
    this.info.protocol = this.info.upstream?.protocol;
    if (this.#logging.logsPoolReady) this.write("UpstreamPoolReady");
  }

  write(accessLogType: AccessLogType): void {
    const context = {
      requestHeaders: this.#requestHeaders,
      responseHeaders: this.responseHeaders,
      responseTrailers: this.responseTrailers,
      info: this.info,
      localReplyBody: "",
      accessLogType,
    };
    for (const log of this.#logging.logs) log.log(context);
  }
}
