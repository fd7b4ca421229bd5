/** Matchers of metadata: JSON-like values by filter name and path. Its texts are Unicode. */

import type { BaseCompileContext } from "../base/mod.ts";
import type {
  envoy_type_matcher_v3_DoubleMatcher,
  envoy_type_matcher_v3_MetadataMatcher,
  envoy_type_matcher_v3_ValueMatcher,
} from "../proto/mod.ts";
import { binaryText } from "./binary_text.ts";
import { compileStringMatcher } from "./string.ts";

/** Metadata by filter name. */
export type Metadata = { readonly [filter: string]: unknown } | undefined;

export interface MetadataMatcher {
  matches(metadata: Metadata): boolean;
}

/** Tests a value of metadata; undefined stands for one that is not there. */
export interface ValueMatcher {
  matches(value: unknown): boolean;
}

/** Walks objects down `path`; undefined where a step is missing or no object. */
export function metadataValue(
  metadata: Metadata,
  filter: string,
  path: readonly string[],
): unknown {
  let value: unknown = ownValue(metadata, filter);
  for (let i = 0; i < path.length; i++) {
    if (value === undefined) return undefined;
    value = ownValue(value, path[i]!);
  }
  return value;
}

function ownValue(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? (value as { [key: string]: unknown })[key] : undefined;
}

/**
 * A matcher of the value at `path` in the metadata of one filter; a missing `value` is an error.
 */
export function compileMetadataMatcher(
  message: envoy_type_matcher_v3_MetadataMatcher,
  context: BaseCompileContext,
): MetadataMatcher {
  const filter = message.filter;
  const path = message.path.map((step) => step.segment.value ?? "");
  const invert = message.invert;
  const value = message.value === undefined
    ? undefined
    : compileValueMatcher(message.value, context);
  if (value === undefined) {
    context.problems.error(message, "value", "value is required");
    return { matches: () => false };
  }
  return {
    matches: (metadata) => value.matches(metadataValue(metadata, filter, path)) !== invert,
  };
}

/** A matcher of one JSON-like value, of a list's elements or of any of several matchers' values. */
export function compileValueMatcher(
  message: envoy_type_matcher_v3_ValueMatcher,
  context: BaseCompileContext,
): ValueMatcher {
  const pattern = message.matchPattern;
  switch (pattern.case) {
    case "nullMatch":
      return { matches: (value) => value === null };
    case "boolMatch":
      return { matches: (value) => value === pattern.value };
    case "presentMatch":
      return { matches: (value) => (value !== undefined) === pattern.value };
    case "doubleMatch":
      return compileDouble(pattern.value, context);
    case "stringMatch": {
      const matcher = compileStringMatcher(pattern.value, context);
      return {
        matches: (value) => typeof value === "string" && matcher.matches(binaryText(value)),
      };
    }
    case "listMatch": {
      const one = pattern.value.matchPattern;
      if (one.case === undefined) break;
      const matcher = compileValueMatcher(one.value, context);
      return {
        matches: (value) => Array.isArray(value) && value.some((item) => matcher.matches(item)),
      };
    }
    case "orMatch": {
      const matchers = pattern.value.valueMatchers.map((m) => compileValueMatcher(m, context));
      return { matches: (value) => matchers.some((matcher) => matcher.matches(value)) };
    }
  }
  context.problems.error(message, "match_pattern", "value is required");
  return { matches: () => false };
}

function compileDouble(
  message: envoy_type_matcher_v3_DoubleMatcher,
  context: BaseCompileContext,
): ValueMatcher {
  const pattern = message.matchPattern;
  if (pattern.case === "exact") return { matches: (value) => value === pattern.value };
  if (pattern.case === "range") {
    const { start, end } = pattern.value;
    return { matches: (value) => typeof value === "number" && value >= start && value < end };
  }
  context.problems.error(message, "match_pattern", "value is required");
  return { matches: () => false };
}
