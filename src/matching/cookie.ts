/** Cookies of a request, read in place. */

import type { BaseCompileContext } from "../base/mod.ts";
import { H, type HeaderMap } from "../http/mod.ts";
import type { envoy_config_route_v3_CookieMatcher } from "../proto/mod.ts";
import { binaryText } from "./binary_text.ts";
import { compileStringMatcher } from "./string.ts";

export interface CookieMatcher {
  matches(headers: HeaderMap): boolean;
}

/** The first value of a cookie over all `cookie` headers, without the quotes around it; undefined if absent. */
export function cookieValue(headers: HeaderMap, name: string): string | undefined {
  if (!headers.hasId(H.cookie)) return undefined;
  for (let i = 0; i < headers.length; i++) {
    if (headers.idAt(i) !== H.cookie) continue;
    const value = findCookie(headers.valueAt(i), name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function findCookie(text: string, name: string): string | undefined {
  const size = name.length;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf(";", start);
    if (end < 0) end = text.length;
    while (start < end && text.charCodeAt(start) === 0x20) start++;
    const equals = start + size;
    if (equals < end && text.charCodeAt(equals) === 0x3d && text.startsWith(name, start)) {
      return unquote(text.slice(equals + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

function unquote(value: string): string {
  const last = value.length - 1;
  return last > 0 && value[0] === '"' && value[last] === '"' ? value.slice(1, last) : value;
}

/** A missing cookie matches only an inverted matcher. */
export function compileCookieMatcher(
  message: envoy_config_route_v3_CookieMatcher,
  context: BaseCompileContext,
): CookieMatcher {
  const name = binaryText(message.name);
  const invert = message.invertMatch;
  const matcher = message.stringMatch === undefined
    ? undefined
    : compileStringMatcher(message.stringMatch, context);
  if (matcher === undefined) {
    context.problems.error(message, "string_match", "value is required");
    return { matches: () => false };
  }
  return {
    matches: (headers) => {
      const value = cookieValue(headers, name);
      return (value !== undefined && matcher.matches(value)) !== invert;
    },
  };
}
