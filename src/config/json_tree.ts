/**
 * JSON text → tree, with Envoy's leniencies for JSON files: trailing commas and bare words as keys.
 * Our own reader, because `JSON.parse` gives no positions and reading JSON as YAML is fifty times
 * slower.
 */

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
  Unreadable,
} from "./tree.ts";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const INTEGER = /^-?[0-9]{1,15}$/;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const SPACE = /[ \t\r\n]*/y;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;

class JsonReader {
  readonly warnings: SyntaxProblem[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith("\uFEFF")) this.#at = 1;
  }

  root(): ConfigNode {
    const node = this.#node(1);
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected("the end of the file");
    return node;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #unexpected(wanted: string): Unreadable {
    const found = this.#text[this.#at];
    const what = found === undefined ? "end of file" : `character ${JSON.stringify(found)}`;
    return new Unreadable(this.#at, `unexpected ${what}, expected ${wanted}`);
  }

  #node(depth: number): ConfigNode {
    this.#space();
    const offset = this.#at;
    const first = this.#text[offset];
    if (depth > MAX_DEPTH && (first === "{" || first === "[")) {
      throw new Unreadable(offset, `nesting is deeper than ${MAX_DEPTH} levels`);
    }
    if (first === "{") return this.#map(depth);
    if (first === "[") return this.#list(depth);
    if (first === '"') return this.#string();
    const number = this.#take(NUMBER);
    if (number !== undefined) {
      const isExact = !/^-?[0-9]+$/.test(number) || INTEGER.test(number);
      return { kind: "scalar", offset, value: isExact ? Number(number) : number, text: number };
    }
    const word = this.#take(WORD);
    if (word === "null") return { kind: "scalar", offset, value: null, text: word };
    if (word === "true" || word === "false") {
      return { kind: "scalar", offset, value: word === "true", text: word };
    }
    this.#at = offset;
    throw this.#unexpected("a value");
  }

  #string(): ScalarNode {
    const offset = this.#at;
    let end = offset + 1;
    let hasEscapes = false;
    for (;; end++) {
      const unit = this.#text.charCodeAt(end);
      if (unit === QUOTE) break;
      // NaN past the end of the text fails this test too.
      if (!(unit >= FIRST_PRINTABLE)) throw new Unreadable(offset, "unfinished string");
      if (unit === BACKSLASH) {
        hasEscapes = true;
        end++;
      }
    }
    this.#at = end + 1;
    if (!hasEscapes) {
      const text = this.#text.slice(offset + 1, end);
      return { kind: "scalar", offset, value: text, text };
    }
    try {
      const text = JSON.parse(this.#text.slice(offset, end + 1)) as string;
      return { kind: "scalar", offset, value: text, text };
    } catch {
      throw new Unreadable(offset, "malformed escape in a string");
    }
  }

  #list(depth: number): ConfigNode {
    const offset = this.#at++;
    const items: ConfigNode[] = [];
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === "]") break;
      items.push(this.#node(depth + 1));
      this.#space();
      if (this.#text[this.#at] === ",") this.#at++;
      else if (this.#text[this.#at] !== "]") throw this.#unexpected('"," or "]"');
    }
    this.#at++;
    return { kind: "list", offset, items };
  }

  #map(depth: number): ConfigNode {
    const offset = this.#at++;
    const entries: MapEntry[] = [];
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === "}") break;
      const key = this.#key();
      this.#space();
      if (this.#text[this.#at] !== ":") throw this.#unexpected('":"');
      this.#at++;
      entries.push({ key, value: this.#node(depth + 1) });
      this.#space();
      if (this.#text[this.#at] === ",") this.#at++;
      else if (this.#text[this.#at] !== "}") throw this.#unexpected('"," or "}"');
    }
    this.#at++;
    return mapNode(offset, entries, this.warnings);
  }

  #key(): ScalarNode {
    const offset = this.#at;
    if (this.#text[offset] === '"') return this.#string();
    const word = this.#take(WORD);
    if (word === undefined) throw this.#unexpected("a key in quotes");
    return { kind: "scalar", offset, value: word, text: word };
  }
}

/** Reads JSON; stops at the first fault of syntax. */
export function parseJson(text: string, file: string): ParsedTree {
  return parsedTree(new SourceText(file, text), new JsonReader(text));
}
