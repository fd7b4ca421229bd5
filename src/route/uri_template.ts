/**
 * URI templates of `envoy.path.match.uri_template` and its rewriter: `*` takes one segment, `**` any
 * number of characters with slashes, `{name}` and `{name=pattern}` capture. At most one `**` and no
 * operator after it, so a match is one pass without backtracking.
 */

const MAX_VARIABLES = 5;
const MAX_NAME_LENGTH = 16;
const NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const PRINTABLE = /^\/[\x21-\x7e]*$/;
/** RFC 3986 pchar without `*` and `=`. */
const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@]+$/;
const REWRITE_LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@/]+$/;

/** What an operator takes: pchar. */
const IS_SEGMENT_CHAR = new Uint8Array(256);
for (let code = 0x21; code < 0x7f; code++) {
  const char = String.fromCharCode(code);
  if (LITERAL.test(char) || char === "*" || char === "=") IS_SEGMENT_CHAR[code] = 1;
}

type Piece =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "many" }
  | { readonly kind: "open" | "close"; readonly variable: number };

/** A template's text that could not be parsed. */
export interface TemplateFault {
  readonly fault: string;
}

/** A compiled match template. */
export class UriTemplate {
  readonly text: string;
  readonly variables: readonly string[];
  readonly #pieces: readonly Piece[];

  constructor(text: string, pieces: readonly Piece[], variables: readonly string[]) {
    this.text = text;
    this.#pieces = pieces;
    this.variables = variables;
  }

  matches(path: string): boolean {
    return this.#run(path, undefined);
  }

  /** Start and end of each variable in `path`, two numbers each; undefined if the path does not match. */
  capture(path: string): readonly number[] | undefined {
    const spans: number[] = [];
    return this.#run(path, spans) ? spans : undefined;
  }

  #run(path: string, spans: number[] | undefined): boolean {
    const pieces = this.#pieces;
    let at = 0;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (piece.kind === "literal") {
        if (!path.startsWith(piece.text, at)) return false;
        at += piece.text.length;
      } else if (piece.kind === "open") {
        if (spans !== undefined) spans[piece.variable * 2] = at;
      } else if (piece.kind === "close") {
        if (spans !== undefined) spans[piece.variable * 2 + 1] = at;
      } else {
        const end = this.#operatorEnd(path, at, i);
        if (end < 0) return false;
        at = end;
      }
    }
    return at === path.length;
  }

  /** Where the operator at piece `index` ends, -1 if it cannot match. */
  #operatorEnd(path: string, at: number, index: number): number {
    const isMany = this.#pieces[index]!.kind === "many";
    let limit = path.length;
    // What follows `**` has a fixed length; so has a suffix that follows `*` in the last segment.
    const rest = this.#literalLengthAfter(index);
    if (isMany || (rest > 0 && !this.#isFollowedBySlash(index))) limit -= rest;
    if (limit < at) return -1;
    let end = at;
    while (end < limit) {
      const code = path.charCodeAt(end);
      if (IS_SEGMENT_CHAR[code] !== 1 && !(isMany && code === 0x2f)) break;
      end++;
    }
    if (isMany) return end === limit ? end : -1;
    return end > at ? end : -1;
  }

  #literalLengthAfter(index: number): number {
    let length = 0;
    for (let i = index + 1; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!;
      if (piece.kind === "literal") length += piece.text.length;
    }
    return length;
  }

  #isFollowedBySlash(index: number): boolean {
    for (let i = index + 1; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!;
      if (piece.kind === "literal") return piece.text.startsWith("/");
    }
    return false;
  }
}

/** Parses the text of a match template. */
export function parseUriTemplate(text: string): UriTemplate | TemplateFault {
  return new TemplateParser(text).parse();
}

class TemplateParser {
  readonly #text: string;
  readonly #pieces: Piece[] = [];
  readonly #variables: string[] = [];
  #at = 0;
  #hasMany = false;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): UriTemplate | TemplateFault {
    const text = this.#text;
    if (!PRINTABLE.test(text)) return { fault: "Invalid pattern" };
    this.#literal("/");
    this.#at = 1;
    while (this.#at < text.length) {
      const fault = text[this.#at] === "{" ? this.#variable() : this.#segment(text.length);
      if (fault !== undefined) return { fault };
      if (this.#at >= text.length) break;
      if (text[this.#at] === "/") {
        this.#literal("/");
        this.#at++;
        continue;
      }
      const suffix = text.slice(this.#at);
      if (!LITERAL.test(suffix)) return { fault: "Prefix match not supported." };
      this.#literal(suffix);
      break;
    }
    return new UriTemplate(text, this.#pieces, this.#variables);
  }

  /** One literal or operator, which ends at the next slash or at `limit`. */
  #segment(limit: number): string | undefined {
    const text = this.#text;
    if (text[this.#at] === "*") {
      if (this.#hasMany) return "Glob after text glob.";
      const isMany = text[this.#at + 1] === "*" && this.#at + 1 < limit;
      this.#pieces.push({ kind: isMany ? "many" : "one" });
      this.#hasMany = isMany;
      this.#at += isMany ? 2 : 1;
      return undefined;
    }
    let end = text.indexOf("/", this.#at);
    if (end < 0 || end > limit) end = limit;
    const literal = text.slice(this.#at, end);
    if (!LITERAL.test(literal)) return "Invalid literal";
    this.#literal(literal);
    this.#at = end;
    return undefined;
  }

  #variable(): string | undefined {
    const text = this.#text;
    const close = text.indexOf("}", this.#at);
    if (close < 0) return "Unmatched variable bracket";
    const equals = text.indexOf("=", this.#at);
    const hasPattern = equals >= 0 && equals < close;
    const name = text.slice(this.#at + 1, hasPattern ? equals : close);
    if (!NAME.test(name)) return "Invalid variable name";
    if (this.#variables.length >= MAX_VARIABLES) return "Exceeded variable count limit";
    if (name.length > MAX_NAME_LENGTH) return "Invalid variable length";
    if (this.#variables.includes(name)) return "Repeated variable name";
    const variable = this.#variables.length;
    this.#variables.push(name);
    this.#pieces.push({ kind: "open", variable });
    if (!hasPattern) {
      if (this.#hasMany) return "Implicit variable path glob after text glob.";
      this.#pieces.push({ kind: "one" });
    } else {
      const fault = this.#variablePattern(equals + 1, close);
      if (fault !== undefined) return fault;
    }
    this.#pieces.push({ kind: "close", variable });
    this.#at = close + 1;
    return undefined;
  }

  #variablePattern(start: number, end: number): string | undefined {
    if (start === end) return "Empty variable match";
    this.#at = start;
    while (this.#at < end) {
      const fault = this.#segment(end);
      if (fault !== undefined) return fault;
      if (this.#at >= end) break;
      if (this.#text[this.#at] !== "/" || this.#at + 1 === end) return "Invalid variable match";
      this.#literal("/");
      this.#at++;
    }
    return undefined;
  }

  /** Adds text, joined to a literal before it. */
  #literal(text: string): void {
    const last = this.#pieces[this.#pieces.length - 1];
    if (last?.kind === "literal") {
      this.#pieces[this.#pieces.length - 1] = { kind: "literal", text: last.text + text };
    } else {
      this.#pieces.push({ kind: "literal", text });
    }
  }
}

/** A compiled rewrite template: the path that `path` becomes; the path itself if it does not match. */
export type TemplateRewrite = (path: string) => string;

/** Compiles a rewrite template against the match template whose variables it uses. */
export function compileTemplateRewrite(
  text: string,
  template: UriTemplate,
): TemplateRewrite | TemplateFault {
  if (!text.startsWith("/")) return { fault: "Invalid rewrite variable placement" };
  if (text.includes("//")) return { fault: "Invalid rewrite literal" };
  const parts: (string | number)[] = [];
  for (const piece of text.split(/(\{[^}]*\}?)/)) {
    if (piece === "") continue;
    if (!piece.startsWith("{")) {
      if (!REWRITE_LITERAL.test(piece)) return { fault: "Invalid rewrite literal pattern" };
      parts.push(piece);
      continue;
    }
    if (!piece.endsWith("}")) return { fault: "Unmatched variable bracket" };
    const name = piece.slice(1, -1);
    if (!NAME.test(name)) return { fault: "Invalid variable name" };
    const variable = template.variables.indexOf(name);
    if (variable < 0) return { fault: "Nonexisting variable name" };
    parts.push(variable);
  }
  return (path) => {
    const spans = template.capture(path);
    if (spans === undefined) return path;
    let out = "";
    for (const part of parts) {
      out += typeof part === "string" ? part : path.slice(spans[part * 2], spans[part * 2 + 1]);
    }
    return out;
  };
}
