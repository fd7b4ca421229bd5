/** Access logs: a filter, a format and a sink each. Nothing is formatted before the filter has passed. */

import type { FormatContext } from "../formatter/mod.ts";
import type { envoy_config_accesslog_v3_AccessLog } from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { compileLogFilter, type LogFilter } from "./filter.ts";

/** What a line is made of; `accessLogType` tells the occasion. */
export type LogContext = FormatContext;

/** One compiled `access_log` entry. */
export interface AccessLog {
  log(context: LogContext): void;
}

/** A kind of access logger; one registry row. */
export interface AccessLoggerFactory {
  readonly name: string;
  readonly type: string;
  /** The log without its filter; undefined after a problem. */
  compile(message: object, context: CompileContext): AccessLog | undefined;
}

/** Compiles a list of access logs; what cannot be served is reported and left out. */
export function compileAccessLogs(
  messages: readonly envoy_config_accesslog_v3_AccessLog[],
  context: CompileContext,
): AccessLog[] {
  const logs: AccessLog[] = [];
  for (const message of messages) {
    const log = compileAccessLog(message, context);
    if (log !== undefined) logs.push(log);
  }
  return logs;
}

function compileAccessLog(
  message: envoy_config_accesslog_v3_AccessLog,
  context: CompileContext,
): AccessLog | undefined {
  const filter = message.filter === undefined
    ? undefined
    : compileLogFilter(message.filter, context);
  const typed = message.configType.value;
  if (typed === undefined) {
    context.problems.error(message, "typed_config", "value is required");
    return undefined;
  }
  const factory = context.extension<AccessLoggerFactory>("access_logger", typed.$typeName);
  if (factory === undefined) {
    const effect = `access logger "${message.name}" logs nothing`;
    context.problems.unsupported(message, "typed_config", effect);
    return undefined;
  }
  const log = factory.compile(typed, context);
  return log === undefined || filter === undefined ? log : filtered(log, filter);
}

function filtered(log: AccessLog, filter: LogFilter): AccessLog {
  return {
    log(context) {
      if (filter(context)) log.log(context);
    },
  };
}
