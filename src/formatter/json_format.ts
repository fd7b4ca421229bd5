/** JSON formats: a tree whose shape is settled at load; values keep their types. */

import type { BaseCompileContext } from "../base/mod.ts";
import { binaryText } from "../matching/mod.ts";
import type { FormatContext, Formatter } from "./context.ts";
import { compareBytes, jsonOf, quote } from "./json.ts";
import { type FormatPart, formatParts, type FormatPlace, parseFormat } from "./text.ts";

/** Writes one node as JSON; undefined for a value that is not there. */
type JsonNode = (context: FormatContext) => string | undefined;

/** Compiles a Struct; every text in it is a format. The line has no newline. */
export function compileJsonFormat(
  struct: { readonly [key: string]: unknown },
  context: BaseCompileContext,
  place: FormatPlace,
): Formatter {
  const node = compileObject(struct, context, place);
  return { format: (values) => node(values) ?? "{}", constant: undefined };
}

function compileNode(value: unknown, context: BaseCompileContext, place: FormatPlace): JsonNode {
  if (typeof value === "string") {
    return compileText(parseFormat(value, context, place), place.omitEmpty === true);
  }
  if (Array.isArray(value)) return compileList(value, context, place);
  if (typeof value === "object" && value !== null) {
    return compileObject(value as { [key: string]: unknown }, context, place);
  }
  const literal = value === undefined || value === null ? undefined : String(value);
  return () => literal;
}

/** A text of one operator keeps the operator's type; any other is a string. */
function compileText(parts: readonly FormatPart[], omitEmpty: boolean): JsonNode {
  const only = parts[0];
  if (parts.length === 1 && typeof only === "function") return (values) => jsonOf(only(values));
  if (parts.every((part) => typeof part === "string")) {
    const literal = quote(parts.join(""));
    return () => literal;
  }
  const missing = omitEmpty ? "" : "-";
  return (values) => quote(formatParts(parts, values, missing));
}

function compileList(
  list: readonly unknown[],
  context: BaseCompileContext,
  place: FormatPlace,
): JsonNode {
  const nodes = list.map((item) => compileNode(item, context, place));
  const omitEmpty = place.omitEmpty === true;
  return (values) => {
    let text = "";
    for (let i = 0; i < nodes.length; i++) {
      const item = nodes[i]!(values);
      if (item === undefined && omitEmpty) continue;
      text += (text === "" ? "" : ",") + (item ?? "null");
    }
    return `[${text}]`;
  };
}

function compileObject(
  struct: { readonly [key: string]: unknown },
  context: BaseCompileContext,
  place: FormatPlace,
): JsonNode {
  const keys = Object.keys(struct).sort(compareBytes);
  const names = keys.map((key) => `${quote(binaryText(key))}:`);
  const nodes = keys.map((key) => compileNode(struct[key], context, place));
  const omitEmpty = place.omitEmpty === true;
  return (values) => {
    let text = "";
    for (let i = 0; i < nodes.length; i++) {
      const field = nodes[i]!(values);
      if (field === undefined && omitEmpty) continue;
      text += (text === "" ? "" : ",") + names[i]! + (field ?? "null");
    }
    return `{${text}}`;
  };
}
