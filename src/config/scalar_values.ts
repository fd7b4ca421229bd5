/**
 * Scalars and enums from nodes, with the leniencies of Envoy's JSON reader: numbers in quotes,
 * `1e3` and `1.0` for integers, URL-safe base64, enum names in any case or as numbers.
 */

import type { EnumDescriptor, ScalarType } from "../proto/registry.ts";
import { type FieldNames, nearest } from "./field_names.ts";
import type { ConfigNode, JsonScalar } from "./tree.ts";

/** A value, or why the node is none. */
export type Reading<T> =
  | { readonly value: T }
  | { readonly value: undefined; readonly message: string; readonly hint?: string };

function refuse(message: string, hint?: string): Reading<never> {
  return hint === undefined ? { value: undefined, message } : { value: undefined, message, hint };
}

const INTEGER = /^[-+]?(?:0|[1-9][0-9]*)$/;
const INTEGER_AS_DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const DECIMAL = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
const SHOWN_CHARACTERS = 40;

const INT32 = [-2147483648n, 2147483647n] as const;
const UINT32 = [0n, 4294967295n] as const;
const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const UINT64 = [0n, 2n ** 64n - 1n] as const;
const RANGES: Readonly<Partial<Record<ScalarType, readonly [bigint, bigint]>>> = {
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
};

/** A scalar as an operator would recognise it, cut where it is long. */
export function showScalar(value: JsonScalar): string {
  if (typeof value !== "string") return String(value);
  const isLong = value.length > SHOWN_CHARACTERS;
  return JSON.stringify(isLong ? `${value.slice(0, SHOWN_CHARACTERS - 3)}…` : value);
}

/** What stands there, for "found …". */
export function showNode(node: ConfigNode): string {
  if (node.kind === "scalar") return showScalar(node.value);
  return node.kind === "map" ? "a map" : "a list";
}

/** A scalar of the given protobuf type. */
export function readScalar(
  node: ConfigNode,
  type: ScalarType,
): Reading<string | boolean | number | bigint | Uint8Array> {
  if (node.kind !== "scalar") return refuse(`expected ${type}, found ${showNode(node)}`);
  const { value } = node;
  switch (type) {
    case "string":
      if (typeof value === "string") return { value };
      return invalid(
        value,
        type,
        value === null ? undefined : `write it in quotes: "${node.text}"`,
      );
    case "bool":
      if (typeof value === "boolean") return { value };
      if (value === "true" || value === "false") return { value: value === "true" };
      return invalid(value, type);
    case "bytes":
      return typeof value === "string" ? readBytes(value) : invalid(value, type);
    case "double":
    case "float":
      return readDouble(value, type);
    default:
      return readInteger(value, type);
  }
}

function invalid(value: JsonScalar, type: ScalarType, hint?: string): Reading<never> {
  return refuse(`invalid ${type} ${showScalar(value)}`, hint);
}

function readBytes(value: string): Reading<Uint8Array> {
  try {
    return { value: Uint8Array.fromBase64(value.replaceAll("-", "+").replaceAll("_", "/")) };
  } catch {
    return invalid(value, "bytes", "bytes are written in base64");
  }
}

function readDouble(value: JsonScalar, type: ScalarType): Reading<number> {
  if (value === "NaN") return { value: NaN };
  if (value === "Infinity") return { value: Infinity };
  if (value === "-Infinity") return { value: -Infinity };
  const isNumber = typeof value === "number" || (typeof value === "string" && DECIMAL.test(value));
  const number = isNumber ? Number(value) : NaN;
  return Number.isFinite(number) ? { value: number } : invalid(value, type);
}

function readInteger(value: JsonScalar, type: ScalarType): Reading<number | bigint> {
  let integer: bigint;
  if (typeof value === "string" && INTEGER.test(value)) integer = BigInt(value.replace(/^\+/, ""));
  else if (typeof value === "number" && Number.isInteger(value)) integer = BigInt(value);
  else if (typeof value === "string" && INTEGER_AS_DECIMAL.test(value)) {
    const number = Number(value);
    if (!Number.isInteger(number)) return invalid(value, type);
    integer = BigInt(number);
  } else return invalid(value, type);
  const [low, high] = RANGES[type]!;
  if (integer < low || integer > high) return invalid(value, type, `from ${low} to ${high}`);
  return { value: low === INT64[0] || high === UINT64[1] ? integer : Number(integer) };
}

/** An enum's number. */
export function readEnum(
  node: ConfigNode,
  type: EnumDescriptor,
  names: FieldNames,
): Reading<number> {
  if (node.kind !== "scalar") return refuse(`expected ${type.typeName}, found ${showNode(node)}`);
  if (type.typeName === "google.protobuf.NullValue") return { value: 0 };
  const { value, text } = node;
  if (typeof value === "number" && Number.isInteger(value)) return { value };
  if (typeof value === "string" || typeof value === "boolean") {
    const number = names.enumNumber(type, text);
    if (number !== undefined) return { value: number };
    if (INTEGER.test(text)) return { value: Number(text) };
  }
  const close = nearest(text, type.values.map((known) => known.name));
  return refuse(
    `invalid value ${showScalar(value)} of ${type.typeName}`,
    close === undefined
      ? `one of ${type.values.map((known) => known.name).join(", ")}`
      : `did you mean "${close}"?`,
  );
}
