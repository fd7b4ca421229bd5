/**
 * google.protobuf.Value as clients may send it in a header: whole values come back, cut ones
 * are valid where a protobuf runtime says so, and mutated ones never throw.
 */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type Random, SeededRandom } from "../../src/base/mod.ts";
import { parseValue } from "../../src/filters/http/metadata_value.ts";
import { assertEquals } from "../support/assert.ts";

const TEXTS = ["", "a", "é", "__proto__", "x".repeat(200), "\u{1f600}"];

function randomJson(random: Random, depth: number): unknown {
  switch (random.below(depth > 3 ? 4 : 6)) {
    case 0:
      return null;
    case 1:
      return random.below(1000) / 8 - 60;
    case 2:
      return TEXTS[random.below(TEXTS.length)];
    case 3:
      return random.below(2) === 0;
    case 4:
      return Array.from({ length: random.below(4) }, () => randomJson(random, depth + 1));
    default:
      return Object.fromEntries(
        TEXTS.slice(random.below(6)).map((key) => [key, randomJson(random, depth + 1)]),
      );
  }
}

function messageOf(json: unknown): Value {
  const $typeName = "google.protobuf.Value";
  if (json === null) return { $typeName, kind: { case: "nullValue", value: 0 } };
  if (typeof json === "number") return { $typeName, kind: { case: "numberValue", value: json } };
  if (typeof json === "string") return { $typeName, kind: { case: "stringValue", value: json } };
  if (typeof json === "boolean") return { $typeName, kind: { case: "boolValue", value: json } };
  if (Array.isArray(json)) {
    const value = { $typeName: "google.protobuf.ListValue", values: json.map(messageOf) } as const;
    return { $typeName, kind: { case: "listValue", value } };
  }
  const fields = Object.fromEntries(
    Object.entries(json as object).map(([key, value]) => [key, messageOf(value)]),
  );
  const value = { $typeName: "google.protobuf.Struct", fields } as const;
  return { $typeName, kind: { case: "structValue", value } };
}

function isValid(bytes: Uint8Array): boolean {
  try {
    fromBinary(ValueSchema, bytes);
    return true;
  } catch {
    return false;
  }
}

function binary(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function round(random: Random): void {
  const json = randomJson(random, 0);
  const bytes = toBinary(ValueSchema, messageOf(json));
  assertEquals(parseValue(binary(bytes)), json);
  const cut = bytes.slice(0, random.below(bytes.length + 1));
  assertEquals(parseValue(binary(cut)) !== undefined, isValid(cut), cut.toHex());
  // Of mutated fields with another wire type the runtime makes more than the format allows.
  for (let left = random.below(4); left > 0; left--) {
    bytes[random.below(bytes.length)] = random.below(256);
  }
  parseValue(binary(bytes));
}

/** Random values, whole and mutated; throws at the first finding. */
export function fuzz(rounds: number, seed: number): void {
  const random = new SeededRandom(seed);
  for (let i = 0; i < rounds; i++) round(random);
}
