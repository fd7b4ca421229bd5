/**
 * YAML text → tree, the first document only, as Envoy reads it (yaml-cpp: YAML 1.2 with its block
 * and flow styles, anchors, aliases and tags). Bounds: nesting is counted as it is entered (a bomb
 * of brackets costs a stack else), aliases share their target's node and are counted by what they
 * expand to (a bomb of anchors costs exponential work else).
 */

import { plainScalar } from "./plain_scalar.ts";
import { SourceText } from "./source_text.ts";
import {
  type ConfigNode,
  type MapEntry,
  mapNode,
  MAX_DEPTH,
  type ParsedTree,
  parsedTree,
  type ScalarNode,
  type SyntaxProblem,
} from "./tree.ts";
import { END, isSpaceOrEnd, YamlCursor } from "./yaml_cursor.ts";
import {
  isFlowIndicator,
  readBlock,
  readDoubleQuoted,
  readPlain,
  readSingleQuoted,
} from "./yaml_scalars.ts";

/** Nodes that all aliases of a text may stand for together. */
const MAX_EXPANDED_NODES = 200_000;
/** Envoy leaves out entries whose key has this tag, so that anchors have a place to be defined. */
const IGNORE_TAG = "!ignore";

const BANG = 0x21;
const DOUBLE_QUOTE = 0x22;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const SINGLE_QUOTE = 0x27;
const STAR = 0x2a;
const COMMA = 0x2c;
const DASH = 0x2d;
const COLON = 0x3a;
const GREATER = 0x3e;
const QUESTION = 0x3f;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const BAR = 0x7c;
const CLOSE_MAP = 0x7d;

/** Where a node stands. A key may be no block; in flow, commas and brackets end words. */
type Context = "block" | "key" | "flow";

interface Properties {
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
}

interface Anchored {
  /** Undefined while the node is still being read (a cycle). */
  readonly node: ConfigNode | undefined;
  /** Nodes it has, and levels below its own. */
  readonly nodes: number;
  readonly depth: number;
}

/** One text's reader; nodes come in the order of the text. */
class YamlReader {
  readonly warnings: SyntaxProblem[] = [];
  readonly #cursor: YamlCursor;
  /** The node last given each anchor. */
  readonly #anchors = new Map<string, Anchored>();
  /** Keys that `!ignore` marks. */
  readonly #ignored = new WeakSet<ConfigNode>();
  #nodes = 0;
  #expanded = 0;
  #depth = 0;
  /** Deepest level reached, for what an alias adds. */
  #deepest = 0;

  constructor(text: string) {
    this.#cursor = new YamlCursor(text);
  }

  root(): ConfigNode {
    const cursor = this.#cursor;
    if (cursor.text.startsWith("\uFEFF")) cursor.lineStart = ++cursor.at;
    while (cursor.code() === 0x20) cursor.at++;
    cursor.indent = cursor.at - cursor.lineStart;
    cursor.skipSpace();
    this.#directives();
    const node = this.#node(-1, "block", true);
    cursor.skipSpace();
    if (cursor.code() !== END && !cursor.isAtDocumentMark()) {
      cursor.fail("what stands here belongs to nothing before it");
    }
    return node ?? this.#empty(cursor.at);
  }

  #directives(): void {
    const cursor = this.#cursor;
    while (cursor.code() === PERCENT && cursor.at === cursor.lineStart) {
      cursor.skipLine();
      cursor.skipSpace();
    }
    if (!cursor.isAtDocumentMark() || cursor.code() !== DASH) return;
    cursor.at += 3;
    cursor.skipSpace();
  }

  #empty(offset: number): ScalarNode {
    this.#nodes++;
    return { kind: "scalar", offset, value: null, text: "" };
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) {
      this.#cursor.fail(`nesting is deeper than ${MAX_DEPTH} levels`);
    }
    if (this.#depth > this.#deepest) this.#deepest = this.#depth;
  }

  /**
   * The node here or on the lines to come that are indented more than `parentIndent`; undefined
   * where there is none.
   * @param isCompact whether a block collection may begin on the line of its parent's indicator
   */
  #node(parentIndent: number, context: Context, isCompact: boolean): ConfigNode | undefined {
    const cursor = this.#cursor;
    const { line } = cursor;
    if (context === "block") cursor.skipSpace();
    if (context !== "flow" && cursor.isAtDocumentMark()) return undefined;
    const isNewLine = cursor.line !== line;
    if (isNewLine && cursor.indent <= parentIndent && context === "block") {
      return isCompact ? undefined : this.#listAtParent(parentIndent);
    }
    const mayBeBlock = context === "block" && (isNewLine || isCompact);
    const start = cursor.at;
    const properties = this.#properties();
    if (properties === undefined) return this.#content(parentIndent, context, mayBeBlock);
    const propertyLine = cursor.line;
    if (context !== "key") cursor.skipSpace();
    if (cursor.line !== propertyLine) {
      return this.#named(properties, start, () => this.#below(parentIndent, context, !isCompact));
    }
    if (mayBeBlock && !this.#isBlockScalar()) {
      // What is said on the line of a key is said of the key, not of its map.
      cursor.at = start;
      return this.#blockMap(start - cursor.lineStart, parentIndent + 1);
    }
    return this.#named(properties, start, () => this.#content(parentIndent, context, false));
  }

  /** A node on a line below its tag and anchor. */
  #below(
    parentIndent: number,
    context: Context,
    isMapValue: boolean,
  ): ConfigNode | undefined {
    const cursor = this.#cursor;
    if (context === "flow") return this.#content(parentIndent, context, false);
    if (cursor.isAtDocumentMark()) return undefined;
    if (cursor.indent <= parentIndent) {
      return isMapValue ? this.#listAtParent(parentIndent) : undefined;
    }
    return this.#block(cursor.at - cursor.lineStart, parentIndent + 1);
  }

  #isBlockScalar(): boolean {
    const code = this.#cursor.code();
    return code === BAR || code === GREATER;
  }

  /** A list may stand as deep as the key that it is the value of. */
  #listAtParent(parentIndent: number): ConfigNode | undefined {
    const cursor = this.#cursor;
    if (cursor.indent !== parentIndent || !this.#isIndicator(DASH)) return undefined;
    return cursor.isAtDocumentMark() ? undefined : this.#blockList(cursor.indent);
  }

  /** Gives a node its tag and anchor; `read` reads it. */
  #named(
    { tag, anchor }: Properties,
    start: number,
    read: () => ConfigNode | undefined,
  ): ConfigNode {
    if (anchor === undefined) return this.#tagged(read() ?? this.#empty(start), tag);
    const before = this.#nodes;
    const outer = this.#deepest;
    this.#deepest = this.#depth;
    this.#anchors.set(anchor, { node: undefined, nodes: 0, depth: 0 });
    const node = this.#tagged(read() ?? this.#empty(start), tag);
    this.#anchors.set(anchor, {
      node,
      nodes: this.#nodes - before + 1,
      depth: this.#deepest - this.#depth,
    });
    this.#deepest = Math.max(outer, this.#deepest);
    return node;
  }

  /** `!` makes a word a string, as yaml-cpp has it; all other tags but `!ignore` say nothing. */
  #tagged(node: ConfigNode, tag: string | undefined): ConfigNode {
    const made = tag === "!" && node.kind === "scalar" ? { ...node, value: node.text } : node;
    if (tag === IGNORE_TAG) this.#ignored.add(made);
    return made;
  }

  /** Tags and anchors before a node, all on one line. */
  #properties(): Properties | undefined {
    const cursor = this.#cursor;
    let tag: string | undefined;
    let anchor: string | undefined;
    for (;;) {
      const code = cursor.code();
      if (code === BANG && tag === undefined) tag = this.#word();
      else if (code === AMPERSAND && anchor === undefined) anchor = this.#name();
      else if (code === BANG || code === AMPERSAND) {
        cursor.fail("a node has one tag and one anchor at most");
      } else break;
      cursor.skipBlanks();
    }
    return tag === undefined && anchor === undefined ? undefined : { tag, anchor };
  }

  /** Letters up to a space or, as in yaml-cpp, what ends a word in flow. */
  #word(): string {
    const cursor = this.#cursor;
    const start = cursor.at;
    while (!isSpaceOrEnd(cursor.code()) && !isFlowIndicator(cursor.code())) cursor.at++;
    return cursor.text.slice(start, cursor.at);
  }

  /** The name behind `&` or `*`. */
  #name(): string {
    const name = this.#word().slice(1);
    if (name === "") this.#cursor.fail("an anchor or alias has no name");
    return name;
  }

  /** A node without its tag and anchor, on this line. */
  #content(
    parentIndent: number,
    context: Context,
    mayBeBlock: boolean,
  ): ConfigNode | undefined {
    const cursor = this.#cursor;
    if (context === "block") {
      if (mayBeBlock) return this.#block(cursor.at - cursor.lineStart, parentIndent + 1);
      if (this.#isBlockScalar()) return this.#blockScalar(parentIndent);
    }
    return this.#inline(context === "block" ? parentIndent + 1 : parentIndent, context === "flow");
  }

  #blockScalar(parentIndent: number): ScalarNode {
    const offset = this.#cursor.at;
    const text = readBlock(this.#cursor, parentIndent);
    this.#nodes++;
    return { kind: "scalar", offset, value: text, text };
  }

  /** Whether a block indicator stands here: `- `, `? `, `: `. */
  #isIndicator(code: number): boolean {
    return this.#cursor.code() === code && isSpaceOrEnd(this.#cursor.code(1));
  }

  /** A block collection, or whatever else begins here. */
  #block(indent: number, minIndent: number): ConfigNode | undefined {
    if (this.#isBlockScalar()) return this.#blockScalar(minIndent - 1);
    if (this.#isIndicator(DASH)) return this.#blockList(indent);
    return this.#blockMap(indent, minIndent);
  }

  #blockList(indent: number): ConfigNode {
    const cursor = this.#cursor;
    const offset = cursor.at;
    const items: ConfigNode[] = [];
    this.#nodes++;
    this.#enter();
    this.#refuseTabs();
    do {
      const at = cursor.at++;
      items.push(this.#node(indent, "block", true) ?? this.#empty(at));
      cursor.skipSpace();
      if (cursor.code() === END || cursor.isAtDocumentMark()) break;
      if (cursor.indent > indent || cursor.at - cursor.lineStart > indent) {
        cursor.fail("what stands here belongs to nothing before it");
      }
      if (cursor.indent === indent) this.#refuseTabs();
    } while (cursor.indent === indent && this.#isIndicator(DASH));
    this.#depth--;
    return { kind: "list", offset, items };
  }

  #refuseTabs(): void {
    if (this.#cursor.hasTab) this.#cursor.fail("lines are indented with spaces, not with tabs");
  }

  /** A map, or the key alone where no `:` follows it: then it was no key. */
  #blockMap(indent: number, minIndent: number): ConfigNode | undefined {
    const cursor = this.#cursor;
    let offset = cursor.at;
    const entries: MapEntry[] = [];
    if (!this.#isIndicator(QUESTION) && !this.#isIndicator(COLON)) {
      const line = cursor.line;
      const hadTab = cursor.hasTab;
      const key = this.#node(minIndent, "key", false);
      if (key === undefined || !this.#isKey(line)) return key;
      if (hadTab) this.#refuseTabs();
      offset = key.offset;
      this.#nodes++;
      this.#enter();
      this.#entry(key, indent, entries);
    } else {
      this.#nodes++;
      this.#enter();
      this.#refuseTabs();
      this.#explicitEntry(indent, entries);
    }
    while (this.#hasNextEntry(indent)) {
      if (this.#isIndicator(QUESTION) || this.#isIndicator(COLON)) {
        this.#explicitEntry(indent, entries);
        continue;
      }
      const { line, at } = cursor;
      const key = this.#node(minIndent, "key", false);
      if (key === undefined) return cursor.fail("a map's key must stand here");
      if (!this.#isKey(line)) {
        cursor.fail('a map\'s key must be followed by ":" on its line', at);
      }
      this.#entry(key, indent, entries);
    }
    this.#depth--;
    return mapNode(offset, entries, this.warnings);
  }

  /** Whether a `:` follows what began on `line`, so that it is a key. */
  #isKey(line: number): boolean {
    const cursor = this.#cursor;
    if (cursor.line !== line) return false;
    cursor.skipBlanks();
    return this.#isIndicator(COLON);
  }

  #hasNextEntry(indent: number): boolean {
    const cursor = this.#cursor;
    cursor.skipSpace();
    if (cursor.code() === END || cursor.isAtDocumentMark() || cursor.indent < indent) {
      if (cursor.at - cursor.lineStart <= indent || cursor.code() === END) return false;
    }
    if (cursor.at - cursor.lineStart !== indent) {
      cursor.fail(
        cursor.hasTab
          ? "lines are indented with spaces, not with tabs"
          : "what stands here belongs to nothing before it",
      );
    }
    return true;
  }

  /** The value of a key, at its `:`. */
  #entry(key: ConfigNode, indent: number, entries: MapEntry[]): void {
    this.#cursor.at++;
    const value = this.#node(indent, "block", false);
    this.#add(entries, key, value);
  }

  /** `? key` and `: value`, each a node of its own; either may be left out. */
  #explicitEntry(indent: number, entries: MapEntry[]): void {
    const cursor = this.#cursor;
    const offset = cursor.at;
    let key: ConfigNode | undefined;
    if (cursor.code() === QUESTION) {
      cursor.at++;
      key = this.#node(indent, "block", true);
      cursor.skipSpace();
      const hasValue = this.#isIndicator(COLON) && cursor.at - cursor.lineStart === indent;
      if (!hasValue) {
        this.#add(entries, key ?? this.#empty(offset), undefined);
        return;
      }
    }
    cursor.at++;
    const value = this.#node(indent, "block", true);
    this.#add(entries, key ?? this.#empty(offset), value);
  }

  #add(entries: MapEntry[], key: ConfigNode, value: ConfigNode | undefined): void {
    if (key.kind !== "scalar") this.#cursor.fail("a map's key must be a word", key.offset);
    const entry = { key, value: value ?? this.#empty(key.offset) };
    if (!this.#ignored.has(key)) entries.push(entry);
  }

  /** A flow collection, a quoted or plain word, or an alias. */
  #inline(minIndent: number, isInFlow: boolean): ConfigNode | undefined {
    const cursor = this.#cursor;
    const offset = cursor.at;
    switch (cursor.code()) {
      case OPEN_LIST:
        return this.#flowList();
      case OPEN_MAP:
        return this.#flowMap();
      case STAR:
        return this.#follow(offset);
      case DOUBLE_QUOTE:
        return this.#quoted(offset, readDoubleQuoted(cursor));
      case SINGLE_QUOTE:
        return this.#quoted(offset, readSingleQuoted(cursor));
    }
    const text = readPlain(cursor, minIndent, isInFlow);
    if (text === undefined) return undefined;
    this.#nodes++;
    return { kind: "scalar", offset, value: plainScalar(text), text };
  }

  #quoted(offset: number, text: string): ScalarNode {
    this.#nodes++;
    return { kind: "scalar", offset, value: text, text };
  }

  #follow(offset: number): ConfigNode {
    const name = this.#name();
    const target = this.#anchors.get(name);
    const fail = (text: string): never => this.#cursor.fail(text, offset);
    if (target === undefined) return fail(`no anchor "${name}" before it`);
    if (target.node === undefined) return fail(`alias "${name}" stands inside its own anchor`);
    this.#nodes += target.nodes;
    this.#expanded += target.nodes;
    if (this.#expanded > MAX_EXPANDED_NODES) {
      fail(`aliases expand to more than ${MAX_EXPANDED_NODES} nodes`);
    }
    if (this.#depth + target.depth > MAX_DEPTH) fail(`nesting is deeper than ${MAX_DEPTH} levels`);
    this.#deepest = Math.max(this.#deepest, this.#depth + target.depth);
    return target.node;
  }

  /** Whether the collection goes on: steps over a comma, or over the closing bracket. */
  #goesOn(closing: number, isFirst: boolean): boolean {
    const cursor = this.#cursor;
    cursor.skipSpace();
    if (!isFirst && cursor.code() === COMMA) {
      cursor.at++;
      cursor.skipSpace();
    } else if (!isFirst && cursor.code() !== closing) {
      cursor.fail(
        cursor.code() === END
          ? "a bracket is not closed"
          : "a comma or a closing bracket is missing",
      );
    }
    if (cursor.code() === closing) {
      cursor.at++;
      return false;
    }
    if (cursor.code() === END) cursor.fail("a bracket is not closed");
    if (cursor.isAtDocumentMark()) cursor.fail("a bracket is not closed");
    return true;
  }

  #flowList(): ConfigNode {
    const offset = this.#cursor.at++;
    const items: ConfigNode[] = [];
    this.#nodes++;
    this.#enter();
    for (let isFirst = true; this.#goesOn(CLOSE_LIST, isFirst); isFirst = false) {
      items.push(this.#flowItem());
    }
    this.#depth--;
    return { kind: "list", offset, items };
  }

  /** An item of a flow list; `a: b` is a map of one. */
  #flowItem(): ConfigNode {
    const cursor = this.#cursor;
    const { at, line } = cursor;
    const isExplicit = this.#flowQuestion();
    const node = this.#node(0, "flow", false);
    cursor.skipSpace();
    const isPair = cursor.code() === COLON && (isExplicit || cursor.line === line);
    if (!isPair && !isExplicit) {
      return node ?? cursor.fail("a value is missing or cannot begin like this");
    }
    this.#enter();
    const entries: MapEntry[] = [];
    this.#nodes++;
    this.#flowValue(node ?? this.#empty(at), entries);
    this.#depth--;
    return mapNode(at, entries, this.warnings);
  }

  #flowQuestion(): boolean {
    if (!this.#isIndicator(QUESTION)) return false;
    this.#cursor.at++;
    this.#cursor.skipSpace();
    return true;
  }

  #flowMap(): ConfigNode {
    const cursor = this.#cursor;
    const offset = cursor.at++;
    const entries: MapEntry[] = [];
    this.#nodes++;
    this.#enter();
    for (let isFirst = true; this.#goesOn(CLOSE_MAP, isFirst); isFirst = false) {
      const { at, line } = cursor;
      const isExplicit = this.#flowQuestion();
      const key = this.#node(0, "flow", false);
      cursor.skipSpace();
      if (cursor.code() === COLON && !isExplicit && cursor.line !== line) {
        cursor.fail('a map\'s key must be followed by ":" on its line', at);
      }
      if (key === undefined && !isExplicit && cursor.code() !== COLON) {
        cursor.fail("a key is missing or cannot begin like this");
      }
      this.#flowValue(key ?? this.#empty(at), entries);
    }
    this.#depth--;
    return mapNode(offset, entries, this.warnings);
  }

  /** The value behind a key, where there is a `:`. */
  #flowValue(key: ConfigNode, entries: MapEntry[]): void {
    const cursor = this.#cursor;
    if (cursor.code() !== COLON) {
      this.#add(entries, key, undefined);
      return;
    }
    cursor.at++;
    cursor.skipSpace();
    this.#add(entries, key, this.#node(0, "flow", false));
  }
}

/** Reads YAML; every problem stands alone, as what follows a syntax error is guesswork. */
export function parseYaml(text: string, file: string): ParsedTree {
  return parsedTree(new SourceText(file, text), new YamlReader(text));
}
