/** Header changes of the configuration: lists to remove and to add, with formatted values. */

import type { BaseCompileContext } from "../base/mod.ts";
import { H, headerId, type HeaderMap } from "../http/mod.ts";
import { asciiLower, binaryText } from "../matching/mod.ts";
import type { envoy_config_core_v3_HeaderValueOption } from "../proto/mod.ts";
import type { FormatContext, Formatter } from "./context.ts";
import { compileFormat } from "./text.ts";

/** Compiled changes; apply costs nothing where there are none. */
export interface HeaderChanges {
  readonly isEmpty: boolean;
  /** Removes, then adds, to `headers`; `context` is read by formats only. */
  apply(headers: HeaderMap, context: FormatContext): void;
}

/** The two lists and where they stand, for problems. */
export interface HeaderChangesSource {
  readonly add: readonly envoy_config_core_v3_HeaderValueOption[];
  readonly remove?: readonly string[];
  /** The message that holds the lists. */
  readonly message: object;
  /** Proto name of the list to remove, as in `request_headers_to_remove`. */
  readonly removeField?: string;
}

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

interface HeaderAddition {
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

const NO_CHANGES: HeaderChanges = { isEmpty: true, apply() {} };

/** Compiles `*_headers_to_add` and `*_headers_to_remove`; refuses what would break the message. */
export function compileHeaderMutations(
  source: HeaderChangesSource,
  context: BaseCompileContext,
): HeaderChanges {
  const removals = (source.remove ?? []).map((name) => compileRemoval(name, source, context));
  const removeIds = removals.map((name) => headerId(name));
  const additions: HeaderAddition[] = [];
  for (const option of source.add) {
    const addition = compileAddition(option, context);
    if (addition !== undefined) additions.push(addition);
  }
  if (removals.length === 0 && additions.length === 0) return NO_CHANGES;
  return {
    isEmpty: false,
    apply(headers, values) {
      for (let i = 0; i < removals.length; i++) {
        if (removeIds[i] !== 0) headers.removeId(removeIds[i]!);
        else headers.remove(removals[i]!);
      }
      for (let i = 0; i < additions.length; i++) add(headers, additions[i]!, values);
    },
  };
}

function compileRemoval(
  text: string,
  source: HeaderChangesSource,
  context: BaseCompileContext,
): string {
  const name = asciiLower(binaryText(text));
  if (name.startsWith(":") || name === "host") {
    const field = source.removeField ?? "";
    context.problems.error(source.message, field, ":-prefixed or host headers may not be removed");
  }
  return name;
}

function compileAddition(
  option: envoy_config_core_v3_HeaderValueOption,
  context: BaseCompileContext,
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
    value: compileFormat(text, context, { message: header, field: "value", omitEmpty: true }),
    keepEmpty: option.keepEmptyValue,
  };
}

function add(headers: HeaderMap, addition: HeaderAddition, context: FormatContext): void {
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
