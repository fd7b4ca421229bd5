/**
 * RE2 syntax in linear time, behind this one module: no pattern of an operator and no input of a
 * client can make a match slow (ReDoS).
 */

import type { RE2JS } from "re2js";
import type { BaseCompileContext } from "../base/mod.ts";
import type {
  envoy_type_matcher_v3_RegexMatchAndSubstitute,
  envoy_type_matcher_v3_RegexMatcher,
  xds_type_matcher_v3_RegexMatcher,
} from "../proto/mod.ts";
import { binaryText } from "./binary_text.ts";

/** The messages that patterns stand in: who compiles any of them loads the engine before. */
export const REGEX_TYPES: readonly string[] = [
  "envoy.type.matcher.v3.RegexMatcher",
  "xds.type.matcher.v3.RegexMatcher",
];

let engine: typeof RE2JS | undefined;

/** Loads RE2, 9 ms of a thread's start that configurations without a pattern are spared. */
export async function loadRegexEngine(): Promise<void> {
  engine ??= (await import("re2js")).RE2JS;
}

/** A compiled pattern; inputs are binary strings. */
export interface Regex {
  /** Whether the whole of `value` matches (RE2::FullMatch). */
  matches(value: string): boolean;
}

/** A pattern that cannot match, in place of one that was reported as invalid. */
const NEVER: Regex = { matches: () => false };

class Re2Regex implements Regex {
  readonly #regex: RE2JS;
  constructor(regex: RE2JS) {
    this.#regex = regex;
  }

  matches(value: string): boolean {
    return this.#regex.testExact(value);
  }
}

/** The pattern compiled by RE2's rules, or a problem on `field` of `message`. */
function parse(
  pattern: string,
  context: BaseCompileContext,
  at: { readonly message: object; readonly field: string },
): RE2JS | undefined {
  if (engine === undefined) throw new RangeError("loadRegexEngine was not called");
  try {
    // Envoy runs RE2 over bytes (Latin-1), so that `.` is half of a two-byte character.
    return engine.compile(binaryText(pattern));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.problems.error(at.message, at.field, reason);
    return undefined;
  }
}

/** A `safe_regex`: anchored at both ends. */
export function compileRegex(
  message: envoy_type_matcher_v3_RegexMatcher | xds_type_matcher_v3_RegexMatcher,
  context: BaseCompileContext,
): Regex {
  const regex = parse(message.regex, context, { message, field: "regex" });
  return regex === undefined ? NEVER : new Re2Regex(regex);
}

/** Literal text, or the number of a group whose text stands here. */
type RewritePart = string | number;

/** RE2's rewrite syntax: `\0`–`\9` are groups, `\\` a backslash. @returns what is wrong, as RE2 says it */
function parseRewrite(text: string, groups: number): readonly RewritePart[] | string {
  const parts: RewritePart[] = [];
  let literal = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      literal += text[i];
      continue;
    }
    const next = text[++i];
    if (next === undefined) return "Rewrite schema error: '\\' not allowed at end.";
    if (next === "\\") {
      literal += "\\";
      continue;
    }
    const group = next.charCodeAt(0) - 48;
    if (!(group >= 0 && group <= 9)) {
      return "Rewrite schema error: '\\' must be followed by a digit or '\\'.";
    }
    if (group > groups) {
      return `Rewrite schema requests ${group} matches, but the regexp only has ${groups} parenthesized subexpressions.`;
    }
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push(group);
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

/** A rewrite that changes nothing, in place of one that was reported. */
const SAME = (value: string): string => value;

/**
 * Replaces every match in a binary string (RE2::GlobalReplace).
 * @param badSubstitution what a substitution is that RE2 cannot do: some users of the message
 * refuse it, others find out with each value and leave that as it is
 */
export function compileRegexRewrite(
  message: envoy_type_matcher_v3_RegexMatchAndSubstitute,
  context: BaseCompileContext,
  badSubstitution: "error" | "warning" = "error",
): (value: string) => string {
  const pattern = message.pattern;
  if (pattern === undefined) {
    context.problems.error(message, "pattern", "value is required");
    return SAME;
  }
  const regex = parse(pattern.regex, context, { message: pattern, field: "regex" });
  if (regex === undefined) return SAME;
  const parts = parseRewrite(binaryText(message.substitution), regex.groupCount());
  if (typeof parts === "string") {
    if (badSubstitution === "error") context.problems.error(message, "substitution", parts);
    else context.problems.warn(message, "substitution", `no effect: ${parts}`);
    return SAME;
  }
  return (value) => replaceAll(regex, parts, value);
}

function replaceAll(regex: RE2JS, parts: readonly RewritePart[], text: string): string {
  const matcher = regex.matcher(text);
  let result = "";
  let from = 0;
  while (matcher.find()) {
    result += text.slice(from, matcher.start());
    for (const part of parts) {
      result += typeof part === "string" ? part : matcher.group(part) ?? "";
    }
    from = matcher.end();
  }
  return from === 0 && result === "" ? text : result + text.slice(from);
}
