/** Lines to stdout and stderr (envoy.extensions.access_loggers.stream.v3). */

import { compileFormat, compileSubstitutionFormat, DEFAULT_FORMAT } from "../../formatter/mod.ts";
import type { envoy_extensions_access_loggers_stream_v3_StdoutAccessLog } from "../../proto/mod.ts";
import type { AccessLoggerFactory } from "../access_log.ts";
import { lineLog, openWriter } from "./writer.ts";

type StreamAccessLog = Pick<
  envoy_extensions_access_loggers_stream_v3_StdoutAccessLog,
  "accessLogFormat"
>;

function streamAccessLog(
  name: string,
  type: string,
  path: "/dev/stdout" | "/dev/stderr",
): AccessLoggerFactory {
  return {
    name,
    type,
    compile: (message, context) => {
      const format = (message as StreamAccessLog).accessLogFormat;
      const formatter = format.case === undefined
        ? compileFormat(DEFAULT_FORMAT, context, { message, field: "" })
        : compileSubstitutionFormat(format.value, context);
      const writer = openWriter(path, { message, field: "" }, context);
      return writer === undefined ? undefined : lineLog(formatter, writer);
    },
  };
}

export const stdoutAccessLog: AccessLoggerFactory = streamAccessLog(
  "envoy.access_loggers.stdout",
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
  "/dev/stdout",
);

export const stderrAccessLog: AccessLoggerFactory = streamAccessLog(
  "envoy.access_loggers.stderr",
  "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
  "/dev/stderr",
);
