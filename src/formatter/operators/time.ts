/** Points in time, by strftime formats. */

import type { CertificateInfo } from "../../http/mod.ts";
import type { FormatContext, ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { compileTimeFormat, formatIsoTime, type TimeFormatter } from "../time.ts";
import { type Operator, refuse } from "./operator.ts";

type Row = Pick<Operator, "syntax" | "compile">;

/** undefined and a problem if the format would break the line. */
function compileTime(call: OperatorCall, fallback: TimeFormatter): TimeFormatter | undefined {
  if (call.argument === "") return fallback;
  if (/%n|\n/.test(call.argument)) {
    return refuse(call, "Invalid header configuration. Format string contains newline.");
  }
  return compileTimeFormat(call.argument);
}

/** The form without an argument. */
function defaultFormat(isLocal: boolean): TimeFormatter {
  return isLocal ? compileTimeFormat("%Y-%m-%dT%H:%M:%E3S%z") : formatIsoTime;
}

/** When the stream began. `isLocal` has another default; the zone of a proxy is UTC. */
export function startTime(isLocal: boolean): Row {
  return {
    syntax: "argument_optional",
    compile: (call) => {
      const format = compileTime(call, defaultFormat(isLocal));
      return format && (({ info }) => format(info.startWallMs));
    },
  };
}

/** When the line is written. */
export function emitTime(isLocal: boolean): Row {
  return {
    syntax: "argument_optional",
    compile: (call) => {
      const format = compileTime(call, defaultFormat(isLocal));
      const { clock } = call.context.dispatcher;
      return format && (() => format(clock.wallMs()));
    },
  };
}

/** One of a certificate's two dates. */
export function certificateTime(
  read: (context: FormatContext) => CertificateInfo | undefined,
  end: "notBeforeMs" | "notAfterMs",
): Row {
  return {
    syntax: "argument_optional",
    compile: (call) => {
      const format = compileTime(call, formatIsoTime);
      const provider: ValueProvider = (context) => {
        const certificate = read(context);
        return certificate === undefined ? undefined : format!(certificate[end]);
      };
      return format && provider;
    },
  };
}
