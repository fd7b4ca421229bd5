/**
 * The generic matcher of the xDS API (xds.type.matcher.v3.Matcher): lists of predicates, maps and
 * tries over one input, nested at will. What matches is an action, compiled by whoever matches.
 */

import type { BaseCompileContext } from "../base/mod.ts";
import type {
  AnyMessage,
  envoy_extensions_matching_input_matchers_ip_v3_Ip,
  xds_core_v3_TypedExtensionConfig,
  xds_type_matcher_v3_IPMatcher,
  xds_type_matcher_v3_Matcher,
  xds_type_matcher_v3_Matcher_MatcherList,
  xds_type_matcher_v3_Matcher_MatcherList_Predicate,
  xds_type_matcher_v3_Matcher_MatcherList_Predicate_SinglePredicate,
  xds_type_matcher_v3_Matcher_MatcherTree,
  xds_type_matcher_v3_Matcher_MatcherTree_MatchMap,
  xds_type_matcher_v3_Matcher_OnMatch,
  xds_type_matcher_v3_ServerNameMatcher,
} from "../proto/mod.ts";
import { asciiLower, binaryText } from "./binary_text.ts";
import { CidrMap, compileCidrRange, compileCidrSet } from "./cidr.ts";
import { matchInputFactory } from "./inputs/registry.ts";
import type { MatchData, MatchInput } from "./match_data.ts";
import { compileStringMatcher } from "./string.ts";

/** A compiled tree; undefined where nothing matches. */
export interface MatcherTree<Action> {
  match(data: MatchData): Action | undefined;
}

/** How a tree's actions become what its owner acts on. */
export interface MatcherTreeOptions<Action> {
  readonly context: BaseCompileContext;
  compileAction(message: AnyMessage, name: string): Action | undefined;
}

const NOTHING: MatcherTree<never> = { match: () => undefined };

/**
 * The tree of a Matcher message; its actions and inputs are compiled by `options`, faults go to
 * its problems.
 */
export function compileMatcherTree<Action>(
  message: xds_type_matcher_v3_Matcher,
  options: MatcherTreeOptions<Action>,
): MatcherTree<Action> {
  const type = message.matcherType;
  const fallback = message.onNoMatch === undefined
    ? NOTHING
    : compileOnMatch(message.onNoMatch, options);
  switch (type.case) {
    case "matcherList":
      return compileList(type.value, fallback, options);
    case "matcherTree":
      return compileTree(type.value, fallback, options);
    case undefined:
      return fallback;
  }
}

function compileOnMatch<Action>(
  message: xds_type_matcher_v3_Matcher_OnMatch,
  options: MatcherTreeOptions<Action>,
): MatcherTree<Action> {
  const then = message.onMatch;
  if (then.case === undefined) {
    options.context.problems.error(message, "on_match", "value is required");
    return NOTHING;
  }
  if (then.case === "matcher") {
    const nested = compileMatcherTree(then.value, options);
    return message.keepMatching ? NOTHING : nested;
  }
  const typed = then.value.typedConfig;
  if (typed === undefined) {
    options.context.problems.error(then.value, "typed_config", "value is required");
    return NOTHING;
  }
  const action = options.compileAction(typed, then.value.name);
  // A match that keeps matching is only reported by Envoy, never taken.
  return message.keepMatching ? NOTHING : { match: () => action };
}

function compileList<Action>(
  message: xds_type_matcher_v3_Matcher_MatcherList,
  fallback: MatcherTree<Action>,
  options: MatcherTreeOptions<Action>,
): MatcherTree<Action> {
  const tests: ((data: MatchData) => boolean)[] = [];
  const results: MatcherTree<Action>[] = [];
  for (const row of message.matchers) {
    if (row.predicate === undefined || row.onMatch === undefined) {
      const field = row.predicate === undefined ? "predicate" : "on_match";
      options.context.problems.error(row, field, "value is required");
      continue;
    }
    tests.push(compilePredicate(row.predicate, options.context));
    results.push(compileOnMatch(row.onMatch, options));
  }
  return {
    match: (data) => {
      for (let i = 0; i < tests.length; i++) {
        if (!tests[i]!(data)) continue;
        const action = results[i]!.match(data);
        if (action !== undefined) return action;
      }
      return fallback.match(data);
    },
  };
}

type Predicate = (data: MatchData) => boolean;

const NEVER: Predicate = () => false;

function compilePredicate(
  message: xds_type_matcher_v3_Matcher_MatcherList_Predicate,
  context: BaseCompileContext,
): Predicate {
  const type = message.matchType;
  switch (type.case) {
    case "singlePredicate":
      return compileSingle(type.value, context);
    case "orMatcher": {
      const parts = type.value.predicate.map((part) => compilePredicate(part, context));
      return (data) => {
        for (let i = 0; i < parts.length; i++) if (parts[i]!(data)) return true;
        return false;
      };
    }
    case "andMatcher": {
      const parts = type.value.predicate.map((part) => compilePredicate(part, context));
      return (data) => {
        for (let i = 0; i < parts.length; i++) if (!parts[i]!(data)) return false;
        return true;
      };
    }
    case "notMatcher": {
      const part = compilePredicate(type.value, context);
      return (data) => !part(data);
    }
    case undefined:
      context.problems.error(message, "match_type", "value is required");
      return NEVER;
  }
}

function compileSingle(
  message: xds_type_matcher_v3_Matcher_MatcherList_Predicate_SinglePredicate,
  context: BaseCompileContext,
): Predicate {
  const input = compileInput(message, message.input, context);
  const matcher = message.matcher;
  if (matcher.case === "valueMatch") {
    const string = compileStringMatcher(matcher.value, context);
    return (data) => {
      const value = input(data);
      return value !== undefined && string.matches(value);
    };
  }
  if (matcher.case === "customMatch") {
    const test = compileCustomMatch(matcher.value, context);
    return (data) => {
      const value = input(data);
      return value !== undefined && test(value);
    };
  }
  context.problems.error(message, "matcher", "value is required");
  return NEVER;
}

function compileCustomMatch(
  message: xds_core_v3_TypedExtensionConfig,
  context: BaseCompileContext,
): (value: string) => boolean {
  const typed = message.typedConfig;
  if (typed?.$typeName === "envoy.extensions.matching.input_matchers.ip.v3.Ip") {
    const ip = typed as envoy_extensions_matching_input_matchers_ip_v3_Ip;
    const ranges = compileCidrSet(ip.cidrRanges, context);
    return (value) => ranges.contains(value);
  }
  const effect = `input matcher "${typed?.$typeName}" never matches`;
  context.problems.unsupported(message, "typed_config", effect, true);
  return () => false;
}

function compileInput(
  owner: object,
  message: xds_core_v3_TypedExtensionConfig | undefined,
  context: BaseCompileContext,
): MatchInput {
  const typed = message?.typedConfig;
  if (message === undefined || typed === undefined) {
    context.problems.error(owner, "input", "value is required");
    return () => undefined;
  }
  const factory = matchInputFactory(typed.$typeName);
  if (factory === undefined) {
    const effect = `input "${typed.$typeName}" is always empty`;
    context.problems.unsupported(message, "typed_config", effect, true);
    return () => undefined;
  }
  return factory.compile(typed, context);
}

function compileTree<Action>(
  message: xds_type_matcher_v3_Matcher_MatcherTree,
  fallback: MatcherTree<Action>,
  options: MatcherTreeOptions<Action>,
): MatcherTree<Action> {
  const input = compileInput(message, message.input, options.context);
  const type = message.treeType;
  switch (type.case) {
    case "exactMatchMap":
      return compileExactMap(type.value, input, { fallback, options });
    case "prefixMatchMap":
      return compilePrefixMap(type.value, input, { fallback, options });
    case "customMatch":
      return compileCustomTree(type.value, input, { fallback, options });
    case undefined:
      options.context.problems.error(message, "tree_type", "value is required");
      return fallback;
  }
}

interface TreeRest<Action> {
  readonly fallback: MatcherTree<Action>;
  readonly options: MatcherTreeOptions<Action>;
}

function compileMap<Action>(
  message: xds_type_matcher_v3_Matcher_MatcherTree_MatchMap,
  options: MatcherTreeOptions<Action>,
): Map<string, MatcherTree<Action>> {
  return new Map(
    Object.entries(message.map).map(([key, onMatch]) => [
      binaryText(key),
      compileOnMatch(onMatch, options),
    ]),
  );
}

function compileExactMap<Action>(
  message: xds_type_matcher_v3_Matcher_MatcherTree_MatchMap,
  input: MatchInput,
  { fallback, options }: TreeRest<Action>,
): MatcherTree<Action> {
  const map = compileMap(message, options);
  return {
    match: (data) => {
      const value = input(data);
      const found = value === undefined ? undefined : map.get(value)?.match(data);
      return found ?? fallback.match(data);
    },
  };
}

/** Longest prefix first; one whose own tree finds nothing gives way to the next shorter one. */
function compilePrefixMap<Action>(
  message: xds_type_matcher_v3_Matcher_MatcherTree_MatchMap,
  input: MatchInput,
  { fallback, options }: TreeRest<Action>,
): MatcherTree<Action> {
  const map = compileMap(message, options);
  // By length: a look-up costs one hash a distinct length, however many prefixes there are.
  const lengths = [...new Set([...map.keys()].map((key) => key.length))].sort((a, b) => b - a);
  return {
    match: (data) => {
      const value = input(data);
      if (value === undefined) return fallback.match(data);
      for (let i = 0; i < lengths.length; i++) {
        if (lengths[i]! > value.length) continue;
        const found = map.get(value.slice(0, lengths[i]!))?.match(data);
        if (found !== undefined) return found;
      }
      return fallback.match(data);
    },
  };
}

function compileCustomTree<Action>(
  message: xds_core_v3_TypedExtensionConfig,
  input: MatchInput,
  rest: TreeRest<Action>,
): MatcherTree<Action> {
  const typed = message.typedConfig;
  if (typed?.$typeName === "xds.type.matcher.v3.IPMatcher") {
    return compileIpTree(typed as xds_type_matcher_v3_IPMatcher, input, rest);
  }
  if (typed?.$typeName === "xds.type.matcher.v3.ServerNameMatcher") {
    return compileServerNameTree(typed as xds_type_matcher_v3_ServerNameMatcher, input, rest);
  }
  const effect = `custom matcher "${typed?.$typeName}" never matches`;
  rest.options.context.problems.unsupported(message, "typed_config", effect, true);
  return rest.fallback;
}

interface IpNode<Action> {
  readonly then: MatcherTree<Action>;
  readonly exclusive: boolean;
}

/** The longest range wins; unless it is exclusive, shorter ones follow where it finds nothing. */
function compileIpTree<Action>(
  message: xds_type_matcher_v3_IPMatcher,
  input: MatchInput,
  { fallback, options }: TreeRest<Action>,
): MatcherTree<Action> {
  const nodes = new CidrMap<IpNode<Action>>();
  for (const row of message.rangeMatchers) {
    if (row.onMatch === undefined) {
      options.context.problems.error(row, "on_match", "value is required");
      continue;
    }
    const node = { then: compileOnMatch(row.onMatch, options), exclusive: row.exclusive };
    for (const cidr of row.ranges) {
      const range = compileCidrRange(cidr, options.context);
      if (range !== undefined) nodes.add(range.address, range.prefixLength, node);
    }
  }
  return {
    match: (data) => {
      const value = input(data);
      for (const node of value === undefined ? [] : nodes.all(value)) {
        const found = node.then.match(data);
        if (found !== undefined) return found;
        if (node.exclusive) break;
      }
      return fallback.match(data);
    },
  };
}

/** Exact names, then `*.suffix` from the longest on, then `*`. */
function compileServerNameTree<Action>(
  message: xds_type_matcher_v3_ServerNameMatcher,
  input: MatchInput,
  { fallback, options }: TreeRest<Action>,
): MatcherTree<Action> {
  const names = new Map<string, MatcherTree<Action>>();
  for (const row of message.domainMatchers) {
    if (row.onMatch === undefined) {
      options.context.problems.error(row, "on_match", "value is required");
      continue;
    }
    const then = compileOnMatch(row.onMatch, options);
    for (const domain of row.domains) {
      const name = asciiLower(binaryText(domain));
      if (names.has(name)) {
        const text = `Duplicate domain in ServerNameMatcher: ${domain}`;
        options.context.problems.error(row, "domains", text);
      }
      names.set(name, then);
    }
  }
  return {
    match: (data) => {
      const value = input(data);
      return (value === undefined ? undefined : matchName(names, asciiLower(value), data)) ??
        fallback.match(data);
    },
  };
}

function matchName<Action>(
  names: ReadonlyMap<string, MatcherTree<Action>>,
  name: string,
  data: MatchData,
): Action | undefined {
  const exact = names.get(name)?.match(data);
  if (exact !== undefined) return exact;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const found = names.get("*" + name.slice(dot))?.match(data);
    if (found !== undefined) return found;
  }
  return names.get("*")?.match(data);
}
