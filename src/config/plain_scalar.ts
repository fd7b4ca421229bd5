/**
 * How Envoy reads a plain YAML word (yaml-cpp, then `ValueUtil::loadFromYaml`): null, booleans with
 * yes, no, on and off, integers with hex and octal, and everything else as a string. Floats stay
 * strings; the field that takes them knows.
 */

import type { JsonScalar } from "./tree.ts";

const DECIMAL = /^[-+]?(?:0|[1-9][0-9]*)$/;
const HEX = /^[-+]?0x[0-9a-fA-F]+$/;
const OCTAL = /^[-+]?0[0-7]+$/;
/** Larger integers are kept as text, so that 64 bits lose nothing. */
const MAX_NUMBER = 2147483647;

function booleans(): ReadonlyMap<string, boolean> {
  const words = new Map<string, boolean>();
  const pairs = [["y", "n"], ["yes", "no"], ["true", "false"], ["on", "off"]] as const;
  for (const [yes, no] of pairs) {
    for (const [word, value] of [[yes, true], [no, false]] as const) {
      words.set(word, value);
      words.set(word[0]!.toUpperCase() + word.slice(1), value);
      words.set(word.toUpperCase(), value);
    }
  }
  return words;
}

const BOOLEANS = booleans();
const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);

/** The value of an unquoted YAML word. */
export function plainScalar(word: string): JsonScalar {
  if (NULLS.has(word)) return null;
  const boolean = BOOLEANS.get(word);
  if (boolean !== undefined) return boolean;
  if (DECIMAL.test(word)) {
    const number = Number(word);
    return Math.abs(number) <= MAX_NUMBER ? number : word;
  }
  if (HEX.test(word)) return signed(word, 16);
  if (OCTAL.test(word)) return signed(word, 8);
  return word;
}

function signed(word: string, radix: number): number {
  const digits = word.replace(/^[-+]/, "").replace(/^0x/, "");
  const number = parseInt(digits, radix);
  return word.startsWith("-") ? -number : number;
}
