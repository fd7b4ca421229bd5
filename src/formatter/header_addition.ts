/** One header that the configuration adds, with a formatted value (HeaderValueOption). */

import type { BaseCompileContext } from "../base/mod.ts";
import { H, headerId, type HeaderMap } from "../http/mod.ts";
import { asciiLower, binaryText } from "../matching/mod.ts";
import type { envoy_config_core_v3_HeaderValueOption } from "../proto/mod.ts";
import type { FormatContext, Formatter } from "./context.ts";
import { compileFormat } from "./text.ts";

type AppendAction =
  | "append_if_exists_or_add"
  | "add_if_absent"
  | "overwrite_if_exists_or_add"
  | "overwrite_if_exists";

/** By the number of HeaderValueOption.HeaderAppendAction. */
const ACTIONS: readonly AppendAction[] = [
  "append_if_exists_or_add",
  "add_if_absent",
  "overwrite_if_exists_or_add",
  "overwrite_if_exists",
];

/** A compiled HeaderValueOption. */
export interface HeaderAddition {
  readonly name: string;
  readonly id: number;
  readonly action: AppendAction;
  readonly value: Formatter;
  readonly keepEmpty: boolean;
}

/** Headers that Envoy keeps as one line: appending joins with a comma (its inline headers). */
const SINGLE_LINE: ReadonlySet<number> = new Set([
  H.connection,
  H.contentLength,
  H.contentType,
  H.date,
  H.expect,
  H.keepAlive,
  H.location,
  H.proxyConnection,
  H.server,
  H.te,
  H.transferEncoding,
  H.upgrade,
  H.userAgent,
  H.via,
  H.xForwardedFor,
  H.xForwardedProto,
  H.xForwardedHost,
  H.xForwardedPort,
  H.xForwardedClientCert,
  H.xRequestId,
]);

/**
 * Compiles one option; undefined and a problem where it would break the message.
 * @param extensions operators of `formatters` extensions that the value may use
 */
export function compileAddition(
  option: envoy_config_core_v3_HeaderValueOption,
  context: BaseCompileContext,
  extensions?: ReadonlySet<string>,
): HeaderAddition | undefined {
  const header = option.header;
  if (header === undefined) {
    context.problems.error(option, "header", "value is required");
    return undefined;
  }
  const name = asciiLower(binaryText(header.key));
  if (name.startsWith(":") || name === "host") {
    context.problems.error(header, "key", ":-prefixed or host headers may not be modified");
    return undefined;
  }
  if (option.append !== undefined && option.appendAction !== 0) {
    const why = "Both append and append_action are set and it's not allowed";
    context.problems.error(option, "append", why);
  }
  const action = option.append === false ? "overwrite_if_exists_or_add" : undefined;
  const text = header.rawValue.length > 0
    ? new TextDecoder().decode(header.rawValue)
    : header.value;
  return {
    name,
    id: headerId(name),
    action: action ?? ACTIONS[option.appendAction] ?? "append_if_exists_or_add",
    value: compileFormat(text, context, {
      message: header,
      field: "value",
      omitEmpty: true,
      ...(extensions === undefined ? {} : { extensions }),
    }),
    keepEmpty: option.keepEmptyValue,
  };
}

/** Adds the header as its append action says. */
export function applyAddition(
  headers: HeaderMap,
  addition: HeaderAddition,
  context: FormatContext,
): void {
  const { id, name, action } = addition;
  const exists = id === 0 ? headers.has(name) : headers.hasId(id);
  if (exists ? action === "add_if_absent" : action === "overwrite_if_exists") return;
  const value = addition.value.constant ?? safeValue(addition.value.format(context));
  if (value === undefined || (value === "" && !addition.keepEmpty)) return;
  if (!exists) headers.append(id, name, value);
  else if (action !== "append_if_exists_or_add") headers.set(name, value);
  else if (SINGLE_LINE.has(id)) headers.setId(id, `${headers.getId(id)},${value}`);
  else headers.append(id, name, value);
}

/** Metadata (a token's claims, say) may hold line ends: such a value would split the message. */
function safeValue(value: string): string | undefined {
  return value.includes("\n") || value.includes("\r") || value.includes("\0") ? undefined : value;
}
