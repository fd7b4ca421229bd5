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

/** Entries with the last of equal keys winning, as in Envoy, each loser told to `onDuplicate`. */
export function lastWins(
  entries: readonly MapEntry[],
  onDuplicate: (loser: MapEntry) => void,
): readonly MapEntry[] {
  if (entries.length <= FEW_ENTRIES && !hasEqualKeys(entries)) return entries;
  const byName = new Map<string, MapEntry>();
  for (const entry of entries) {
    const before = byName.get(entry.key.text);
    if (before !== undefined) onDuplicate(before);
    byName.set(entry.key.text, entry);
  }
  return byName.size === entries.length ? entries : [...byName.values()];
}
