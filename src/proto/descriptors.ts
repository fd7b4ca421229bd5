/**
 * Envoy's API as `config/` reads it: messages, fields and enums with the options that matter there.
 * Each is parsed when it is first asked for, as a configuration uses a few dozen of a thousand.
 * Field numbers are those of google/protobuf/descriptor.proto.
 */

import { decodeOption } from "./option_message.ts";
import type { WireReader } from "./wire_reader.ts";

/** Protobuf's scalar types by their number in a descriptor; messages, groups and enums are none. */
const SCALARS = [
  undefined,
  "double",
  "float",
  "int64",
  "uint64",
  "int32",
  "fixed64",
  "fixed32",
  "bool",
  "string",
  undefined,
  undefined,
  "bytes",
  "uint32",
  undefined,
  "sfixed32",
  "sfixed64",
  "sint32",
  "sint64",
] as const;

/** A scalar type by its name in a .proto file. */
export type ScalarType = NonNullable<(typeof SCALARS)[number]>;

const MESSAGE = 11;
const ENUM = 14;
const REPEATED = 3;

// Extension numbers of options: validate/validate.proto, udpa/annotations/sensitive.proto and
// envoy/annotations/deprecation.proto.
const VALIDATE_RULES = 1071;
const VALIDATE_REQUIRED = 1071;
const VALIDATE_DISABLED = 1071;
const VALIDATE_IGNORED = 1072;
const SENSITIVE = 76569463;
const DISALLOWED_FIELD = 189503207;
const DISALLOWED_ENUM_VALUE = 70100853;
const DEPRECATED_FIELD = 3;
const DEPRECATED_ENUM_VALUE = 1;
const MAP_ENTRY = 7;

/** Where the types that fields name are found; a name without a type is our bug, and throws. */
export interface TypeSource {
  messageNamed(typeName: string): MessageDescriptor;
  enumNamed(typeName: string): EnumDescriptor;
}

/** Whether a bool option is true. */
function isOn(options: WireReader | undefined, number: number): boolean {
  const reader = options?.fork();
  let value = false;
  for (let at = reader?.next(); at !== undefined && at !== 0; at = reader!.next()) {
    if (at === number) value = reader!.uint32() !== 0;
    else reader!.skip();
  }
  return value;
}

/** One value of an enum. */
export interface EnumValue {
  readonly name: string;
  readonly number: number;
  readonly isDeprecated: boolean;
  /** Whether Envoy refuses it unless a runtime key allows it. */
  readonly isDisallowed: boolean;
}

/** An enum. */
export class EnumDescriptor {
  readonly typeName: string;
  readonly #definition: WireReader;
  #values: readonly EnumValue[] | undefined;
  #byNumber: ReadonlyMap<number, EnumValue> | undefined;

  constructor(typeName: string, definition: WireReader) {
    this.typeName = typeName;
    this.#definition = definition;
  }

  get values(): readonly EnumValue[] {
    return this.#values ??= readEnumValues(this.#definition.fork());
  }

  /** The value of a number; of aliases the first. */
  numbered(number: number): EnumValue | undefined {
    this.#byNumber ??= new Map(this.values.toReversed().map((value) => [value.number, value]));
    return this.#byNumber.get(number);
  }
}

function readEnumValues(definition: WireReader): readonly EnumValue[] {
  const values: EnumValue[] = [];
  for (let at = definition.next(); at !== 0; at = definition.next()) {
    if (at === 2) values.push(readEnumValue(definition.message()));
    else definition.skip();
  }
  return values;
}

function readEnumValue(reader: WireReader): EnumValue {
  let name = "";
  let number = 0;
  let options: WireReader | undefined;
  for (let at = reader.next(); at !== 0; at = reader.next()) {
    if (at === 1) name = reader.string();
    else if (at === 2) number = reader.uint32() | 0;
    else if (at === 3) options = reader.message();
    else reader.skip();
  }
  return {
    name,
    number,
    isDeprecated: isOn(options, DEPRECATED_ENUM_VALUE),
    isDisallowed: isOn(options, DISALLOWED_ENUM_VALUE),
  };
}

/** A oneof that is written in the .proto file, so not the one behind an `optional` field. */
export interface OneofDescriptor {
  readonly name: string;
  readonly localName: string;
  /** Whether protoc-gen-validate wants one of its fields to be set. */
  readonly isRequired: boolean;
  readonly fields: readonly FieldDescriptor[];
}

/** A message type. */
export class MessageDescriptor {
  readonly typeName: string;
  readonly #set: TypeSource;
  readonly #definition: WireReader;
  readonly #isProto3: boolean;
  #parts: MessageParts | undefined;
  #byNumber: ReadonlyMap<number, FieldDescriptor> | undefined;
  #messageFields: readonly FieldDescriptor[] | undefined;

  constructor(
    typeName: string,
    from: { readonly set: TypeSource; readonly isProto3: boolean; readonly at: WireReader },
  ) {
    this.typeName = typeName;
    this.#set = from.set;
    this.#definition = from.at;
    this.#isProto3 = from.isProto3;
  }

  /** In the order of the .proto file. */
  get fields(): readonly FieldDescriptor[] {
    return this.#read().fields;
  }

  /** The fields that hold messages; a Struct is held as JSON, whose keys are the operator's. */
  get messageFields(): readonly FieldDescriptor[] {
    return this.#messageFields ??= this.fields.filter(({ messageName }) =>
      messageName !== undefined && messageName !== "google.protobuf.Struct"
    );
  }

  get oneofs(): readonly OneofDescriptor[] {
    return this.#read().oneofs;
  }

  /** Whether the message is the key and value of a map field. */
  get isMapEntry(): boolean {
    return isOn(this.#read().options, MAP_ENTRY);
  }

  /** Whether protoc-gen-validate has no checks for it and what is below. */
  get isUnchecked(): boolean {
    const { options } = this.#read();
    return isOn(options, VALIDATE_DISABLED) || isOn(options, VALIDATE_IGNORED);
  }

  numbered(number: number): FieldDescriptor | undefined {
    this.#byNumber ??= new Map(this.fields.map((field) => [field.number, field]));
    return this.#byNumber.get(number);
  }

  #read(): MessageParts {
    return this.#parts ??= readMessage(this.#definition.fork(), this.#set, this.#isProto3);
  }
}

interface MessageParts {
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly options: WireReader | undefined;
}

interface OneofInMaking extends OneofDescriptor {
  readonly fields: FieldDescriptor[];
}

function readMessage(
  definition: WireReader,
  set: TypeSource,
  isProto3: boolean,
): MessageParts {
  const raws: RawField[] = [];
  const declared: OneofInMaking[] = [];
  let options: WireReader | undefined;
  for (let at = definition.next(); at !== 0; at = definition.next()) {
    if (at === 2) raws.push(readField(definition.message()));
    else if (at === 8) declared.push(readOneof(definition.message()));
    else if (at === 7) options = definition.message();
    else definition.skip();
  }
  const fields = raws.map((raw) => {
    const oneof = raw.isOptional || raw.oneofIndex < 0 ? undefined : declared[raw.oneofIndex]!;
    const field = new FieldDescriptor(raw, { set, isProto3, oneof });
    oneof?.fields.push(field);
    return field;
  });
  return { fields, oneofs: declared.filter((oneof) => oneof.fields.length > 0), options };
}

function readOneof(reader: WireReader): OneofInMaking {
  let name = "";
  let options: WireReader | undefined;
  for (let at = reader.next(); at !== 0; at = reader.next()) {
    if (at === 1) name = reader.string();
    else if (at === 2) options = reader.message();
    else reader.skip();
  }
  const isRequired = isOn(options, VALIDATE_REQUIRED);
  return { name, localName: camelCase(name), isRequired, fields: [] };
}

/** A google.protobuf.FieldDescriptorProto. */
interface RawField {
  name: string;
  number: number;
  isRepeated: boolean;
  type: number;
  /** With a leading dot. */
  typeName: string;
  /** -1 outside of oneofs. */
  oneofIndex: number;
  isOptional: boolean;
  options: WireReader | undefined;
}

function readField(reader: WireReader): RawField {
  const raw: RawField = {
    name: "",
    number: 0,
    isRepeated: false,
    type: 0,
    typeName: "",
    oneofIndex: -1,
    isOptional: false,
    options: undefined,
  };
  for (let at = reader.next(); at !== 0; at = reader.next()) {
    if (at === 1) raw.name = reader.string();
    else if (at === 3) raw.number = reader.uint32();
    else if (at === 4) raw.isRepeated = reader.uint32() === REPEATED;
    else if (at === 5) raw.type = reader.uint32();
    else if (at === 6) raw.typeName = reader.string();
    else if (at === 8) raw.options = reader.message();
    else if (at === 9) raw.oneofIndex = reader.uint32();
    else if (at === 17) raw.isOptional = reader.uint32() !== 0;
    else reader.skip();
  }
  return raw;
}

/** `lb_policy` → `lbPolicy`, as protobuf makes JSON names. */
function camelCase(name: string): string {
  return name.replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** How a field holds its value. */
export type FieldKind = "scalar" | "enum" | "message" | "list" | "map";

/** A field; of lists and maps, `scalar`, `message` and `enum` tell the type of an item. */
export class FieldDescriptor {
  /** As in `lb_policy`. */
  readonly name: string;
  /** As in `lbPolicy`: the name in JSON and in code. */
  readonly localName: string;
  readonly number: number;
  readonly oneof: OneofDescriptor | undefined;
  /** Whether being set to the default differs from being left out. */
  readonly hasPresence: boolean;
  readonly #raw: RawField;
  readonly #set: TypeSource;
  #resolved: ResolvedField | undefined;

  constructor(
    raw: RawField,
    of: {
      readonly set: TypeSource;
      readonly isProto3: boolean;
      readonly oneof: OneofDescriptor | undefined;
    },
  ) {
    this.#raw = raw;
    this.#set = of.set;
    this.name = raw.name;
    this.localName = camelCase(raw.name);
    this.number = raw.number;
    this.oneof = of.oneof;
    this.hasPresence = !raw.isRepeated &&
      (raw.isOptional || !of.isProto3 || of.oneof !== undefined || raw.type === MESSAGE);
  }

  get fieldKind(): FieldKind {
    return this.#resolve().kind;
  }

  get scalar(): ScalarType | undefined {
    return SCALARS[this.#resolve().item.type];
  }

  get message(): MessageDescriptor | undefined {
    const name = this.messageName;
    return name === undefined ? undefined : this.#set.messageNamed(name);
  }

  /** The name of `message`, whose package stays unread. */
  get messageName(): string | undefined {
    return this.#resolve().messageName;
  }

  get enum(): EnumDescriptor | undefined {
    const { type, typeName } = this.#resolve().item;
    return type === ENUM ? this.#set.enumNamed(typeName.slice(1)) : undefined;
  }

  get isDeprecated(): boolean {
    return isOn(this.#raw.options, DEPRECATED_FIELD);
  }

  /** Whether Envoy refuses it unless a runtime key allows it. */
  get isDisallowed(): boolean {
    return isOn(this.#raw.options, DISALLOWED_FIELD);
  }

  /** Whether dumps must not show it. */
  get isSensitive(): boolean {
    return isOn(this.#raw.options, SENSITIVE);
  }

  /** The validate.FieldRules written at the field, read by name. */
  rules(): Readonly<Record<string, unknown>> | undefined {
    const { options } = this.#raw;
    if (options === undefined) return undefined;
    return decodeOption(options.fork(), VALIDATE_RULES, () => {
      return this.#set.messageNamed("validate.FieldRules");
    });
  }

  /** Late, as a message may hold a map of itself. */
  #resolve(): ResolvedField {
    if (this.#resolved !== undefined) return this.#resolved;
    const value = this.#mapValue();
    const item = value ?? this.#raw;
    return this.#resolved = {
      kind: value === undefined ? kindOf(this.#raw) : "map",
      item,
      messageName: item.type === MESSAGE ? item.typeName.slice(1) : undefined,
    };
  }

  /** protoc names the message of a map's entries after the field, with this ending. */
  #mapValue(): RawField | undefined {
    const { isRepeated, type, typeName } = this.#raw;
    if (!isRepeated || type !== MESSAGE || !typeName.endsWith("Entry")) return undefined;
    const entry = this.#set.messageNamed(typeName.slice(1));
    return entry.isMapEntry ? entry.numbered(2)!.#raw : undefined;
  }
}

interface ResolvedField {
  readonly kind: FieldKind;
  /** The field itself, or the value of its map. */
  readonly item: RawField;
  readonly messageName: string | undefined;
}

function kindOf(raw: RawField): FieldKind {
  if (raw.isRepeated) return "list";
  if (raw.type === MESSAGE) return "message";
  return raw.type === ENUM ? "enum" : "scalar";
}
