/** Http1ProtocolOptions and Http2ProtocolOptions compiled for the client side, Envoy's defaults filled in. */

import type { Problems } from "../base/mod.ts";
import type { Http1Options, Http2Options } from "../codec/mod.ts";
import type {
  envoy_config_core_v3_Http1ProtocolOptions,
  envoy_config_core_v3_Http2ProtocolOptions,
} from "../proto/mod.ts";

/** What both codecs take from elsewhere. */
export interface CodecLimits {
  /** undefined: the codec's own default (80 KiB in HTTP/1, 60 KiB in HTTP/2). */
  readonly maxHeadersBytes: number | undefined;
  readonly maxHeadersCount: number;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  readonly isTls: boolean;
}

const HTTP1_HEADERS_BYTES = 80 * 1024;
const HTTP2_HEADERS_BYTES = 60 * 1024;
const MIB = 1024 * 1024;
const PRESERVE_CASE =
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

/** Absent fields of HTTP/2: Envoy 1.40's. */
const HTTP2_DEFAULTS = {
  hpackTableSize: 4096,
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: 16 * MIB,
  initialConnectionWindowSize: 24 * MIB,
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveInboundFramesWithEmptyPayload: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdateFramesPerDataFrameSent: 10,
} as const;

const NEVER = (): boolean => false;

/** Options of the HTTP/1 client codec; what it does not act on is reported to `problems`. */
export function compileClientHttp1(
  message: envoy_config_core_v3_Http1ProtocolOptions | undefined,
  limits: CodecLimits,
  problems: Problems,
): Http1Options {
  return {
    maxHeadersBytes: limits.maxHeadersBytes ?? HTTP1_HEADERS_BYTES,
    maxHeadersCount: limits.maxHeadersCount,
    allowAbsoluteUrl: message?.allowAbsoluteUrl ?? true,
    acceptHttp10: message?.acceptHttp10 ?? false,
    defaultHostForHttp10: message?.defaultHostForHttp10 ?? "",
    headerCase: headerCaseOf(message, problems),
    enableTrailers: message?.enableTrailers ?? false,
    allowChunkedLength: message?.allowChunkedLength ?? false,
    streamErrorOnInvalidMessage: message?.overrideStreamErrorOnInvalidHttpMessage ?? false,
    sendFullyQualifiedUrl: message?.sendFullyQualifiedUrl ?? false,
    allowCustomMethods: message?.allowCustomMethods ?? false,
    // Upgrades are asked for by clients; a client codec has nothing to ignore.
    ignoreUpgrade: NEVER,
    headersWithUnderscores: limits.headersWithUnderscores,
    isTls: limits.isTls,
  };
}

function headerCaseOf(
  message: envoy_config_core_v3_Http1ProtocolOptions | undefined,
  problems: Problems,
): Http1Options["headerCase"] {
  const format = message?.headerKeyFormat?.headerFormat;
  if (format?.case === "properCaseWords") return "proper";
  if (format?.case !== "statefulFormatter") return "lower";
  if (format.value.typedConfig?.$typeName !== PRESERVE_CASE) {
    problems.unsupported(message!, "header_key_format", "header names are sent in lower case");
    return "lower";
  }
  return "preserve";
}

/** Options of the HTTP/2 client codec; settings that Envoy refuses are errors in `problems`. */
export function compileClientHttp2(
  message: envoy_config_core_v3_Http2ProtocolOptions | undefined,
  limits: CodecLimits,
  problems: Problems,
): Http2Options {
  const defaults = HTTP2_DEFAULTS;
  const settings: [number, number][] = [];
  message?.customSettingsParameters.forEach((setting, i) => {
    if (setting.identifier === undefined || setting.value === undefined) {
      problems.error(
        message,
        `custom_settings_parameters[${i}]`,
        "needs an identifier and a value",
      );
      return;
    }
    settings.push([setting.identifier, setting.value]);
  });
  return {
    hpackTableSize: message?.hpackTableSize ?? defaults.hpackTableSize,
    maxConcurrentStreams: message?.maxConcurrentStreams ?? defaults.maxConcurrentStreams,
    initialStreamWindowSize: message?.initialStreamWindowSize ?? defaults.initialStreamWindowSize,
    initialConnectionWindowSize: message?.initialConnectionWindowSize ??
      defaults.initialConnectionWindowSize,
    allowConnect: message?.allowConnect ?? false,
    allowMetadata: message?.allowMetadata ?? false,
    maxOutboundFrames: message?.maxOutboundFrames ?? defaults.maxOutboundFrames,
    maxOutboundControlFrames: message?.maxOutboundControlFrames ??
      defaults.maxOutboundControlFrames,
    maxConsecutiveInboundFramesWithEmptyPayload:
      message?.maxConsecutiveInboundFramesWithEmptyPayload ??
        defaults.maxConsecutiveInboundFramesWithEmptyPayload,
    maxInboundPriorityFramesPerStream: message?.maxInboundPriorityFramesPerStream ??
      defaults.maxInboundPriorityFramesPerStream,
    maxInboundWindowUpdateFramesPerDataFrameSent:
      message?.maxInboundWindowUpdateFramesPerDataFrameSent ??
        defaults.maxInboundWindowUpdateFramesPerDataFrameSent,
    streamErrorOnInvalidMessage: message?.overrideStreamErrorOnInvalidHttpMessage ??
      message?.streamErrorOnInvalidHttpMessaging ?? false,
    customSettings: settings,
    maxHeadersBytes: limits.maxHeadersBytes ?? HTTP2_HEADERS_BYTES,
    maxHeadersCount: limits.maxHeadersCount,
    headersWithUnderscores: limits.headersWithUnderscores,
    isTls: limits.isTls,
  };
}
