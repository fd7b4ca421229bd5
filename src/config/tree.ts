/**
 * The syntax tree that the decoder reads, the same for YAML and JSON: maps, lists and scalars with
 * their place in the text. Aliases are already followed, so a node may be reached by several ways.
 */

import type { SourceText } from "./source_text.ts";

/** A scalar as JSON knows it, after YAML's plain words were read as Envoy reads them. */
export type JsonScalar = null | boolean | number | string;

/** A word, number or quoted string. */
export interface ScalarNode {
  readonly kind: "scalar";
  /** UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly value: JsonScalar;
  /** As written, unquoted: what a name, an enum value or a message to the operator shows. */
  readonly text: string;
}

/** A list in either style. */
export interface ListNode {
  readonly kind: "list";
  readonly offset: number;
  readonly items: readonly ConfigNode[];
}

/** One `key: value` of a map. */
export interface MapEntry {
  readonly key: ScalarNode;
  readonly value: ConfigNode;
}

/** A map in either style; a repeated key stands there once, with its last value. */
export interface MapNode {
  readonly kind: "map";
  readonly offset: number;
  readonly entries: readonly MapEntry[];
}

/** Any node. */
export type ConfigNode = ScalarNode | ListNode | MapNode;

/** A fault of the text itself, before any meaning. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** What a reader makes of a text: a tree, or why there is none. */
export interface ParsedTree {
  readonly source: SourceText;
  readonly root: ConfigNode | undefined;
  readonly problems: readonly SyntaxProblem[];
  /** Faults that do not refuse the file. */
  readonly warnings: readonly SyntaxProblem[];
}

/** A text that cannot be read on; `parsedTree` catches it. */
export class Unreadable extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Reads one text. */
interface TreeReader {
  readonly warnings: readonly SyntaxProblem[];
  /** @throws {Unreadable} at the first fault of syntax */
  root(): ConfigNode;
}

/** What `reader` makes of its text. Its fault stands alone: what follows one is guesswork. */
export function parsedTree(source: SourceText, reader: TreeReader): ParsedTree {
  try {
    return { source, root: reader.root(), problems: [], warnings: reader.warnings };
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown;
    const { offset, message } = thrown;
    return { source, root: undefined, problems: [{ offset, message }], warnings: [] };
  }
}

/** Nesting that Envoy's JSON reader still takes; deeper is an error there too. */
export const MAX_DEPTH = 100;

/** Up to this many keys are compared with each other, which takes less than a map. */
const FEW_ENTRIES = 8;

function hasEqualKeys(entries: readonly MapEntry[]): boolean {
  for (let i = 1; i < entries.length; i++) {
    const { text } = entries[i]!.key;
    for (let j = 0; j < i; j++) if (entries[j]!.key.text === text) return true;
  }
  return false;
}

/** A map in which the last of equal keys wins, as in Envoy; each loser adds to `warnings`. */
export function mapNode(
  offset: number,
  entries: readonly MapEntry[],
  warnings: SyntaxProblem[],
): MapNode {
  return { kind: "map", offset, entries: lastWins(entries, warnings) };
}

function lastWins(
  entries: readonly MapEntry[],
  warnings: SyntaxProblem[],
): readonly MapEntry[] {
  if (entries.length <= FEW_ENTRIES && !hasEqualKeys(entries)) return entries;
  const byName = new Map<string, MapEntry>();
  for (const entry of entries) {
    const { text } = entry.key;
    const loser = byName.get(text);
    if (loser !== undefined) {
      const message = `"${text}" stands here more than once; the last one is used`;
      warnings.push({ offset: loser.key.offset, message });
    }
    byName.set(text, entry);
  }
  return byName.size === entries.length ? entries : [...byName.values()];
}
