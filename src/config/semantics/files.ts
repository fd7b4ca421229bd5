/** Files that a configuration names and that must be there when it loads. */

import { fileExists } from "../../base/mod.ts";
import type { Checks } from "./context.ts";

/** Checks by message type. */
export const FILE_CHECKS: Checks = {
  "envoy.config.core.v3.DataSource": (source, { problems }) => {
    if (source.specifier.case !== "filename") return;
    const path = source.specifier.value;
    if (path !== "" && !fileExists(path)) {
      problems.error(source, "filename", `file "${path}" does not exist`);
    }
  },
  "envoy.config.core.v3.PathConfigSource": (source, { problems }) => {
    if (source.path !== "" && !fileExists(source.path)) {
      problems.error(source, "path", `file "${source.path}" does not exist`);
    }
  },
  "envoy.config.core.v3.ConfigSource": (source, { problems }) => {
    const { case: kind, value } = source.configSourceSpecifier;
    if (kind === "path" && !fileExists(value)) {
      problems.error(source, "path", `file "${value}" does not exist`);
    }
  },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": (log, { problems }) => {
    const folder = log.path.slice(0, log.path.lastIndexOf("/"));
    if (folder !== "" && !fileExists(folder)) {
      problems.error(log, "path", `folder "${folder}" does not exist`);
    }
  },
};
