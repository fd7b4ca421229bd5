/** Options of the server codecs, with Envoy 1.40's defaults filled in. */

import type { Http1Options, Http2Options } from "../codec/mod.ts";
import { compileStringMatchers } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_Http1ProtocolOptions,
  envoy_config_core_v3_Http2ProtocolOptions,
  envoy_extensions_filters_network_http_connection_manager_v3_HttpConnectionManager as Message,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

/** One set of options per protocol and transport. */
export interface CodecConfig {
  readonly type: "auto" | "http1" | "http2";
  readonly http1: Http1Options;
  readonly http1Tls: Http1Options;
  readonly http2: Http2Options;
  readonly http2Tls: Http2Options;
  readonly http2InitialWindowBytes: number;
}

const DEFAULT_HEADERS_KB = 60;
const DEFAULT_HEADERS = 100;
const MIB = 1024 * 1024;
const TYPES = ["auto", "http1", "http2"] as const;
const UNDERSCORES = ["allow", "reject", "drop"] as const;
const PRESERVE_CASE =
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

/** Options of both codecs for plain and TLS connections, and which of them is used. */
export function compileCodecs(message: Message, context: CompileContext): CodecConfig {
  const http1 = compileHttp1(message, context);
  const http2 = compileHttp2(message, context);
  return {
    type: TYPES[message.codecType] ?? "auto",
    http1,
    http1Tls: { ...http1, isTls: true },
    http2,
    http2Tls: { ...http2, isTls: true },
    http2InitialWindowBytes: http2.initialStreamWindowSize,
  };
}

/** What both protocols take from the manager itself. */
function limitsOf(message: Message) {
  const common = message.commonHttpProtocolOptions;
  return {
    maxHeadersBytes: (message.maxRequestHeadersKb ?? DEFAULT_HEADERS_KB) * 1024,
    maxHeadersCount: common?.maxHeadersCount ?? DEFAULT_HEADERS,
    headersWithUnderscores: UNDERSCORES[common?.headersWithUnderscoresAction ?? 0] ?? "allow",
    isTls: false,
  } as const;
}

function compileHttp1(message: Message, context: CompileContext): Http1Options {
  const own = message.httpProtocolOptions;
  const ignored = compileStringMatchers(own?.ignoreHttp11Upgrade ?? [], context);
  return {
    ...limitsOf(message),
    allowAbsoluteUrl: own?.allowAbsoluteUrl ?? true,
    acceptHttp10: own?.acceptHttp10 ?? false,
    defaultHostForHttp10: own?.defaultHostForHttp10 ?? "",
    headerCase: headerCaseOf(own),
    enableTrailers: own?.enableTrailers ?? false,
    allowChunkedLength: own?.allowChunkedLength ?? false,
    streamErrorOnInvalidMessage: own?.overrideStreamErrorOnInvalidHttpMessage ??
      message.streamErrorOnInvalidHttpMessage ?? false,
    sendFullyQualifiedUrl: own?.sendFullyQualifiedUrl ?? false,
    allowCustomMethods: own?.allowCustomMethods ?? false,
    ignoreUpgrade: (value) => ignored.matches(value),
  };
}

function headerCaseOf(
  message: envoy_config_core_v3_Http1ProtocolOptions | undefined,
): Http1Options["headerCase"] {
  const format = message?.headerKeyFormat?.headerFormat;
  if (format?.case === "properCaseWords") return "proper";
  const isPreserving = format?.case === "statefulFormatter" &&
    format.value.typedConfig?.$typeName === PRESERVE_CASE;
  return isPreserving ? "preserve" : "lower";
}

function compileHttp2(message: Message, context: CompileContext): Http2Options {
  const own = message.http2ProtocolOptions;
  return {
    ...limitsOf(message),
    hpackTableSize: own?.hpackTableSize ?? 4096,
    maxConcurrentStreams: own?.maxConcurrentStreams ?? 1024,
    initialStreamWindowSize: own?.initialStreamWindowSize ?? 16 * MIB,
    initialConnectionWindowSize: own?.initialConnectionWindowSize ?? 24 * MIB,
    allowConnect: own?.allowConnect ?? false,
    allowMetadata: own?.allowMetadata ?? false,
    maxOutboundFrames: own?.maxOutboundFrames ?? 10_000,
    maxOutboundControlFrames: own?.maxOutboundControlFrames ?? 1000,
    maxConsecutiveInboundFramesWithEmptyPayload: own?.maxConsecutiveInboundFramesWithEmptyPayload ??
      1,
    maxInboundPriorityFramesPerStream: own?.maxInboundPriorityFramesPerStream ?? 100,
    maxInboundWindowUpdateFramesPerDataFrameSent:
      own?.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    streamErrorOnInvalidMessage: own?.overrideStreamErrorOnInvalidHttpMessage ??
      message.streamErrorOnInvalidHttpMessage ?? own?.streamErrorOnInvalidHttpMessaging ?? false,
    customSettings: own === undefined ? [] : customSettings(own, context),
  };
}

function customSettings(
  message: envoy_config_core_v3_Http2ProtocolOptions,
  context: CompileContext,
): [number, number][] {
  const settings: [number, number][] = [];
  message.customSettingsParameters.forEach((setting, i) => {
    if (setting.identifier !== undefined && setting.value !== undefined) {
      settings.push([setting.identifier, setting.value]);
      return;
    }
    const field = `custom_settings_parameters[${i}]`;
    context.problems.error(message, field, "it needs an identifier and a value");
  });
  return settings;
}
