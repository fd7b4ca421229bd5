/** Files that a configuration names and that must be there when it loads. */

import type { Checks } from "./context.ts";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Checks by message type. */
export const FILE_CHECKS: Checks = {
  "envoy.config.core.v3.DataSource": (source, { problems }) => {
    if (source.specifier.case !== "filename") return;
    const path = source.specifier.value;
    if (path !== "" && !exists(path)) {
      problems.error(source, "filename", `file "${path}" does not exist`);
    }
  },
  "envoy.config.core.v3.PathConfigSource": (source, { problems }) => {
    if (source.path !== "" && !exists(source.path)) {
      problems.error(source, "path", `file "${source.path}" does not exist`);
    }
  },
  "envoy.config.core.v3.ConfigSource": (source, { problems }) => {
    const { case: kind, value } = source.configSourceSpecifier;
    if (kind === "path" && !exists(value)) {
      problems.error(source, "path", `file "${value}" does not exist`);
    }
  },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": (log, { problems }) => {
    const folder = log.path.slice(0, log.path.lastIndexOf("/"));
    if (folder !== "" && !exists(folder)) {
      problems.error(log, "path", `folder "${folder}" does not exist`);
    }
  },
};
