/** Header matchers (Envoy's Http::HeaderUtility). A repeated header matches if one
 * of its values does. */

import type { BaseCompileContext } from "../base/mod.ts";
import { headerId, type HeaderMap } from "../http/mod.ts";
import type { envoy_config_route_v3_HeaderMatcher } from "../proto/mod.ts";
import { asciiLower, binaryText } from "./binary_text.ts";
import { compileRegex } from "./regex.ts";
import { compileStringMatcher } from "./string.ts";

/** A compiled matcher of one header, or of several that must all match. */
export interface HeaderMatcher {
  matches(headers: HeaderMap): boolean;
}

/** The name of a header in the map: in lower case, and `host` as Envoy's alias of `:authority`. */
export function headerName(name: string): string {
  const lower = asciiLower(binaryText(name));
  return lower === "host" ? ":authority" : lower;
}

/** What a value must satisfy; a missing header never gets here but as "". */
type ValueTest = (value: string) => boolean;

/** Compiles one matcher. A missing header satisfies no matcher of a value, not even an inverted one. */
export function compileHeaderMatcher(
  message: envoy_config_route_v3_HeaderMatcher,
  context: BaseCompileContext,
): HeaderMatcher {
  const name = headerName(message.name);
  const invert = message.invertMatch;
  const missingIsEmpty = message.treatMissingHeaderAsEmpty;
  const specifier = message.headerMatchSpecifier;
  if (specifier.case === undefined || specifier.case === "presentMatch") {
    const want = specifier.case === undefined ? true : specifier.value;
    return missingIsEmpty ? constant(want !== invert) : presence(name, want !== invert);
  }
  const test = valueTest(message, context);
  const id = headerId(name);
  return {
    matches: (headers) => {
      let isMissing = true;
      for (let i = 0; i < headers.length; i++) {
        if (id === 0 ? headers.nameAt(i) !== name : headers.idAt(i) !== id) continue;
        if (test(headers.valueAt(i))) return !invert;
        isMissing = false;
      }
      if (!isMissing) return invert;
      return missingIsEmpty && test("") !== invert;
    },
  };
}

function constant(result: boolean): HeaderMatcher {
  return { matches: () => result };
}

function presence(name: string, want: boolean): HeaderMatcher {
  const id = headerId(name);
  return id === 0
    ? { matches: (headers) => headers.has(name) === want }
    : { matches: (headers) => headers.hasId(id) === want };
}

function valueTest(
  message: envoy_config_route_v3_HeaderMatcher,
  context: BaseCompileContext,
): ValueTest {
  const specifier = message.headerMatchSpecifier;
  switch (specifier.case) {
    case "exactMatch": {
      const want = binaryText(specifier.value);
      return (value) => value === want;
    }
    case "prefixMatch": {
      const want = binaryText(specifier.value);
      return (value) => value.startsWith(want);
    }
    case "suffixMatch": {
      const want = binaryText(specifier.value);
      return (value) => value.endsWith(want);
    }
    case "containsMatch": {
      const want = binaryText(specifier.value);
      return (value) => value.includes(want);
    }
    case "safeRegexMatch": {
      const regex = compileRegex(specifier.value, context);
      return (value) => regex.matches(value);
    }
    case "stringMatch": {
      const matcher = compileStringMatcher(specifier.value, context);
      return (value) => matcher.matches(value);
    }
    case "rangeMatch": {
      const { start, end } = specifier.value;
      return (value) => inRange(value, start, end);
    }
    default:
      return () => true;
  }
}

/** absl::SimpleAtoi into an int64, then [start, end). */
function inRange(value: string, start: bigint, end: bigint): boolean {
  const text = trimSpace(value);
  if (text === "" || text.length > 20) return false;
  const first = text.charCodeAt(0);
  const digits = first === 0x2b || first === 0x2d ? 1 : 0;
  if (digits === text.length) return false;
  for (let i = digits; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  const number = BigInt(first === 0x2b ? text.slice(1) : text);
  return BigInt.asIntN(64, number) === number && number >= start && number < end;
}

function trimSpace(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isSpace(value.charCodeAt(from))) from++;
  while (to > from && isSpace(value.charCodeAt(to - 1))) to--;
  return value.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

/** Whether all of a list match; true if it is empty. */
export function compileHeaderMatchers(
  messages: readonly envoy_config_route_v3_HeaderMatcher[],
  context: BaseCompileContext,
): HeaderMatcher {
  const matchers = messages.map((message) => compileHeaderMatcher(message, context));
  if (matchers.length === 1) return matchers[0]!;
  return {
    matches: (headers) => {
      for (let i = 0; i < matchers.length; i++) if (!matchers[i]!.matches(headers)) return false;
      return true;
    },
  };
}
