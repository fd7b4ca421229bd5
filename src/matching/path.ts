/** Path matchers of the common API: the path without query and fragment. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { envoy_type_matcher_v3_PathMatcher } from "../proto/mod.ts";
import { compileStringMatcher, type StringMatcher } from "./string.ts";

/** The path up to `?` or `#`. */
export function pathWithoutQuery(path: string): string {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return path.slice(0, i);
  }
  return path;
}

/** Matches a `:path` value by its path alone. */
export function compilePathMatcher(
  message: envoy_type_matcher_v3_PathMatcher,
  context: BaseCompileContext,
): StringMatcher {
  if (message.rule.case === undefined) {
    context.problems.error(message, "rule", "value is required");
    return { matches: () => false };
  }
  const matcher = compileStringMatcher(message.rule.value, context);
  return { matches: (path) => matcher.matches(pathWithoutQuery(path)) };
}
