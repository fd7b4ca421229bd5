/** A message with nothing set, as a plain object: what decoding starts from. */

import type { FieldDescriptor, MessageDescriptor, ScalarType } from "./descriptors.ts";

/** A message's fields by their names in code. */
export type MessageObject = { readonly $typeName: string; [field: string]: unknown };

/** Lists and maps are there and empty, scalars are zero, all that has presence is left out. */
export function emptyMessage(type: MessageDescriptor): MessageObject {
  const message: MessageObject = { $typeName: type.typeName };
  for (const field of type.fields) {
    if (field.oneof !== undefined) message[field.oneof.localName] = { case: undefined };
    else if (!field.hasPresence) message[field.localName] = emptyValue(field);
  }
  return message;
}

function emptyValue(field: FieldDescriptor): unknown {
  switch (field.fieldKind) {
    case "list":
      return [];
    case "map":
      return {};
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
