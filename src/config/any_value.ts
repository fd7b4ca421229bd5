/**
 * google.protobuf.Any and the TypedStructs: the message that is meant, found by its `@type`.
 */

import type { MessageDescriptor } from "../proto/registry.ts";
import { nearest } from "./field_names.ts";
import type { MessageReader } from "./message_reader.ts";
import { fieldPlace, type Place } from "./place.ts";
import { showNode } from "./scalar_values.ts";
import type { ConfigNode, MapNode } from "./tree.ts";
import { type PlainMessage, readJson } from "./well_known_values.ts";

const TYPED_STRUCTS: ReadonlySet<string> = new Set([
  "xds.type.v3.TypedStruct",
  "udpa.type.v1.TypedStruct",
]);
/** Well-known types whose packed form is `{"@type": …, "value": …}`. */
const VALUE_FORM =
  /^google\.protobuf\.(Duration|Timestamp|FieldMask|Struct|Value|ListValue|Any|(Bool|String|Bytes|Double|Float|U?Int(32|64))Value)$/;

function entryOf(node: MapNode, ...names: readonly string[]): ConfigNode | undefined {
  return node.entries.find((entry) => names.includes(entry.key.text))?.value;
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/**
 * The message an Any stands for. A type that only Envoy knows becomes a message without fields
 * that keeps its JSON (`json`), for `config/support` to report and for dumps to show.
 */
export function readAny(
  reader: MessageReader,
  node: ConfigNode,
  place: Place | undefined,
): PlainMessage | undefined {
  if (node.kind !== "map") {
    return reader.refuse(node, place, `expected a map with "@type", found ${showNode(node)}`);
  }
  const typeNode = entryOf(node, "@type");
  if (typeNode === undefined) {
    if (node.entries.length === 0) return opaque(reader, node, place, "google.protobuf.Any");
    return reader.refuse(
      node,
      place,
      `"@type" is missing`,
      `as in "@type": type.googleapis.com/envoy.extensions.…`,
    );
  }
  const url = typeNode.kind === "scalar" ? typeNode.text : "";
  const typePlace = fieldPlace(place, "@type");
  const type = findType(reader, { url, node: typeNode, place: typePlace });
  if (type === undefined) return undefined;
  if (typeof type === "string") return opaque(reader, node, place, type);
  if (TYPED_STRUCTS.has(type.typeName)) return readTypedStruct(reader, node, place);
  if (!VALUE_FORM.test(type.typeName)) return reader.fields(node, type, place, "@type");
  const value = entryOf(node, "value");
  if (value !== undefined) return reader.message(value, type, fieldPlace(place, "value"));
  return reader.fields({ ...node, entries: [] }, type, place);
}

function opaque(
  reader: MessageReader,
  node: MapNode,
  place: Place | undefined,
  typeName: string,
): PlainMessage {
  const entries = node.entries.filter((entry) => entry.key.text !== "@type");
  const message = { $typeName: typeName, json: readJson({ ...node, entries }) };
  reader.context.origins.set(message, {
    source: reader.context.source,
    offset: entryOf(node, "@type")?.offset ?? node.offset,
    place,
    fields: [],
    refused: undefined,
  });
  return message;
}

function readTypedStruct(
  reader: MessageReader,
  node: MapNode,
  place: Place | undefined,
): PlainMessage | undefined {
  for (const { key } of node.entries) {
    if (!["@type", "type_url", "typeUrl", "value"].includes(key.text)) {
      return reader.refuse(
        key,
        fieldPlace(place, key.text),
        `unknown field "${key.text}" in TypedStruct`,
      );
    }
  }
  const urlNode = entryOf(node, "type_url", "typeUrl");
  const url = urlNode?.kind === "scalar" ? urlNode.text : "";
  // For Envoy this is only a word until an extension is looked up by it; so it is here, and what
  // no extension has is reported where the extension is wanted.
  const type = reader.context.registry.getMessage(nameOf(url)) ?? nameOf(url);
  const value = entryOf(node, "value");
  const valuePlace = fieldPlace(place, "value");
  if (value !== undefined && value.kind !== "map") {
    return reader.refuse(value, valuePlace, `expected a map, found ${showNode(value)}`);
  }
  const map: MapNode = value ?? { kind: "map", offset: node.offset, entries: [] };
  if (typeof type === "string") return opaque(reader, map, valuePlace, type);
  return reader.fields(map, type, valuePlace);
}

/** The descriptor, or the name alone of a type that only Envoy knows; reports what neither knows. */
function findType(
  reader: MessageReader,
  at: { readonly url: string; readonly node: ConfigNode; readonly place: Place },
): MessageDescriptor | string | undefined {
  const { url, node, place } = at;
  const name = nameOf(url);
  const { registry, knownTypes } = reader.context;
  const type = registry.getMessage(name);
  if (!url.includes("/") && (type !== undefined || knownTypes().has(name))) {
    const hint = `write "type.googleapis.com/${name}"`;
    return reader.refuse(node, place, `"${url}" is not a type URL`, hint);
  }
  if (type !== undefined) return type;
  if (knownTypes().has(name)) return name;
  return reader.refuse(node, place, `unknown type "${url}"`, typeHint(reader, name));
}

function typeHint(reader: MessageReader, name: string): string | undefined {
  if (!reader.context.problems.hasRoom) return undefined;
  const known = reader.context.knownTypes();
  const successor = known.successorOf(name);
  if (successor !== undefined) return `in v3: "type.googleapis.com/${successor}"`;
  const short = name.slice(name.lastIndexOf(".") + 1);
  const all = [...known.names()];
  const same = all.filter((type) => type.endsWith(`.${short}`));
  const close = same.length === 1 ? same[0] : nearest(name, all) ?? same[0];
  return close === undefined ? undefined : `did you mean "type.googleapis.com/${close}"?`;
}
