/** gRPC checks by grpc.health.v1.Health/Check (Envoy's GrpcHealthCheckerImpl). */

import { durationMsOr } from "../../base/mod.ts";
import { compileHeaderMutations, type HeaderChanges } from "../../formatter/mod.ts";
import { H, HeaderMap, type RequestEncoder } from "../../http/mod.ts";
import type {
  envoy_config_core_v3_HealthCheck,
  envoy_config_core_v3_HealthCheck_GrpcHealthCheck,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { checkFormatContext } from "./check_info.ts";
import { type ChannelOptions, type ExchangeEvents, HttpChannel } from "./http_channel.ts";
import { Gathered } from "./payload.ts";
import type { Probe, ProbeFactory, ProbeHost } from "./probe.ts";

interface GrpcCheck {
  readonly cluster: string;
  readonly context: CompileContext;
  readonly channel: ChannelOptions;
  readonly authority: string;
  readonly changes: HeaderChanges;
  readonly request: Uint8Array;
  readonly timeout: string;
}

/** A HealthCheckResponse has a few bytes; what is longer is none. */
const ANSWER_BYTES = 1024;
const PREFIX_BYTES = 5;
const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;
const SERVING = 1;
/** Largest value of a grpc-timeout has eight digits. */
const MAX_TIMEOUT_MS = 99_999_999;

/** Compiles a `grpc_health_check`. */
export function compileGrpcProbe(
  check: envoy_config_core_v3_HealthCheck,
  message: envoy_config_core_v3_HealthCheck_GrpcHealthCheck,
  cluster: string,
  context: CompileContext,
): ProbeFactory {
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, Math.floor(durationMsOr(check.timeout, 0)));
  const compiled: GrpcCheck = {
    cluster,
    context,
    channel: {
      protocol: "http2",
      alpn: check.tlsOptions?.alpnProtocols ?? ["h2"],
      reuse: check.reuseConnection ?? true,
    },
    authority: message.authority,
    changes: compileHeaderMutations({ add: message.initialMetadata, message }, context),
    request: encodeRequest(message.serviceName),
    timeout: `${timeoutMs}m`,
  };
  return (host) => new GrpcProbe(compiled, host);
}

/** The gRPC checks of one host. */
class GrpcProbe implements Probe, ExchangeEvents {
  readonly #check: GrpcCheck;
  readonly #host: ProbeHost;
  readonly #channel: HttpChannel;
  readonly #body = new Gathered(ANSWER_BYTES);

  constructor(check: GrpcCheck, host: ProbeHost) {
    this.#check = check;
    this.#host = host;
    this.#channel = new HttpChannel(host, check.channel, this);
  }

  start(): void {
    this.#body.clear();
    this.#channel.request((encoder) => this.#send(encoder));
  }

  cancel(): void {
    this.#channel.close();
  }

  close(): void {
    this.#channel.close();
  }

  onHeaders(headers: HeaderMap, endStream: boolean): void {
    const isGrpc = headers.getId(H.contentType)?.startsWith("application/grpc") === true;
    // Also trailers-only: a status without a message is no sign of health.
    if (headers.getId(H.status) !== "200" || !isGrpc || endStream) this.#fail(endStream);
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    this.#body.add(bytes);
    if (endStream) this.#fail(true);
  }

  onTrailers(trailers: HeaderMap): void {
    const isServing = trailers.getId(H.grpcStatus) === "0" &&
      readStatus(this.#body.bytes) === SERVING;
    if (!isServing) return this.#fail(true);
    this.#channel.finish(true);
    this.#host.events.onSuccess(false);
  }

  onBroken(): void {
    this.#host.events.onNetworkFailure();
  }

  #fail(isComplete: boolean): void {
    this.#channel.finish(isComplete);
    this.#host.events.onFailure({ isRetriable: false, httpStatus: undefined });
  }

  #send(encoder: RequestEncoder): void {
    const { authority, cluster, changes, context, request, timeout } = this.#check;
    const headers = HeaderMap.of(
      [":method", "POST"],
      [":path", "/grpc.health.v1.Health/Check"],
      [":authority", authority === "" ? this.#host.target.authority : authority],
      [":scheme", this.#host.isTls ? "https" : "http"],
      ["te", "trailers"],
      ["content-type", "application/grpc"],
      ["user-agent", "Envoy/HC"],
    );
    if (!changes.isEmpty) {
      const protocol = "HTTP/2";
      changes.apply(
        headers,
        checkFormatContext(headers, this.#host, { cluster, context, protocol }),
      );
    }
    headers.add("grpc-timeout", timeout);
    encoder.encodeHeaders(headers, false);
    encoder.encodeData(request, true);
  }
}

/** HealthCheckRequest in its frame: field 1 is the service's name. */
function encodeRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const length: number[] = [];
  for (let left = name.length; length.length === 0 || left > 0; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
  }
  const message = name.length === 0 ? [] : [SERVICE_TAG, ...length, ...name];
  const frame = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** `status` of the one HealthCheckResponse in the body; undefined if it is not exactly that. */
function readStatus(body: Uint8Array): number | undefined {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (body.length !== PREFIX_BYTES + length) return undefined;
  if (length === 0) return 0;
  return length === 2 && body[PREFIX_BYTES] === STATUS_TAG ? body[PREFIX_BYTES + 1] : undefined;
}
