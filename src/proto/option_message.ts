/**
 * Decodes an option that is a message (validate.FieldRules), by its descriptor: what is written
 * becomes a property of the field's name in code, a oneof `{ case, value }`. Options have no maps.
 */

import type { FieldDescriptor, MessageDescriptor, ScalarType } from "./descriptors.ts";
import { emptyMessage } from "./empty_message.ts";
import { BYTES, WireReader } from "./wire_reader.ts";

type Decoded = Record<string, unknown>;

/** The option of this number among `options`, its parts merged where it is written in several. */
export function decodeOption(
  options: WireReader,
  number: number,
  type: () => MessageDescriptor,
): Decoded | undefined {
  let decoded: Decoded | undefined;
  for (let at = options.next(); at !== 0; at = options.next()) {
    if (at === number) decodeInto(decoded ??= {}, options.message(), type());
    else options.skip();
  }
  return decoded;
}

function decodeInto(target: Decoded, reader: WireReader, type: MessageDescriptor): void {
  for (let at = reader.next(); at !== 0; at = reader.next()) {
    const field = type.numbered(at);
    if (field === undefined) reader.skip();
    else if (field.fieldKind === "list") readList(target, reader, field);
    else if (field.oneof === undefined) {
      target[field.localName] = readValue(reader, field, target[field.localName]);
    } else {
      const before = target[field.oneof.localName] as { case: string; value: unknown } | undefined;
      const known = before?.case === field.localName ? before.value : undefined;
      const value = readValue(reader, field, known);
      target[field.oneof.localName] = { case: field.localName, value };
    }
  }
}

function readList(target: Decoded, reader: WireReader, field: FieldDescriptor): void {
  let items = target[field.localName] as unknown[] | undefined;
  // The empty list of a new message is shared.
  if (items === undefined || items.length === 0) target[field.localName] = items = [];
  const isPackable = field.message === undefined && field.scalar !== "string" &&
    field.scalar !== "bytes";
  if (!isPackable || reader.wireType !== BYTES) {
    items.push(readValue(reader, field, undefined));
    return;
  }
  for (const packed = new WireReader(reader.bytes()); !packed.isAtEnd;) {
    items.push(readValue(packed, field, undefined));
  }
}

/** @param before What a message's later part is merged into. */
function readValue(reader: WireReader, field: FieldDescriptor, before: unknown): unknown {
  const { message } = field;
  if (message !== undefined) {
    const value = (before ?? emptyMessage(message)) as Decoded;
    decodeInto(value, reader.message(), message);
    return value;
  }
  return field.scalar === undefined ? reader.uint32() | 0 : readScalar(reader, field.scalar);
}

function readScalar(reader: WireReader, type: ScalarType): unknown {
  switch (type) {
    case "string":
      return reader.string();
    case "bytes":
      return reader.bytes().slice();
    case "bool":
      return reader.uint32() !== 0;
    case "int32":
      return reader.uint32() | 0;
    case "uint32":
      return reader.uint32();
    case "sint32": {
      const value = reader.uint32();
      return (value >>> 1) ^ -(value & 1);
    }
    case "int64":
      return BigInt.asIntN(64, reader.uint64());
    case "uint64":
      return reader.uint64();
    case "sint64": {
      const value = reader.uint64();
      return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    case "fixed32":
      return reader.fixed(4).getUint32(0, true);
    case "sfixed32":
      return reader.fixed(4).getInt32(0, true);
    case "fixed64":
      return reader.fixed(8).getBigUint64(0, true);
    case "sfixed64":
      return reader.fixed(8).getBigInt64(0, true);
    case "float":
      return reader.fixed(4).getFloat32(0, true);
    case "double":
      return reader.fixed(8).getFloat64(0, true);
  }
}
