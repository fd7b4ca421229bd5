/** Access loggers by the type of their message, in name order; loaded when configured. */

import type { ExtensionRow } from "../../base/mod.ts";
import type { AccessLoggerFactory } from "../access_log.ts";

export const ACCESS_LOGGERS = [
  {
    name: "envoy.access_loggers.file",
    type: "envoy.extensions.access_loggers.file.v3.FileAccessLog",
    load: async () => (await import("./file.ts")).fileAccessLog,
  },
  {
    name: "envoy.access_loggers.stderr",
    type: "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
    load: async () => (await import("./stream.ts")).stderrAccessLog,
  },
  {
    name: "envoy.access_loggers.stdout",
    type: "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
    load: async () => (await import("./stream.ts")).stdoutAccessLog,
  },
] as const satisfies readonly ExtensionRow<AccessLoggerFactory>[];
