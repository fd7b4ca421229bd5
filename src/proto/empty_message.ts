/** A message with nothing set, as a plain object: what decoding starts from. */

import type { FieldDescriptor, MessageDescriptor, ScalarType } from "./descriptors.ts";

/** A message's fields by their names in code. */
export type MessageObject = { readonly $typeName: string; [field: string]: unknown };

/** What a message of a type begins as; its empty lists, maps and oneofs are shared by all of them. */
const TEMPLATES = new WeakMap<MessageDescriptor, MessageObject>();
const NO_ITEMS: readonly unknown[] = Object.freeze([]);
const NO_ENTRIES = Object.freeze({});
const NO_CASE = Object.freeze({ case: undefined });

/**
 * Lists and maps are there and empty, scalars are zero, all that has presence is left out. Who fills
 * a field puts a value of its own there: what is empty is frozen.
 */
export function emptyMessage(type: MessageDescriptor): MessageObject {
  let template = TEMPLATES.get(type);
  if (template === undefined) TEMPLATES.set(type, template = createTemplate(type));
  return { ...template };
}

function createTemplate(type: MessageDescriptor): MessageObject {
  const message: MessageObject = { $typeName: type.typeName };
  for (const field of type.fields) {
    if (field.oneof !== undefined) message[field.oneof.localName] = NO_CASE;
    else if (!field.hasPresence) message[field.localName] = emptyValue(field);
  }
  return message;
}

function emptyValue(field: FieldDescriptor): unknown {
  switch (field.fieldKind) {
    case "list":
      return NO_ITEMS;
    case "map":
      return NO_ENTRIES;
    default:
      return field.scalar === undefined ? 0 : zeroOf(field.scalar);
  }
}

function zeroOf(type: ScalarType): string | boolean | number | bigint | Uint8Array {
  switch (type) {
    case "string":
      return "";
    case "bool":
      return false;
    case "bytes":
      return new Uint8Array();
    case "int64":
    case "uint64":
    case "fixed64":
    case "sfixed64":
    case "sint64":
      return 0n;
    default:
      return 0;
  }
}
