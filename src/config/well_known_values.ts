/** google.protobuf.Duration, Timestamp, Struct, Value and ListValue from nodes. */

import { type Reading, showNode } from "./scalar_values.ts";
import type { ConfigNode } from "./tree.ts";

const DURATION = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/;
const OTHER_UNIT = /^(\d+(?:\.\d+)?)(ms|us|m|h)$/;
/** Seconds of 10,000 years: the bound of google.protobuf.Duration. */
const MAX_DURATION_S = 315_576_000_000n;
const SECONDS_OF: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, m: 60, h: 3600 };

/** A message of the plain tree. */
export type PlainMessage = { readonly $typeName: string; [field: string]: unknown };

/** `"1.5s"`; other units are refused as in Envoy, with the value in seconds as a hint. */
export function readDuration(node: ConfigNode): Reading<PlainMessage> {
  const text = node.kind === "scalar" && typeof node.value === "string" ? node.value : undefined;
  const found = text === undefined ? null : DURATION.exec(text);
  if (found === null) {
    const other = node.kind === "scalar" ? OTHER_UNIT.exec(node.text) : null;
    const seconds = other === null
      ? "0.25"
      : String(Number((Number(other[1]) * SECONDS_OF[other[2]!]!).toPrecision(12)));
    const hint = node.kind === "scalar" && typeof node.value === "number"
      ? `seconds end in s: "${node.text}s"`
      : `write it in seconds, as in "${seconds}s"`;
    return { value: undefined, message: `invalid duration ${showNode(node)}`, hint };
  }
  const seconds = BigInt(found[2]!);
  const nanos = Number((found[3] ?? "").padEnd(9, "0"));
  if (seconds > MAX_DURATION_S) {
    return { value: undefined, message: `duration ${showNode(node)} is out of range` };
  }
  const sign = found[1] === "-" ? -1 : 1;
  return {
    value: {
      $typeName: "google.protobuf.Duration",
      seconds: BigInt(sign) * seconds,
      nanos: nanos === 0 ? 0 : sign * nanos,
    },
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:[Zz]|[-+]\d\d:\d\d)$/;

/** A point in time as in RFC 3339. */
export function readTimestamp(node: ConfigNode): Reading<PlainMessage> {
  const text = node.kind === "scalar" && typeof node.value === "string" ? node.value : "";
  const found = RFC_3339.exec(text);
  const timeMs = found === null ? NaN : Date.parse(text);
  if (found === null || Number.isNaN(timeMs)) {
    return {
      value: undefined,
      message: `invalid timestamp ${showNode(node)}`,
      hint: 'as in "2026-01-01T00:00:00Z" (RFC 3339)',
    };
  }
  return {
    value: {
      $typeName: "google.protobuf.Timestamp",
      seconds: BigInt(Math.floor(timeMs / 1000)),
      nanos: Number((found[1] ?? "").padEnd(9, "0")),
    },
  };
}

/** Sets an own property, whatever its name: `__proto__` is a key like any other. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else target[key] = value;
}

/** Any node as JSON: what google.protobuf.Struct holds. */
export function readJson(node: ConfigNode): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(readJson);
    case "map": {
      const out: Record<string, unknown> = {};
      for (const { key, value } of node.entries) setOwn(out, key.text, readJson(value));
      return out;
    }
  }
}

/** google.protobuf.Value as a message, for where it stands alone. */
export function readValue(node: ConfigNode): PlainMessage {
  return { $typeName: "google.protobuf.Value", kind: valueKind(node) };
}

function valueKind(node: ConfigNode): { readonly case: string; readonly value: unknown } {
  if (node.kind === "map") return { case: "structValue", value: readStruct(node) };
  if (node.kind === "list") return { case: "listValue", value: readListValue(node) };
  const { value } = node;
  if (value === null) return { case: "nullValue", value: 0 };
  if (typeof value === "boolean") return { case: "boolValue", value };
  return { case: typeof value === "number" ? "numberValue" : "stringValue", value };
}

/** google.protobuf.Struct as a message, for where it is not held as a JSON object. */
export function readStruct(node: ConfigNode & { kind: "map" }): PlainMessage {
  const fields: Record<string, unknown> = {};
  for (const { key, value } of node.entries) setOwn(fields, key.text, readValue(value));
  return { $typeName: "google.protobuf.Struct", fields };
}

/** google.protobuf.ListValue as a message. */
export function readListValue(node: ConfigNode & { kind: "list" }): PlainMessage {
  return { $typeName: "google.protobuf.ListValue", values: node.items.map(readValue) };
}
