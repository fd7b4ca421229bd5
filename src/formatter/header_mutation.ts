/** Header changes of the configuration: lists to remove and to add, with formatted values. */

import type { BaseCompileContext } from "../base/mod.ts";
import { headerId, type HeaderMap } from "../http/mod.ts";
import { asciiLower, binaryText } from "../matching/mod.ts";
import type { envoy_config_core_v3_HeaderValueOption } from "../proto/mod.ts";
import type { FormatContext } from "./context.ts";
import { applyAddition, compileAddition, type HeaderAddition } from "./header_addition.ts";

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
      for (let i = 0; i < additions.length; i++) applyAddition(headers, additions[i]!, values);
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
