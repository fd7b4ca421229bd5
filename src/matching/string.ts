/** Matchers of one string; values are binary strings. */

import type { BaseCompileContext } from "../base/mod.ts";
import type {
  envoy_type_matcher_v3_ListStringMatcher,
  envoy_type_matcher_v3_StringMatcher,
  xds_type_matcher_v3_StringMatcher,
} from "../proto/mod.ts";
import { asciiLower, binaryText } from "./binary_text.ts";
import { compileRegex } from "./regex.ts";

/** A compiled matcher of binary strings. */
export interface StringMatcher {
  matches(value: string): boolean;
}

type StringMatcherMessage = envoy_type_matcher_v3_StringMatcher | xds_type_matcher_v3_StringMatcher;

const NEVER: StringMatcher = { matches: () => false };

/** `ignore_case` folds A–Z only and has no effect on regexes, as in Envoy. */
export function compileStringMatcher(
  message: StringMatcherMessage,
  context: BaseCompileContext,
): StringMatcher {
  const pattern = message.matchPattern;
  const fold = message.ignoreCase;
  switch (pattern.case) {
    case "safeRegex":
      if (fold) {
        context.problems.error(message, "ignore_case", "ignore_case has no effect for safe_regex.");
      }
      return compileRegex(pattern.value, context);
    case "custom":
      context.problems.unsupported(
        message,
        "custom",
        `string matcher "${pattern.value.typedConfig?.$typeName}" never matches`,
        true,
      );
      return NEVER;
    case undefined:
      context.problems.error(message, "match_pattern", "value is required");
      return NEVER;
    default: {
      const want = binaryText(pattern.value);
      return fold ? folded(pattern.case, asciiLower(want)) : plain(pattern.case, want);
    }
  }
}

type PlainKind = "exact" | "prefix" | "suffix" | "contains";

function plain(kind: PlainKind, want: string): StringMatcher {
  switch (kind) {
    case "exact":
      return { matches: (value) => value === want };
    case "prefix":
      return { matches: (value) => value.startsWith(want) };
    case "suffix":
      return { matches: (value) => value.endsWith(want) };
    case "contains":
      return { matches: (value) => value.includes(want) };
  }
}

function folded(kind: PlainKind, want: string): StringMatcher {
  const size = want.length;
  switch (kind) {
    case "exact":
      return { matches: (value) => value.length === size && asciiLower(value) === want };
    case "prefix":
      return { matches: (value) => asciiLower(value.slice(0, size)) === want };
    case "suffix":
      return {
        matches: (value) =>
          value.length >= size && asciiLower(value.slice(value.length - size)) === want,
      };
    case "contains":
      return { matches: (value) => asciiLower(value).includes(want) };
  }
}

/** Whether any of a list matches; never if the list is empty. */
export function compileStringMatchers(
  messages: readonly StringMatcherMessage[],
  context: BaseCompileContext,
): StringMatcher {
  const matchers = messages.map((message) => compileStringMatcher(message, context));
  if (matchers.length === 1) return matchers[0]!;
  return {
    matches: (value) => {
      for (let i = 0; i < matchers.length; i++) if (matchers[i]!.matches(value)) return true;
      return false;
    },
  };
}

/** As `compileStringMatchers`, from its message. */
export function compileListStringMatcher(
  message: envoy_type_matcher_v3_ListStringMatcher,
  context: BaseCompileContext,
): StringMatcher {
  return compileStringMatchers(message.patterns, context);
}
