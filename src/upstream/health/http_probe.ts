/** HTTP checks: one request, judged by status, header and body (Envoy's health_checker_impl.cc). */

import { compileHeaderMutations, type HeaderChanges } from "../../formatter/mod.ts";
import { H, HeaderMap, type RequestEncoder } from "../../http/mod.ts";
import { compileStringMatcher, type StringMatcher } from "../../matching/mod.ts";
import type {
  envoy_config_core_v3_HealthCheck,
  envoy_config_core_v3_HealthCheck_HttpHealthCheck,
  envoy_type_v3_Int64Range,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { checkFormatContext } from "./check_info.ts";
import { type ChannelOptions, type ExchangeEvents, HttpChannel } from "./http_channel.ts";
import { Gathered, hasParts, payloadBytes } from "./payload.ts";
import type { Probe, ProbeFactory, ProbeHost } from "./probe.ts";

type Ranges = readonly envoy_type_v3_Int64Range[];

const CODEC_HTTP2 = 1;
const BUFFER_BYTES = 1024;
/** By the number of envoy.config.core.v3.RequestMethod; unspecified is GET. */
const METHODS: readonly string[] = [
  "GET",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
];

interface HttpCheck {
  readonly cluster: string;
  readonly message: envoy_config_core_v3_HealthCheck_HttpHealthCheck;
  readonly context: CompileContext;
  readonly channel: ChannelOptions;
  readonly changes: HeaderChanges;
  readonly send: Uint8Array;
  readonly receive: readonly Uint8Array[];
  readonly serviceName: StringMatcher | undefined;
}

/** Compiles an `http_health_check`. */
export function compileHttpProbe(
  check: envoy_config_core_v3_HealthCheck,
  message: envoy_config_core_v3_HealthCheck_HttpHealthCheck,
  cluster: string,
  context: CompileContext,
): ProbeFactory {
  const isHttp2 = message.codecClientType === CODEC_HTTP2;
  const compiled: HttpCheck = {
    cluster,
    message,
    context,
    channel: {
      protocol: isHttp2 ? "http2" : "http1",
      alpn: check.tlsOptions?.alpnProtocols ?? (isHttp2 ? ["h2"] : ["http/1.1"]),
      reuse: check.reuseConnection ?? true,
    },
    changes: compileHeaderMutations({
      add: message.requestHeadersToAdd,
      remove: message.requestHeadersToRemove,
      message,
      removeField: "request_headers_to_remove",
    }, context),
    send: payloadBytes(message.send),
    receive: message.receive.map(payloadBytes),
    serviceName: message.serviceNameMatcher === undefined
      ? undefined
      : compileStringMatcher(message.serviceNameMatcher, context),
  };
  return (host) => new HttpProbe(compiled, host);
}

/** The HTTP checks of one host. */
class HttpProbe implements Probe, ExchangeEvents {
  readonly #check: HttpCheck;
  readonly #host: ProbeHost;
  readonly #channel: HttpChannel;
  readonly #body: Gathered;
  #answer: HeaderMap | undefined;

  constructor(check: HttpCheck, host: ProbeHost) {
    this.#check = check;
    this.#host = host;
    this.#channel = new HttpChannel(host, check.channel, this);
    const limit = Number(check.message.responseBufferSize ?? BUFFER_BYTES);
    this.#body = new Gathered(limit === 0 ? Infinity : limit);
  }

  start(): void {
    this.#body.clear();
    this.#answer = undefined;
    this.#channel.request((encoder) => this.#send(encoder));
  }

  cancel(): void {
    this.#channel.close();
  }

  close(): void {
    this.#channel.close();
  }

  onHeaders(headers: HeaderMap, endStream: boolean): void {
    this.#answer = headers;
    if (endStream) this.#complete();
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#check.receive.length > 0) this.#body.add(bytes);
    if (endStream) this.#complete();
  }

  onTrailers(): void {
    this.#complete();
  }

  onBroken(): void {
    this.#host.events.onNetworkFailure();
  }

  #send(encoder: RequestEncoder): void {
    const { message, send, changes, channel } = this.#check;
    const protocol = channel.protocol === "http2" ? "HTTP/2" : "HTTP/1.1";
    const headers = HeaderMap.of(
      [":method", METHODS[message.method] ?? "GET"],
      [":authority", message.host === "" ? this.#host.target.authority : message.host],
      [":path", message.path],
      [":scheme", this.#host.isTls ? "https" : "http"],
      ["user-agent", "Envoy/HC"],
    );
    if (send.length > 0) headers.setId(H.contentLength, String(send.length));
    if (!changes.isEmpty) {
      const { cluster, context } = this.#check;
      changes.apply(
        headers,
        checkFormatContext(headers, this.#host, { cluster, context, protocol }),
      );
    }
    encoder.encodeHeaders(headers, send.length === 0);
    if (send.length > 0) encoder.encodeData(send, true);
  }

  #complete(): void {
    const { message, receive, serviceName, context } = this.#check;
    const { events } = this.#host;
    const answer = this.#answer!;
    const status = Number(answer.getId(H.status));
    this.#channel.finish(true);
    if (answer.hasId(H.xEnvoyImmediateHealthCheckFail)) events.onImmediateFail();
    const fails = (isRetriable: boolean): void =>
      events.onFailure({ isRetriable, httpStatus: status });
    if (!isExpected(message.expectedStatuses, status)) {
      return fails(isWithin(message.retriableStatuses, status));
    }
    if (!hasParts(this.#body.bytes, receive)) return fails(false);
    const verifies = context.runtime.number("health_check.verify_cluster", 100);
    if (serviceName !== undefined && context.dispatcher.random.below(100) < verifies) {
      events.onClusterVerified();
      const name = answer.getId(H.xEnvoyUpstreamHealthcheckedCluster) ?? "";
      if (!serviceName.matches(name)) return fails(false);
    }
    events.onSuccess(answer.hasId(H.xEnvoyDegraded));
  }
}

function isExpected(expected: Ranges, status: number): boolean {
  return expected.length === 0 ? status === 200 : isWithin(expected, status);
}

/** Ranges are half open. */
function isWithin(ranges: Ranges, status: number): boolean {
  return ranges.some((range) => status >= Number(range.start) && status < Number(range.end));
}
