/** The path conditions of a route, each told how much of the path it matched (for prefix rewrites). */

import { H, type HeaderMap } from "../http/mod.ts";
import { asciiLower, binaryText, compileRegex, type Regex } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_config_route_v3_RouteMatch,
  envoy_extensions_path_match_uri_template_v3_UriTemplateMatchConfig,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { parseUriTemplate, type UriTemplate } from "./uri_template.ts";

/** A route's path condition, compiled. */
export interface PathMatcher {
  /** `path` has no query and no fragment; it is "" for a CONNECT without one. */
  matches(path: string, headers: HeaderMap): boolean;
  /** Length of the part of a matching path that a prefix rewrite replaces. */
  matchedLength(path: string): number;
  /** The path of an exact, case-sensitive matcher, so that a table may index it. */
  readonly exactPath: string | undefined;
  /** The compiled template, which a template rewrite needs. */
  readonly template: UriTemplate | undefined;
}

class ExactPath implements PathMatcher {
  readonly exactPath: string;
  readonly template = undefined;
  constructor(path: string) {
    this.exactPath = path;
  }
  matches(path: string): boolean {
    return path === this.exactPath;
  }
  matchedLength(): number {
    return this.exactPath.length;
  }
}

/** The last character of the prefix is looked at first: neighbours in a table share the first ones. */
class PrefixPath implements PathMatcher {
  readonly exactPath = undefined;
  readonly template = undefined;
  readonly #prefix: string;
  readonly #last: number;
  readonly #lastCode: number;
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#last = prefix.length - 1;
    this.#lastCode = prefix.charCodeAt(this.#last);
  }
  matches(path: string): boolean {
    // A charCodeAt beyond the end is NaN, which equals nothing.
    return this.#last <= 0
      ? this.#last < 0 || path.charCodeAt(0) === this.#lastCode
      : path.charCodeAt(this.#last) === this.#lastCode && path.startsWith(this.#prefix);
  }
  matchedLength(): number {
    return this.#last + 1;
  }
}

/** A prefix that ends at a slash or at the path's end. */
class SeparatedPrefixPath implements PathMatcher {
  readonly exactPath = undefined;
  readonly template = undefined;
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }
  matches(path: string): boolean {
    const length = this.#prefix.length;
    return path.startsWith(this.#prefix) &&
      (path.length === length || path.charCodeAt(length) === 0x2f);
  }
  matchedLength(): number {
    return this.#prefix.length;
  }
}

/** Any matcher of text, on the path in lower case. */
class FoldedPath implements PathMatcher {
  readonly exactPath = undefined;
  readonly template = undefined;
  readonly #inner: PathMatcher;
  constructor(inner: PathMatcher) {
    this.#inner = inner;
  }
  matches(path: string, headers: HeaderMap): boolean {
    return this.#inner.matches(asciiLower(path), headers);
  }
  matchedLength(path: string): number {
    return this.#inner.matchedLength(path);
  }
}

class RegexPath implements PathMatcher {
  readonly exactPath = undefined;
  readonly template = undefined;
  readonly #regex: Regex;
  constructor(regex: Regex) {
    this.#regex = regex;
  }
  matches(path: string): boolean {
    return this.#regex.matches(path);
  }
  matchedLength(path: string): number {
    return path.length;
  }
}

class TemplatePath implements PathMatcher {
  readonly exactPath = undefined;
  readonly template: UriTemplate;
  constructor(template: UriTemplate) {
    this.template = template;
  }
  matches(path: string): boolean {
    return this.template.matches(path);
  }
  matchedLength(path: string): number {
    return path.length;
  }
}

/** CONNECT requests, with or without a path. */
const CONNECT: PathMatcher = {
  matches: (_path, headers) => headers.getId(H.method) === "CONNECT",
  matchedLength: (path) => path.length,
  exactPath: undefined,
  template: undefined,
};

const NEVER: PathMatcher = {
  matches: () => false,
  matchedLength: () => 0,
  exactPath: undefined,
  template: undefined,
};

/** The path condition of a route's match. */
export function compilePathMatcher(
  match: envoy_config_route_v3_RouteMatch,
  context: CompileContext,
): PathMatcher {
  const specifier = match.pathSpecifier;
  const isFolded = match.caseSensitive === false;
  switch (specifier.case) {
    case "path":
      return folded(isFolded, specifier.value, (text) => new ExactPath(text));
    case "prefix":
      return folded(isFolded, specifier.value, (text) => new PrefixPath(text));
    case "pathSeparatedPrefix":
      return folded(isFolded, specifier.value, (text) => new SeparatedPrefixPath(text));
    case "safeRegex":
      return new RegexPath(compileRegex(specifier.value, context));
    case "connectMatcher":
      return CONNECT;
    case "pathMatchPolicy":
      return compilePolicy(specifier.value, context);
    case undefined:
      context.problems.error(match, "path_specifier", "value is required");
      return NEVER;
  }
}

function folded(
  isFolded: boolean,
  text: string,
  create: (text: string) => PathMatcher,
): PathMatcher {
  const binary = binaryText(text);
  return isFolded ? new FoldedPath(create(asciiLower(binary))) : create(binary);
}

const TEMPLATE_TYPE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

function compilePolicy(
  message: envoy_config_core_v3_TypedExtensionConfig,
  context: CompileContext,
): PathMatcher {
  const typed = message.typedConfig;
  if (typed?.$typeName !== TEMPLATE_TYPE) {
    const effect = `routes with path matcher "${typed?.$typeName}" match nothing`;
    context.problems.unsupported(message, "typed_config", effect, true);
    return NEVER;
  }
  const text =
    (typed as envoy_extensions_path_match_uri_template_v3_UriTemplateMatchConfig).pathTemplate;
  const template = parseUriTemplate(text);
  if ("fault" in template) {
    const reason = `path_match_policy.path_template ${text} is invalid: ${template.fault}`;
    context.problems.error(typed, "path_template", reason);
    return NEVER;
  }
  return new TemplatePath(template);
}
