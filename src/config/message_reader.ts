/**
 * Tree → messages, driven by the descriptors, in one pass: every fault is reported where it stands,
 * every message and field remembers its place, every google.protobuf.Any becomes the message in it.
 */

import { readAny } from "./any_value.ts";
import { type FieldNames, nearest } from "./field_names.ts";
import { legacyHint } from "./legacy_fields.ts";
import type { Origin, Origins } from "./origins.ts";
import { fieldPlace, itemPlace, type Place } from "./place.ts";
import type { ProblemList } from "./problem_list.ts";
import { readEnum, type Reading, readScalar, showNode } from "./scalar_values.ts";
import type { SourceText } from "./source_text.ts";
import type { ConfigNode, MapEntry, MapNode } from "./tree.ts";
import {
  type PlainMessage,
  readDuration,
  readJson,
  readListValue,
  readStruct,
  readTimestamp,
  readValue,
  setOwn,
} from "./well_known_values.ts";
import {
  emptyMessage,
  type FieldDescriptor,
  type KnownTypes,
  type MessageDescriptor,
  type Registry,
  type ScalarType,
} from "../proto/registry.ts";

/** What a reader needs and fills. */
export interface ReadContext {
  readonly registry: Registry;
  readonly knownTypes: () => KnownTypes;
  readonly names: FieldNames;
  readonly problems: ProblemList;
  readonly origins: Origins;
  readonly source: SourceText;
  /** An unknown field is worth a warning only, as Envoy has it in what discovery brings. */
  readonly allowsUnknownFields: boolean;
}

/** google.protobuf.UInt32Value and its like: a message around one scalar. */
export const WRAPPER = /^google\.protobuf\.(Double|Float|U?Int(?:32|64)|Bool|String|Bytes)Value$/;

/** One text's reader. */
export class MessageReader {
  readonly context: ReadContext;

  constructor(context: ReadContext) {
    this.context = context;
  }

  /** Reports a fault at a node; returns undefined, so that callers can return it. */
  refuse(node: ConfigNode, place: Place | undefined, message: string, hint?: string): undefined {
    const { problems, source } = this.context;
    problems.add("error", { source, offset: node.offset, place }, message, hint);
    return undefined;
  }

  /** A message of any type, well-known ones included. */
  message(
    node: ConfigNode,
    type: MessageDescriptor,
    place: Place | undefined,
  ): PlainMessage | undefined {
    const name = type.typeName;
    if (name.startsWith("google.protobuf.")) {
      if (name === "google.protobuf.Any") return readAny(this, node, place);
      // As a map (`{ seconds: 1 }`) a duration is read like any message.
      if (node.kind !== "map") {
        if (name === "google.protobuf.Duration") return this.#take(node, place, readDuration(node));
        if (name === "google.protobuf.Timestamp") {
          return this.#take(node, place, readTimestamp(node));
        }
      }
      if (name === "google.protobuf.Value") return readValue(node);
      if (name === "google.protobuf.Struct" && node.kind === "map") return readStruct(node);
      if (name === "google.protobuf.ListValue" && node.kind === "list") return readListValue(node);
      if (WRAPPER.test(name) && node.kind !== "map") return this.#wrapper(node, type, place);
    }
    if (node.kind === "map") return this.fields(node, type, place);
    return this.refuse(node, place, `expected ${name} (a map), found ${showNode(node)}`);
  }

  #take<T>(node: ConfigNode, place: Place | undefined, reading: Reading<T>): T | undefined {
    if (reading.value !== undefined) return reading.value;
    const { message, hint } = reading as { readonly message: string; readonly hint?: string };
    return this.refuse(node, place, message, hint);
  }

  #wrapper(
    node: ConfigNode,
    type: MessageDescriptor,
    place: Place | undefined,
  ): PlainMessage | undefined {
    const value = this.#scalar(node, type.fields[0]!.scalar!, place);
    return value === undefined ? undefined : { $typeName: type.typeName, value };
  }

  #scalar(node: ConfigNode, type: ScalarType, place: Place | undefined): unknown {
    return this.#take(node, place, readScalar(node, type));
  }

  /** A message from a map's entries, but for the one named `skipped`. */
  fields(
    node: MapNode,
    type: MessageDescriptor,
    place: Place | undefined,
    skipped?: string,
  ): PlainMessage {
    const message = emptyMessage(type);
    const origin: Origin = {
      source: this.context.source,
      offset: node.offset,
      place,
      fields: [],
      refused: undefined,
    };
    this.context.origins.set(message, origin);
    for (const entry of node.entries) {
      if (entry.key.text !== skipped) this.#field(entry, type, { message, origin });
    }
    return message;
  }

  #field(
    entry: MapEntry,
    type: MessageDescriptor,
    to: { readonly message: PlainMessage; readonly origin: Origin },
  ): void {
    const { key, value: node } = entry;
    const { message, origin } = to;
    const name = key.text;
    const place = fieldPlace(origin.place, name);
    const field = this.context.names.field(type, name);
    if (field === undefined) {
      this.#unknownField(entry, type, place);
      return;
    }
    const source = this.context.source;
    origin.fields.push({ name: field.name, source, node, keyOffset: key.offset });
    if (node.kind === "scalar" && node.value === null && !acceptsNull(field)) return;
    const slot = field.oneof === undefined ? undefined : field.oneof.localName;
    if (slot !== undefined) {
      const current = message[slot] as { case?: string };
      if (current.case !== undefined && current.case !== field.localName) {
        this.refuse(
          key,
          place,
          `only one of "${field.oneof!.name}" may be set`,
          `beside it: "${current.case}"`,
        );
        return;
      }
    }
    const value = this.#value(node, field, place);
    if (value === undefined) {
      const refused = origin.refused ??= new Set();
      refused.add(field.name);
      if (slot !== undefined) refused.add(field.oneof!.name);
    } else if (slot !== undefined) message[slot] = { case: field.localName, value };
    else message[field.localName] = value;
  }

  #unknownField(entry: MapEntry, type: MessageDescriptor, place: Place): void {
    const name = entry.key.text;
    let hint = this.context.problems.hasRoom ? legacyHint(type.typeName, name) : undefined;
    if (hint === undefined && this.context.problems.hasRoom) {
      const close = nearest(name, type.fields.map((field) => field.name));
      if (close !== undefined) hint = `did you mean "${close}"?`;
    }
    if (this.context.allowsUnknownFields) {
      const { problems, source } = this.context;
      const at = { source, offset: entry.key.offset, place };
      problems.add("warning", at, `unknown field "${name}" in ${type.typeName} is ignored`, hint);
      return;
    }
    this.refuse(entry.key, place, `unknown field "${name}" in ${type.typeName}`, hint);
  }

  #value(node: ConfigNode, field: FieldDescriptor, place: Place): unknown {
    switch (field.fieldKind) {
      case "message":
        return this.#element(node, field, place);
      case "enum":
        return this.#take(node, place, readEnum(node, field.enum!, this.context.names));
      case "scalar":
        return this.#scalar(node, field.scalar!, place);
      case "list":
        return this.#list(node, field, place);
      case "map":
        return this.#map(node, field, place);
    }
  }

  #list(list: ConfigNode, field: FieldDescriptor, place: Place): unknown[] {
    // Envoy takes a single value for a list of one.
    const items = list.kind === "list" ? list.items : [list];
    const out: unknown[] = [];
    for (const [i, item] of items.entries()) {
      const isNull = item.kind === "scalar" && item.value === null && !acceptsNull(field);
      // Envoy's reader makes an empty message of a null item, and nothing of any other.
      if (isNull && field.message === undefined) continue;
      const node: ConfigNode = isNull ? { kind: "map", offset: item.offset, entries: [] } : item;
      const value = this.#element(node, field, itemPlace(place, i));
      if (value !== undefined) out.push(value);
    }
    return out;
  }

  #map(node: ConfigNode, field: FieldDescriptor, place: Place): unknown {
    if (node.kind !== "map") {
      return this.refuse(node, place, `expected a map, found ${showNode(node)}`);
    }
    const out: Record<string, unknown> = {};
    for (const { key, value } of node.entries) {
      const read = this.#element(value, field, itemPlace(place, key.text));
      if (read !== undefined) setOwn(out, key.text, read);
    }
    return out;
  }

  /** A singular value, a list item or a map value. */
  #element(node: ConfigNode, field: FieldDescriptor, place: Place): unknown {
    if (field.enum !== undefined) {
      return this.#take(node, place, readEnum(node, field.enum, this.context.names));
    }
    if (field.message === undefined) return this.#scalar(node, field.scalar!, place);
    const name = field.message.typeName;
    // The runtime holds every Struct as a JSON object, and wrappers outside a oneof as scalars.
    if (name === "google.protobuf.Struct" && node.kind === "map") return readJson(node);
    if (field.fieldKind === "message" && field.oneof === undefined && WRAPPER.test(name)) {
      if (node.kind !== "map") return this.#scalar(node, field.message.fields[0]!.scalar!, place);
      return this.fields(node, field.message, place)["value"];
    }
    return this.message(node, field.message, place);
  }
}

/** For every other field, null is the same as leaving it out. */
function acceptsNull(field: FieldDescriptor): boolean {
  return field.message?.typeName === "google.protobuf.Value" ||
    field.enum?.typeName === "google.protobuf.NullValue";
}
