/**
 * YAML text → tree. The only file that knows the `yaml` package. Bounds: nesting is watched while
 * the tokens come (a bomb of brackets costs a stack else), aliases share their target's node and
 * are counted by what they expand to (a bomb of anchors costs exponential work else).
 */

import {
  Alias,
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  Parser,
  Scalar,
} from "yaml";
import { plainScalar } from "./plain_scalar.ts";
import { SourceText } from "./source_text.ts";
import {
  type ConfigNode,
  lastWins,
  type MapEntry,
  MAX_DEPTH,
  type ParsedTree,
  type ScalarNode,
  type SyntaxProblem,
} from "./tree.ts";

/** Nodes that all aliases of a text may stand for together. */
const MAX_EXPANDED_NODES = 200_000;
/** The parser's stack holds up to three tokens a level, so this never cuts a legal text. */
const MAX_PARSER_STACK = MAX_DEPTH * 3 + 10;
/** Envoy leaves out entries whose key has this tag, so that anchors have a place to be defined. */
const IGNORE_TAG = "!ignore";

/** A text that cannot be read on; caught in `parseYaml`. */
class Unreadable extends Error {
  readonly problem: SyntaxProblem;
  constructor(offset: number, message: string, hint?: string) {
    super(message);
    this.problem = hint === undefined ? { offset, message } : { offset, message, hint };
  }
}

function tokensOf(text: string): CST.Token[] {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_PARSER_STACK) {
      throw new Unreadable(parser.offset, `nesting is deeper than ${MAX_DEPTH} levels`);
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** The first document of the text: like Envoy, what follows `---` is not read. */
function firstDocument(text: string): Document.Parsed | undefined {
  const composer = new Composer({
    schema: "failsafe",
    uniqueKeys: false,
    merge: false,
    logLevel: "error",
  });
  for (const document of composer.compose(tokensOf(text), true, text.length)) {
    return document as Document.Parsed;
  }
  return undefined;
}

/** Turns the package's nodes into ours, in the order of the text. */
class Converter {
  readonly warnings: SyntaxProblem[] = [];
  /** The node last given each anchor; `undefined` while it is still being read (a cycle). */
  readonly #anchors = new Map<
    string,
    { node: ConfigNode | undefined; nodes: number; depth: number }
  >();
  #nodes = 0;
  #expanded = 0;
  /** Deepest level reached below the node being converted, for what aliases add. */
  #deepest = 0;

  convert(node: ParsedNode | null, depth: number, fallbackOffset: number): ConfigNode {
    this.#nodes++;
    if (node === null) return { kind: "scalar", offset: fallbackOffset, value: null, text: "" };
    if (node instanceof Alias) return this.#follow(node, depth);
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor === undefined) return this.#fresh(node, depth);
    const before = this.#nodes;
    const outer = this.#deepest;
    this.#deepest = depth;
    this.#anchors.set(anchor, { node: undefined, nodes: 0, depth: 0 });
    const made = this.#fresh(node, depth);
    this.#anchors.set(anchor, {
      node: made,
      nodes: this.#nodes - before + 1,
      depth: this.#deepest - depth,
    });
    this.#deepest = Math.max(outer, this.#deepest);
    return made;
  }

  #follow(alias: Alias.Parsed, depth: number): ConfigNode {
    const offset = alias.range[0];
    const target = this.#anchors.get(alias.source);
    if (target === undefined) throw new Unreadable(offset, `no anchor "${alias.source}" before it`);
    if (target.node === undefined) {
      throw new Unreadable(offset, `alias "${alias.source}" stands inside its own anchor`);
    }
    this.#nodes += target.nodes;
    this.#expanded += target.nodes;
    if (this.#expanded > MAX_EXPANDED_NODES) {
      throw new Unreadable(offset, `aliases expand to more than ${MAX_EXPANDED_NODES} nodes`);
    }
    if (depth + target.depth > MAX_DEPTH) {
      throw new Unreadable(offset, `nesting is deeper than ${MAX_DEPTH} levels`);
    }
    this.#deepest = Math.max(this.#deepest, depth + target.depth);
    return target.node;
  }

  #fresh(node: Exclude<ParsedNode, Alias.Parsed>, depth: number): ConfigNode {
    const offset = node.range[0];
    if (isScalar(node)) return scalarNode(node, offset);
    if (depth > MAX_DEPTH) {
      throw new Unreadable(offset, `nesting is deeper than ${MAX_DEPTH} levels`);
    }
    if (depth > this.#deepest) this.#deepest = depth;
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as ParsedNode, depth + 1, offset));
      return { kind: "list", offset, items };
    }
    const entries: MapEntry[] = [];
    for (const pair of isMap(node) ? node.items : []) {
      const entry = this.#entry(
        pair as { key: ParsedNode; value: ParsedNode | null },
        depth,
        offset,
      );
      if (entry !== undefined) entries.push(entry);
    }
    const kept = lastWins(entries, (loser) => {
      this.warnings.push({
        offset: loser.key.offset,
        message: `"${loser.key.text}" stands here more than once; the last one is used`,
      });
    });
    return { kind: "map", offset, entries: kept };
  }

  /** Undefined for what Envoy ignores; its anchors are known all the same. */
  #entry(
    pair: { readonly key: ParsedNode | null; readonly value: ParsedNode | null },
    depth: number,
    offset: number,
  ): MapEntry | undefined {
    const key = this.convert(pair.key, depth + 1, offset);
    if (key.kind !== "scalar") throw new Unreadable(key.offset, "a map's key must be a word");
    const value = this.convert(pair.value, depth + 1, key.offset);
    return pair.key?.tag === IGNORE_TAG ? undefined : { key, value };
  }
}

function scalarNode(node: Scalar.Parsed, offset: number): ScalarNode {
  const text = String(node.value ?? "");
  // yaml-cpp gives quoted words the tag "!", which may be written out too.
  const isQuoted = node.type !== Scalar.PLAIN || node.tag === "!";
  return { kind: "scalar", offset, value: isQuoted ? text : plainScalar(text), text };
}

/** Reads YAML; every problem stands alone, as what follows a syntax error is guesswork. */
export function parseYaml(text: string, file: string): ParsedTree {
  const source = new SourceText(file, text);
  try {
    const document = firstDocument(text.startsWith("\uFEFF") ? ` ${text.slice(1)}` : text);
    const error = document?.errors[0];
    if (error !== undefined) {
      throw new Unreadable(error.pos[0], error.message.split("\n")[0]!.replace(/ at line .*$/, ""));
    }
    const converter = new Converter();
    const contents = (document?.contents ?? null) as ParsedNode | null;
    const root = converter.convert(contents, 1, 0);
    return { source, root, problems: [], warnings: converter.warnings };
  } catch (thrown) {
    if (thrown instanceof Unreadable) {
      return { source, root: undefined, problems: [thrown.problem], warnings: [] };
    }
    throw thrown;
  }
}
