/** The parts of the configuration that say what happens to headers, compiled. */

import { compileMutationList, streamFormatContext } from "../formatter/mod.ts";
import { CidrSet, compileCidrSet } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_extensions_filters_network_http_connection_manager_v3_HttpConnectionManager as Message,
  envoy_extensions_http_early_header_mutation_header_mutation_v3_HeaderMutation as EarlyMessage,
  envoy_extensions_request_id_uuid_v3_UuidRequestIdConfig as UuidConfig,
} from "../proto/mod.ts";
import type { RouteTable } from "../route/mod.ts";
import type { CompileContext, RuntimeFraction } from "../runtime/mod.ts";
import type { HostOptions } from "./host_normalize.ts";
import { compileOriginalIp, xffDetector } from "./original_ip.ts";
import type { EscapedSlashes, PathOptions } from "./path_normalize.ts";
import type { ProxyStatusOptions } from "./proxy_status.ts";
import type { EarlyMutation, RequestHeaderOptions } from "./request_headers.ts";
import type { RequestIdOptions, SamplingOptions } from "./request_id.ts";
import type { ResponseHeaderOptions, ServerHeader } from "./response_headers.ts";
import { XFCC_MODES } from "./xfcc.ts";

/** SetCurrentClientCertDetails.ForwardClientCertFormat. */
const JSON_FORMAT = 1;
const EARLY = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

/**
 * What is done to request headers: client address, hops, scheme, certificate details, tracing,
 * request id.
 */
export function compileRequestHeaders(
  message: Message,
  context: CompileContext,
  routes: RouteTable,
): RequestHeaderOptions {
  const { server } = context;
  const usesRemoteAddress = message.useRemoteAddress ?? false;
  const detectors = compileOriginalIp(message.originalIpDetectionExtensions, context);
  const internal = message.internalAddressConfig;
  const ports = message.forwardProtoConfig;
  const scheme = message.schemeHeaderTransformation?.transformation;
  const details = message.setCurrentClientCertDetails;
  return {
    earlyMutations: compileEarly(message.earlyHeaderMutationExtensions, context),
    usesRemoteAddress,
    trustedHops: message.xffNumTrustedHops,
    skipsXffAppend: message.skipXffAppend,
    mapsXffToIpv6: message.representIpv4RemoteAddressAsIpv4MappedIpv6,
    appendsPort: message.appendXForwardedPort,
    ownAddress: server.localAddress,
    detectors: detectors.length === 0 && !usesRemoteAddress
      ? [xffDetector(message.xffNumTrustedHops)]
      : detectors,
    internalAddresses: internal === undefined
      ? new CidrSet()
      : compileCidrSet(internal.cidrRanges, context),
    unixSocketsAreInternal: internal?.unixSockets ?? false,
    schemeToSet: scheme?.case === "schemeToOverwrite" ? scheme.value : undefined,
    forwardProto: ports === undefined ? undefined : {
      https: new Set(ports.httpsDestinationPorts),
      http: new Set(ports.httpDestinationPorts),
    },
    internalOnlyHeaders: routes.internalOnlyHeaders,
    userAgent: message.addUserAgent === true
      ? { cluster: server.nodeCluster, node: server.nodeId }
      : undefined,
    via: message.via,
    requestId: compileRequestId(message),
    xfcc: {
      mode: XFCC_MODES[message.forwardClientCertDetails] ?? "sanitize",
      isJson: details?.format === JSON_FORMAT,
      details: {
        cert: details?.cert ?? false,
        chain: details?.chain ?? false,
        subject: details?.subject ?? false,
        uri: details?.uri ?? false,
        dns: details?.dns ?? false,
        issuer: details?.issuer ?? false,
      },
    },
  };
}

function compileRequestId(message: Message): RequestIdOptions {
  const extension = message.requestIdExtension?.typedConfig as UuidConfig | undefined;
  return {
    generates: message.generateRequestId ?? true,
    preservesExternal: message.preserveExternalRequestId,
    alwaysInResponse: message.alwaysSetRequestIdInResponse,
    packsTraceReason: extension?.packTraceReason ?? true,
    usesIdForSampling: extension?.useRequestIdForTraceSampling ?? true,
  };
}

function compileEarly(
  messages: readonly envoy_config_core_v3_TypedExtensionConfig[],
  context: CompileContext,
): EarlyMutation[] {
  const mutations: EarlyMutation[] = [];
  for (const message of messages) {
    const typed = message.typedConfig;
    if (typed?.$typeName !== EARLY) continue;
    const changes = compileMutationList((typed as EarlyMessage).mutations, context);
    mutations.push({
      mutate(headers, info) {
        changes.apply(headers, streamFormatContext(info, headers));
        return true;
      },
    });
  }
  return mutations;
}

/** Index is the API's number; 0 is left to Envoy, which keeps them. */
const ESCAPED_SLASHES: readonly EscapedSlashes[] = [
  "keep",
  "keep",
  "reject",
  "redirect",
  "forward",
];

/** How paths are normalised; `normalize_path` unset leaves it to the runtime. */
export function compilePath(message: Message, context: CompileContext): PathOptions {
  const { runtime } = context;
  return {
    normalizes: message.normalizePath ??
      runtime.number("http_connection_manager.normalize_path", 0) > 0,
    mergesSlashes: message.mergeSlashes,
    escapedSlashes: ESCAPED_SLASHES[message.pathWithEscapedSlashesAction] ?? "keep",
  };
}

/** What is stripped off the host; asking for both kinds of port stripping is an error. */
export function compileHost(message: Message, context: CompileContext): HostOptions {
  const stripsAny = message.stripPortMode.case === "stripAnyHostPort" &&
    message.stripPortMode.value;
  if (stripsAny && message.stripMatchingHostPort) {
    const text =
      "Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.";
    context.problems.error(message, "strip_matching_host_port", text);
  }
  return {
    stripsTrailingDot: message.stripTrailingHostDot,
    stripsPort: stripsAny ? "any" : message.stripMatchingHostPort ? "matching" : "no",
  };
}

/** Index is the API's number. */
const SERVER_HEADERS: readonly ServerHeader[] = ["overwrite", "append_if_absent", "pass_through"];

/** What is done to response headers: server, via and x-request-id. */
export function compileResponseHeaders(message: Message): ResponseHeaderOptions {
  return {
    serverName: message.serverName === "" ? "envoy" : message.serverName,
    serverHeader: SERVER_HEADERS[message.serverHeaderTransformation] ?? "overwrite",
    via: message.via,
    alwaysSetsRequestId: message.alwaysSetRequestIdInResponse,
  };
}

/** The Proxy-Status header (RFC 9209) of responses; undefined if none is asked for. */
export function compileProxyStatus(
  message: Message,
  context: CompileContext,
): ProxyStatusOptions | undefined {
  const config = message.proxyStatusConfig;
  if (config === undefined) return undefined;
  const name = config.proxyName;
  return {
    proxyName: name.case === "literalProxyName"
      ? name.value
      : name.case === "useNodeId" && name.value
      ? context.server.nodeId
      : message.serverName === ""
      ? "envoy"
      : message.serverName,
    showsDetails: !config.removeDetails,
    showsTerminationDetails: !config.removeConnectionTerminationDetails,
    showsFlags: !config.removeResponseFlags,
    setsRecommendedStatus: config.setRecommendedResponseCode,
  };
}

/** Shares of requests whose id says they are traced; undefined without a tracing block. */
export function compileSampling(message: Message): SamplingOptions | undefined {
  const { tracing } = message;
  if (tracing === undefined) return undefined;
  return {
    client: fraction(tracing.clientSampling?.value, "tracing.client_enabled"),
    random: fraction(tracing.randomSampling?.value, "tracing.random_sampling"),
    overall: fraction(tracing.overallSampling?.value, "tracing.global_enabled"),
  };
}

/** Percent with two decimals, as Envoy reads it: in ten thousandths. */
function fraction(percent: number | undefined, runtimeKey: string): RuntimeFraction {
  return { numerator: Math.round((percent ?? 100) * 100), denominator: 10_000, runtimeKey };
}
