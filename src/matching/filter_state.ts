/** Matchers of filter state: the serialized object as text or as an address. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { StreamInfo } from "../http/mod.ts";
import type { envoy_type_matcher_v3_FilterStateMatcher } from "../proto/mod.ts";
import { compileCidrSet } from "./cidr.ts";
import { compileStringMatcher } from "./string.ts";

export interface FilterStateMatcher {
  matches(info: StreamInfo): boolean;
}

/** An object that is missing, or has no text, never matches. */
export function compileFilterStateMatcher(
  message: envoy_type_matcher_v3_FilterStateMatcher,
  context: BaseCompileContext,
): FilterStateMatcher {
  const key = message.key;
  const test = compileTest(message, context);
  return {
    matches: (info) => {
      const text = info.stateObject(key)?.serialize();
      return text !== undefined && test(text);
    },
  };
}

function compileTest(
  message: envoy_type_matcher_v3_FilterStateMatcher,
  context: BaseCompileContext,
): (text: string) => boolean {
  const matcher = message.matcher;
  switch (matcher.case) {
    case "stringMatch": {
      const string = compileStringMatcher(matcher.value, context);
      return (text) => string.matches(text);
    }
    case "addressMatch": {
      const ranges = compileCidrSet(matcher.value.ranges, context);
      const invert = matcher.value.invertMatch;
      return (text) => ranges.contains(text) !== invert;
    }
    case undefined:
      context.problems.error(message, "matcher", "value is required");
      return () => false;
  }
}
