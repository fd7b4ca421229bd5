/** Which requests are logged: the filters of envoy.config.accesslog.v3. */

import { ACCESS_LOG_TYPES, type FormatContext, grpcStatusOf } from "../formatter/mod.ts";
import { FLAG_NAMES, grpcStatusOfHttp } from "../http/mod.ts";
import { compileHeaderMatcher, compileValueMatcher, metadataValue } from "../matching/mod.ts";
import type {
  envoy_config_accesslog_v3_AccessLogFilter,
  envoy_config_accesslog_v3_ComparisonFilter,
  envoy_config_accesslog_v3_GrpcStatusFilter,
  envoy_config_accesslog_v3_LogTypeFilter,
  envoy_config_accesslog_v3_MetadataFilter,
  envoy_config_accesslog_v3_ResponseFlagFilter,
  envoy_config_accesslog_v3_RuntimeFilter,
} from "../proto/mod.ts";
import { type CompileContext, FRACTION_DENOMINATORS } from "../runtime/mod.ts";

/** Whether a stream is logged. */
export type LogFilter = (context: FormatContext) => boolean;

const ALWAYS: LogFilter = () => true;

/** Also used by local_reply_config's mappers. */
export function compileLogFilter(
  message: envoy_config_accesslog_v3_AccessLogFilter,
  context: CompileContext,
): LogFilter {
  const filter = message.filterSpecifier;
  switch (filter.case) {
    case "statusCodeFilter": {
      const compare = compileComparison(filter.value, filter.value.comparison, context);
      return ({ info }) => compare(info.responseCode);
    }
    case "durationFilter": {
      const compare = compileComparison(filter.value, filter.value.comparison, context);
      const { clock } = context.dispatcher;
      return ({ info }) => {
        const end = info.endMs < 0 ? clock.nowMs() : info.endMs;
        return compare(Math.floor(end - info.startMs));
      };
    }
    case "notHealthCheckFilter":
      return ({ info }) => !info.isHealthCheck;
    case "traceableFilter":
      return ({ info }) => !info.isHealthCheck && info.traceReason !== "not_traced";
    case "runtimeFilter":
      return compileRuntime(filter.value, context);
    case "andFilter":
      return compileAll(filter.value.filters, context);
    case "orFilter":
      return compileAny(filter.value.filters, context);
    case "headerFilter": {
      const header = filter.value.header;
      if (header === undefined) {
        context.problems.error(filter.value, "header", "value is required");
        return ALWAYS;
      }
      const matcher = compileHeaderMatcher(header, context);
      return ({ requestHeaders }) =>
        requestHeaders !== undefined && matcher.matches(requestHeaders);
    }
    case "responseFlagFilter":
      return compileFlags(filter.value, context);
    case "grpcStatusFilter":
      return compileGrpcStatus(filter.value);
    case "metadataFilter":
      return compileMetadata(filter.value, context);
    case "logTypeFilter":
      return compileLogType(filter.value);
    case "extensionFilter":
      context.problems.unsupported(
        message,
        "extension_filter",
        `filter "${filter.value.name}" lets every line pass`,
      );
      return ALWAYS;
    case undefined:
      context.problems.error(message, "filter_specifier", "value is required");
      return ALWAYS;
  }
}

function compileAll(
  messages: readonly envoy_config_accesslog_v3_AccessLogFilter[],
  context: CompileContext,
): LogFilter {
  const filters = messages.map((message) => compileLogFilter(message, context));
  return (values) => {
    for (let i = 0; i < filters.length; i++) if (!filters[i]!(values)) return false;
    return true;
  };
}

function compileAny(
  messages: readonly envoy_config_accesslog_v3_AccessLogFilter[],
  context: CompileContext,
): LogFilter {
  const filters = messages.map((message) => compileLogFilter(message, context));
  return (values) => {
    for (let i = 0; i < filters.length; i++) if (filters[i]!(values)) return true;
    return false;
  };
}

/** ComparisonFilter.Op by number. */
const OPERATIONS: readonly ((value: number, limit: number) => boolean)[] = [
  (value, limit) => value === limit,
  (value, limit) => value >= limit,
  (value, limit) => value <= limit,
  (value, limit) => value !== limit,
];

/** The limit may change at run time. */
function compileComparison(
  owner: object,
  message: envoy_config_accesslog_v3_ComparisonFilter | undefined,
  context: CompileContext,
): (value: number) => boolean {
  const limit = message?.value;
  if (message === undefined || limit === undefined) {
    context.problems.error(message ?? owner, message ? "value" : "comparison", "value is required");
    return () => true;
  }
  const { runtime } = context;
  const compare = OPERATIONS[message.op] ?? OPERATIONS[0]!;
  const { runtimeKey, defaultValue } = limit;
  return (value) => compare(value, runtime.number(runtimeKey, defaultValue));
}

/** Stable by request id, so that all hops log the same requests, unless told otherwise. */
function compileRuntime(
  message: envoy_config_accesslog_v3_RuntimeFilter,
  context: CompileContext,
): LogFilter {
  const { runtime, dispatcher: { random } } = context;
  const fraction = {
    numerator: message.percentSampled?.numerator ?? 0,
    denominator: FRACTION_DENOMINATORS[message.percentSampled?.denominator ?? 0] ?? 100,
    runtimeKey: message.runtimeKey,
  };
  const isStable = !message.useIndependentRandomness;
  return ({ info }) => {
    const drawn = isStable && info.requestId !== undefined
      ? Number.parseInt(info.requestId.slice(0, 8), 16)
      : NaN;
    const value = Number.isNaN(drawn) ? random.below(4294967296) : drawn;
    return runtime.fractionEnabled(fraction, value);
  };
}

/** No flags named: any flag will do. */
function compileFlags(
  message: envoy_config_accesslog_v3_ResponseFlagFilter,
  context: CompileContext,
): LogFilter {
  let bits = 0;
  for (const [index, name] of message.flags.entries()) {
    const bit = FLAG_NAMES.findIndex(([short]) => short === name);
    if (bit < 0) {
      const why = `value must be in list ${FLAG_NAMES.map(([short]) => short).join(" ")}`;
      context.problems.error(message, `flags[${index}]`, why);
    } else bits |= 1 << bit;
  }
  if (message.flags.length === 0) return ({ info }) => info.flags !== 0;
  return ({ info }) => (info.flags & bits) !== 0;
}

/** A response without a status counts by its HTTP code, also if the request is no gRPC. */
function compileGrpcStatus(message: envoy_config_accesslog_v3_GrpcStatusFilter): LogFilter {
  const statuses = new Set(message.statuses);
  const { exclude } = message;
  return (context) => {
    const status = grpcStatusOf(context) ?? grpcStatusOfHttp(context.info.responseCode);
    return statuses.has(status) !== exclude;
  };
}

function compileMetadata(
  message: envoy_config_accesslog_v3_MetadataFilter,
  context: CompileContext,
): LogFilter {
  const whenMissing = message.matchIfKeyNotFound ?? true;
  const matcher = message.matcher;
  if (matcher?.value === undefined) return () => whenMissing;
  const value = compileValueMatcher(matcher.value, context);
  const path = matcher.path.map((step) => step.segment.value ?? "");
  const { filter } = matcher;
  return ({ info }) => {
    const found = metadataValue(info.dynamicMetadata, filter, path);
    return found === undefined ? whenMissing : value.matches(found);
  };
}

function compileLogType(message: envoy_config_accesslog_v3_LogTypeFilter): LogFilter {
  const types = new Set<string>(message.types.map((type) => ACCESS_LOG_TYPES[type] ?? ""));
  const { exclude } = message;
  if (types.size === 0) return ALWAYS;
  return ({ accessLogType }) => types.has(accessLogType) !== exclude;
}
