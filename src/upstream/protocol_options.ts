/**
 * How a cluster speaks HTTP: `HttpProtocolOptions` of typed_extension_protocol_options, or the
 * older fields of the cluster itself that it replaced.
 */

import {
  durationMsOr,
  type KeepaliveOptions,
  keepaliveOptions,
  type Problems,
} from "../base/mod.ts";
import type { Http1Options, Http2Options } from "../codec/mod.ts";
import type {
  envoy_config_cluster_v3_Cluster,
  envoy_config_core_v3_Http1ProtocolOptions,
  envoy_config_core_v3_Http2ProtocolOptions,
  envoy_config_core_v3_HttpProtocolOptions,
  envoy_extensions_upstreams_http_v3_HttpProtocolOptions,
} from "../proto/mod.ts";
import { isDynamicForward } from "./provided/names.ts";
import { type CodecLimits, compileClientHttp1, compileClientHttp2 } from "./codec_options.ts";

/** Key under which clusters carry the options. */
export const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Limits how long TCP connections may be without a user; here none ever is. */
const TCP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions";
const QUIC_TRANSPORT = "envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport";

/** `auto`: as ALPN says; `downstream`: as the request came. */
export type ProtocolMode = "http1" | "http2" | "auto" | "downstream";

/** How a cluster speaks HTTP, compiled; times in milliseconds. */
export interface UpstreamProtocolOptions {
  readonly mode: ProtocolMode;
  readonly http1: Http1Options;
  readonly http2: Http2Options;
  /** PINGs on HTTP/2 connections; undefined: none. */
  readonly keepalive: KeepaliveOptions | undefined;
  /** 0: connections may idle for ever. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number | undefined;
  /** Percent of the duration that is added at random. */
  readonly maxConnectionDurationJitter: number;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  readonly maxStreamDurationMs: number | undefined;
  readonly maxResponseHeadersKb: number;
  readonly autoSni: boolean;
  readonly autoSanValidation: boolean;
  /** Header that auto_sni reads; "" means the authority. */
  readonly autoSniHeader: string;
  readonly retryPolicyMessage: object | undefined;
  readonly hashPolicyMessages: readonly object[];
  readonly httpFilterMessages: readonly object[];
}

type Cluster = envoy_config_cluster_v3_Cluster;
type Options = envoy_extensions_upstreams_http_v3_HttpProtocolOptions;

interface Picked {
  readonly mode: ProtocolMode;
  readonly http1: envoy_config_core_v3_Http1ProtocolOptions | undefined;
  readonly http2: envoy_config_core_v3_Http2ProtocolOptions | undefined;
}

const IDLE_TIMEOUT_MS = 3_600_000;
const DEFAULT_HEADERS_KB = 60;
const UNDERSCORES = ["allow", "reject", "drop"] as const;
/** `Cluster.ClusterProtocolSelection.USE_DOWNSTREAM_PROTOCOL`. */
const USE_DOWNSTREAM_PROTOCOL = 1;

/**
 * The protocol, codec options and limits of a cluster; what is not acted on is reported to
 * `problems`.
 */
export function compileProtocolOptions(
  cluster: Cluster,
  isTls: boolean,
  problems: Problems,
): UpstreamProtocolOptions {
  const options = typedOptions(cluster, problems);
  const common = options?.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions;
  const http = options?.upstreamHttpProtocolOptions ?? cluster.upstreamHttpProtocolOptions;
  // Whoever lets clients choose the host must at least see to it that it is the one they named.
  const checksNames = http === undefined && options === undefined && isDynamicForward(cluster);
  const picked = options === undefined
    ? pickDeprecated(cluster)
    : pickTyped(options, isTls, problems);
  if (options !== undefined) {
    checkHttp3(options, cluster, problems);
    reportUnsupported(options, problems);
  }
  const limits: CodecLimits = {
    maxHeadersBytes: common?.maxResponseHeadersKb === undefined
      ? undefined
      : common.maxResponseHeadersKb * 1024,
    maxHeadersCount: common?.maxHeadersCount ?? 100,
    headersWithUnderscores: UNDERSCORES[common?.headersWithUnderscoresAction ?? 0] ?? "allow",
    isTls,
  };
  return {
    mode: picked.mode,
    http1: compileClientHttp1(picked.http1, limits, problems),
    http2: compileClientHttp2(picked.http2, limits, problems),
    keepalive: keepaliveOptions(picked.http2?.connectionKeepalive),
    ...commonOptions(common),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ??
      cluster.maxRequestsPerConnection ?? 0,
    autoSni: http?.autoSni ?? checksNames,
    autoSanValidation: http?.autoSanValidation ?? checksNames,
    autoSniHeader: http?.overrideAutoSniHeader ?? "",
    retryPolicyMessage: options?.retryPolicy,
    hashPolicyMessages: options?.hashPolicy ?? [],
    httpFilterMessages: options?.httpFilters ?? [],
  };
}

type Common = Pick<
  UpstreamProtocolOptions,
  | "idleTimeoutMs"
  | "maxConnectionDurationMs"
  | "maxConnectionDurationJitter"
  | "maxStreamDurationMs"
  | "maxResponseHeadersKb"
>;

function commonOptions(common: envoy_config_core_v3_HttpProtocolOptions | undefined): Common {
  return {
    idleTimeoutMs: durationMsOr(common?.idleTimeout, IDLE_TIMEOUT_MS),
    maxConnectionDurationMs: durationMsOr(common?.maxConnectionDuration, undefined),
    maxConnectionDurationJitter: common?.maxConnectionDurationJitter?.value ?? 0,
    maxStreamDurationMs: durationMsOr(common?.maxStreamDuration, undefined),
    maxResponseHeadersKb: common?.maxResponseHeadersKb ?? DEFAULT_HEADERS_KB,
  };
}

function typedOptions(cluster: Cluster, problems: Problems): Options | undefined {
  let found: Options | undefined;
  for (const [key, message] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    if (message.$typeName === HTTP_PROTOCOL_OPTIONS) found = message as Options;
    else if (message.$typeName !== TCP_PROTOCOL_OPTIONS) {
      problems.unsupported(
        cluster,
        `typed_extension_protocol_options["${key}"]`,
        "these protocol options have no effect",
      );
    }
  }
  return found;
}

function pickDeprecated(cluster: Cluster): Picked {
  const http1 = cluster.httpProtocolOptions;
  const http2 = cluster.http2ProtocolOptions;
  if (cluster.protocolSelection === USE_DOWNSTREAM_PROTOCOL) {
    return { mode: "downstream", http1, http2 };
  }
  return { mode: http2 === undefined ? "http1" : "http2", http1, http2 };
}

function pickTyped(options: Options, isTls: boolean, problems: Problems): Picked {
  const upstream = options.upstreamProtocolOptions;
  if (upstream.case === "explicitHttpConfig") {
    const explicit = upstream.value.protocolConfig;
    if (explicit.case === "http2ProtocolOptions") {
      return { mode: "http2", http1: undefined, http2: explicit.value };
    }
    if (explicit.case === "http3ProtocolOptions") {
      problems.unsupported(upstream.value, "http3_protocol_options", "no HTTP/3 is spoken", true);
    }
    const http1 = explicit.case === "httpProtocolOptions" ? explicit.value : undefined;
    return { mode: "http1", http1, http2: undefined };
  }
  if (upstream.case === undefined) return { mode: "http1", http1: undefined, http2: undefined };
  if (upstream.value.http3ProtocolOptions !== undefined) {
    problems.unsupported(upstream.value, "http3_protocol_options", "HTTP/3 is never tried");
  }
  const http1 = upstream.value.httpProtocolOptions;
  const http2 = upstream.value.http2ProtocolOptions;
  if (upstream.case === "autoConfig") {
    if (!isTls) {
      problems.error(
        upstream.value,
        "",
        "ALPN configured for cluster which has a non-ALPN transport socket",
        "auto_config needs a TLS transport_socket",
      );
    }
    return { mode: "auto", http1, http2 };
  }
  return { mode: "downstream", http1, http2: http2 };
}

/** What Envoy wants of clusters with HTTP/3; that it is never spoken here is said elsewhere. */
function checkHttp3(options: Options, cluster: Cluster, problems: Problems): void {
  const upstream = options.upstreamProtocolOptions;
  const http3 = upstream.case === "explicitHttpConfig"
    ? upstream.value.protocolConfig.case === "http3ProtocolOptions"
    : upstream.value?.http3ProtocolOptions !== undefined;
  if (!http3) return;
  if (
    upstream.case === "autoConfig" && upstream.value.alternateProtocolsCacheOptions === undefined
  ) {
    problems.error(
      upstream.value,
      "http3_protocol_options",
      "alternate protocols cache must be configured when HTTP/3 is enabled with auto_config",
    );
  } else if (cluster.transportSocket?.configType.value?.$typeName !== QUIC_TRANSPORT) {
    const message = `HTTP3 requires a QuicUpstreamTransport transport socket: ${cluster.name}`;
    problems.error(cluster, "transport_socket", message);
  }
}

function reportUnsupported(options: Options, problems: Problems): void {
  if (options.outlierDetection !== undefined) {
    problems.unsupported(options, "outlier_detection", "no host is ejected by it");
  }
  if (options.headerValidationConfig !== undefined) {
    problems.unsupported(options, "header_validation_config", "the codecs' own rules apply");
  }
  if (options.requestMirrorPolicies.length > 0) {
    problems.unsupported(options, "request_mirror_policies", "only routes mirror requests");
  }
}
