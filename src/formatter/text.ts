/** Texts with %OPERATORS%, compiled into parts; nothing is parsed when a line is written. */

import type { BaseCompileContext } from "../base/mod.ts";
import { binaryText } from "../matching/mod.ts";
import type { FormatContext, Formatter, ValueProvider } from "./context.ts";
import { textOf } from "./json.ts";
import { compileOperator } from "./operators/registry.ts";

/** Where a format stands, for problems, and what may vary in it. */
export interface FormatPlace {
  readonly message: object;
  /** Proto name of the field that holds it. */
  readonly field: string;
  /** Missing values print nothing instead of `-`. */
  readonly omitEmpty?: boolean;
  /** Operators that need a `formatters` extension, by name. */
  readonly extensions?: ReadonlySet<string>;
}

/** Literal text or an operator. */
export type FormatPart = string | ValueProvider;

/** An operator as it stands in a text: %NAME(argument):maxLength%. */
export interface OperatorCall {
  readonly name: string;
  readonly argument: string;
  /** Bytes; undefined if not given. */
  readonly maxLength: number | undefined;
  readonly context: BaseCompileContext;
  readonly place: FormatPlace;
}

interface ParsedOperator {
  readonly name: string;
  readonly argument: string;
  readonly maxLength: number | undefined;
  /** Index after the closing percent sign. */
  readonly end: number;
}

/** Splits a text into its parts; reports and leaves out what Envoy refuses. */
export function parseFormat(
  text: string,
  context: BaseCompileContext,
  place: FormatPlace,
): FormatPart[] {
  const parts: FormatPart[] = [];
  let literal = "";
  for (let i = 0; i < text.length;) {
    if (text[i] !== "%") {
      literal += text[i++];
      continue;
    }
    if (text[i + 1] === "%") {
      literal += "%";
      i += 2;
      continue;
    }
    const parsed = parseOperator(text, i + 1);
    if (parsed === undefined) {
      const why = `Incorrect configuration: ${text}. Couldn't find valid command at position ${i}`;
      context.problems.error(place.message, place.field, why);
      return parts;
    }
    i = parsed.end;
    const value = compileOperator({ ...parsed, context, place });
    if (value === undefined) continue;
    if (literal !== "") parts.push(binaryText(literal));
    literal = "";
    parts.push(value);
  }
  if (literal !== "") parts.push(binaryText(literal));
  return parts;
}

function parseOperator(text: string, start: number): ParsedOperator | undefined {
  let at = start;
  while (at < text.length && isNameCode(text.charCodeAt(at))) at++;
  if (at === start) return undefined;
  const name = text.slice(start, at);
  if (text[at] !== "(") return parseTail(text, at, { name, argument: "" });
  // The shortest argument after which the operator can end, as Envoy's lazy pattern has it.
  for (let close = text.indexOf(")", at); close >= 0; close = text.indexOf(")", close + 1)) {
    const argument = text.slice(at + 1, close);
    if (argument.includes("\n")) return undefined;
    const parsed = parseTail(text, close + 1, { name, argument });
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

function parseTail(
  text: string,
  start: number,
  head: { readonly name: string; readonly argument: string },
): ParsedOperator | undefined {
  if (text[start] === "%") return { ...head, maxLength: undefined, end: start + 1 };
  if (text[start] !== ":") return undefined;
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at++;
  if (at === start + 1 || text[at] !== "%") return undefined;
  return { ...head, maxLength: Number(text.slice(start + 1, at)), end: at + 1 };
}

function isNameCode(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f;
}

/** Parts as one text; `missing` stands for values that are not there. */
export function formatParts(
  parts: readonly FormatPart[],
  context: FormatContext,
  missing: string,
): string {
  let text = "";
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    text += typeof part === "string" ? part : textOf(part(context)) ?? missing;
  }
  return text;
}

/** Compiles a text format: `%%` is a percent sign, missing values print `-`. */
export function compileFormat(
  text: string,
  context: BaseCompileContext,
  place: FormatPlace,
): Formatter {
  const parts = parseFormat(text, context, place);
  const missing = place.omitEmpty === true ? "" : "-";
  const only = parts[0];
  if (parts.length === 0 || (parts.length === 1 && typeof only === "string")) {
    const constant = typeof only === "string" ? only : "";
    return { format: () => constant, constant };
  }
  return { format: (values) => formatParts(parts, values, missing), constant: undefined };
}
