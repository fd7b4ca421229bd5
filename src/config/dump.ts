/**
 * Plain trees → JSON as admin shows it: proto field names, enum names, durations as text, defaults
 * left out, secrets redacted by the descriptors' `sensitive` mark (Envoy: `MessageUtil::redact`).
 */

import {
  type EnumDescriptor,
  type FieldDescriptor,
  openRegistry,
  type Registry,
  type ScalarType,
} from "../proto/registry.ts";
import { WRAPPER } from "./message_reader.ts";
import { type PlainMessage, setOwn } from "./well_known_values.ts";

/** A JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | {
  [key: string]: JsonValue;
};

const REDACTED = "[redacted]";
const TYPE_URL = "type.googleapis.com/";

/** Writes the messages of one registry. */
export class Dumper {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** A message as JSON, without a type of its own. */
  message(message: PlainMessage, isSecret = false): JsonValue {
    switch (message.$typeName) {
      case "google.protobuf.Duration":
        return isSecret ? "0s" : durationText(message);
      case "google.protobuf.Timestamp":
        return timestampText(message);
      case "google.protobuf.Value":
        return this.#value(message, isSecret);
      case "google.protobuf.Struct":
        return this.#struct(message, isSecret);
      case "google.protobuf.ListValue":
        return (message["values"] as PlainMessage[]).map((item) => this.#value(item, isSecret));
    }
    const type = this.#registry.getMessage(message.$typeName);
    if (type === undefined) return message["json"] as JsonValue ?? {};
    if (WRAPPER.test(type.typeName)) {
      return this.#scalar(message["value"], type.fields[0]!.scalar!, isSecret) ?? null;
    }
    const out: { [key: string]: JsonValue } = {};
    for (const field of type.fields.toSorted((a, b) => a.number - b.number)) {
      const json = this.#field(message, field, isSecret || field.isSensitive);
      if (json !== undefined) out[field.name] = json;
    }
    return out;
  }

  /** A message as the Any that holds it: `{"@type": …, …}`. */
  any(message: PlainMessage, isSecret = false): JsonValue {
    if (message.$typeName === "google.protobuf.Any") return {};
    const json = this.message(message, isSecret);
    const type = { "@type": TYPE_URL + message.$typeName };
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    if (!isObject || message.$typeName.startsWith("google.protobuf.")) {
      return { ...type, value: json };
    }
    return { ...type, ...json };
  }

  #field(message: PlainMessage, field: FieldDescriptor, isSecret: boolean): JsonValue | undefined {
    if (field.oneof !== undefined) {
      const oneof = message[field.oneof.localName] as { case?: string; value?: unknown };
      return oneof?.case === field.localName ? this.#item(oneof.value, field, isSecret) : undefined;
    }
    const value = message[field.localName];
    if (value === undefined) return undefined;
    if (field.fieldKind === "list") {
      const items = value as readonly unknown[];
      if (items.length === 0) return undefined;
      return items.map((item) => this.#item(item, field, isSecret) ?? null);
    }
    if (field.fieldKind === "map") {
      const entries = Object.entries(value as object);
      if (entries.length === 0) return undefined;
      const out: { [key: string]: JsonValue } = {};
      for (const [key, item] of entries) {
        setOwn(out, key, this.#item(item, field, isSecret) ?? null);
      }
      return out;
    }
    if (field.fieldKind !== "message" && !field.hasPresence && isDefault(value)) return undefined;
    return this.#item(value, field, isSecret);
  }

  /** Undefined where a secret is left out: only text and bytes can be replaced. */
  #item(value: unknown, field: FieldDescriptor, isSecret: boolean): JsonValue | undefined {
    if (field.enum !== undefined) {
      return isSecret ? undefined : enumText(value as number, field.enum);
    }
    if (field.message === undefined) return this.#scalar(value, field.scalar!, isSecret);
    const name = field.message.typeName;
    if (name === "google.protobuf.Any") return this.any(value as PlainMessage, isSecret);
    if (typeof value !== "object" || value instanceof Uint8Array) {
      return this.#scalar(value, field.message.fields[0]!.scalar!, isSecret);
    }
    const isJson = name === "google.protobuf.Struct" && !Object.hasOwn(value!, "$typeName");
    if (isJson) return redactJson(value as JsonValue, isSecret);
    return this.message(value as PlainMessage, isSecret);
  }

  #scalar(value: unknown, type: ScalarType, isSecret: boolean): JsonValue | undefined {
    if (isSecret) {
      if (type === "string") return REDACTED;
      return type === "bytes" ? btoa(REDACTED) : undefined;
    }
    if (value instanceof Uint8Array) return value.toBase64();
    if (typeof value === "bigint") return value.toString();
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    return value as JsonValue;
  }

  #value(message: PlainMessage, isSecret: boolean): JsonValue {
    const { case: kind, value } = message["kind"] as { case?: string; value?: unknown };
    if (kind === "structValue" || kind === "listValue") {
      return this.message(value as PlainMessage, isSecret);
    }
    if (kind === undefined || kind === "nullValue") return null;
    return redactJson(value as JsonValue, isSecret);
  }

  #struct(message: PlainMessage, isSecret: boolean): JsonValue {
    const out: { [key: string]: JsonValue } = {};
    for (const [key, value] of Object.entries(message["fields"] as Record<string, PlainMessage>)) {
      setOwn(out, key, this.#value(value, isSecret));
    }
    return out;
  }
}

function redactJson(value: JsonValue, isSecret: boolean): JsonValue {
  if (!isSecret) return value;
  if (typeof value === "string") return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redactJson(item, true));
  if (typeof value !== "object" || value === null) return null;
  const out: { [key: string]: JsonValue } = {};
  for (const [key, item] of Object.entries(value)) setOwn(out, key, redactJson(item, true));
  return out;
}

function isDefault(value: unknown): boolean {
  return value === false || value === 0 || value === 0n || value === "" ||
    (value instanceof Uint8Array && value.length === 0);
}

function enumText(number: number, type: EnumDescriptor): JsonValue {
  if (type.typeName === "google.protobuf.NullValue") return null;
  return type.numbered(number)?.name ?? number;
}

/** Fraction digits as protobuf's JSON writes them: none, 3, 6 or 9. */
function fractionText(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (digits.endsWith("000000")) return `.${digits.slice(0, 3)}`;
  return digits.endsWith("000") ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

function durationText(message: PlainMessage): string {
  const { seconds, nanos } = message as unknown as { seconds: bigint; nanos: number };
  const isNegative = seconds < 0n || nanos < 0;
  const whole = seconds < 0n ? -seconds : seconds;
  return `${isNegative ? "-" : ""}${whole}${fractionText(Math.abs(nanos))}s`;
}

function timestampText(message: PlainMessage): string {
  const { seconds, nanos } = message as unknown as { seconds: bigint; nanos: number };
  const text = new Date(Number(seconds) * 1000).toISOString();
  return `${text.slice(0, 19)}${fractionText(nanos)}Z`;
}

/** A dumper that holds no descriptors between dumps: those of the last one go when memory is short. */
export class LazyDumper {
  #last: WeakRef<Dumper> | undefined;

  /** As `Dumper.message`. */
  message(message: PlainMessage, isSecret = false): JsonValue {
    return this.#dumper().message(message, isSecret);
  }

  /** As `Dumper.any`. */
  any(message: PlainMessage, isSecret = false): JsonValue {
    return this.#dumper().any(message, isSecret);
  }

  #dumper(): Dumper {
    const last = this.#last?.deref();
    if (last !== undefined) return last;
    const made = new Dumper(openRegistry());
    this.#last = new WeakRef(made);
    return made;
  }
}

/** `dumpJson(message)` for one registry: the JSON of a plain message, secrets redacted. */
export function makeDumpJson(
  registry: Registry,
): (message: { readonly $typeName: string }) => JsonValue {
  const dumper = new Dumper(registry);
  return (message) => dumper.message(message as PlainMessage);
}
