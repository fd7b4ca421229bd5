/** Lines to a file (envoy.extensions.access_loggers.file.v3.FileAccessLog). */

import {
  compileFormat,
  compileJsonFormat,
  compileSubstitutionFormat,
  DEFAULT_FORMAT,
  type Formatter,
} from "../../formatter/mod.ts";
import type { envoy_extensions_access_loggers_file_v3_FileAccessLog } from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { AccessLoggerFactory } from "../access_log.ts";
import { lineLog, openWriter } from "./writer.ts";

type FileAccessLog = envoy_extensions_access_loggers_file_v3_FileAccessLog;

function compileFileFormat(message: FileAccessLog, context: CompileContext): Formatter {
  const format = message.accessLogFormat;
  switch (format.case) {
    case "format": {
      const text = format.value === "" ? DEFAULT_FORMAT : format.value;
      return compileFormat(text, context, { message, field: "format" });
    }
    case "jsonFormat":
    case "typedJsonFormat": {
      const field = format.case === "jsonFormat" ? "json_format" : "typed_json_format";
      const json = compileJsonFormat(format.value, context, { message, field });
      return { format: (values) => json.format(values) + "\n", constant: undefined };
    }
    case "logFormat":
      return compileSubstitutionFormat(format.value, context);
    case undefined:
      return compileFormat(DEFAULT_FORMAT, context, { message, field: "" });
  }
}

export const fileAccessLog: AccessLoggerFactory = {
  name: "envoy.access_loggers.file",
  type: "envoy.extensions.access_loggers.file.v3.FileAccessLog",
  compile: (message, context) => {
    const config = message as FileAccessLog;
    const format = compileFileFormat(config, context);
    const writer = openWriter(config.path, { message, field: "path" }, context);
    return writer === undefined ? undefined : lineLog(format, writer);
  },
};
