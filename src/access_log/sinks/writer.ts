/** What the sinks that write lines share. */

import type { Formatter } from "../../formatter/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import type { AccessLog } from "../access_log.ts";
import type { LogWriter } from "../log_writer.ts";
import type { AccessLogManager } from "../manager.ts";

/** The thread's writer of a path; undefined and a problem if it cannot be opened. */
export function openWriter(
  path: string,
  at: { readonly message: object; readonly field: string },
  context: CompileContext,
): LogWriter | undefined {
  try {
    return context.service<AccessLogManager>("access_log_manager").open(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.problems.error(at.message, at.field, `unable to open file '${path}': ${reason}`);
    return undefined;
  }
}

/** Formats a line and hands it on. */
export function lineLog(format: Formatter, writer: LogWriter): AccessLog {
  return { log: (context) => writer.write(format.format(context)) };
}
