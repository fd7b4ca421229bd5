/** Query parameters of a path, read in place: names and values are not decoded, as in Envoy. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { envoy_config_route_v3_QueryParameterMatcher } from "../proto/mod.ts";
import { binaryText } from "./binary_text.ts";
import { compileStringMatcher } from "./string.ts";

export interface QueryMatcher {
  /** `path` with its query. */
  matches(path: string): boolean;
}

/** The first value of a query parameter; "" if it has no `=`, undefined if there is none. */
export function queryParameter(path: string, name: string): string | undefined {
  let start = path.indexOf("?") + 1;
  if (start === 0) return undefined;
  const size = name.length;
  while (start < path.length) {
    let end = path.indexOf("&", start);
    if (end < 0) end = path.length;
    if (path.startsWith(name, start)) {
      const after = start + size;
      if (after === end) return "";
      if (after < end && path.charCodeAt(after) === 0x3d) return path.slice(after + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

/** A matcher with neither form asks for presence. */
export function compileQueryMatcher(
  message: envoy_config_route_v3_QueryParameterMatcher,
  context: BaseCompileContext,
): QueryMatcher {
  const name = binaryText(message.name);
  const specifier = message.queryParameterMatchSpecifier;
  if (specifier.case !== "stringMatch") {
    const want = specifier.case === undefined ? true : specifier.value;
    return { matches: (path) => (queryParameter(path, name) !== undefined) === want };
  }
  const matcher = compileStringMatcher(specifier.value, context);
  return {
    matches: (path) => {
      const value = queryParameter(path, name);
      return value !== undefined && matcher.matches(value);
    },
  };
}
