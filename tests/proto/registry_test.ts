// The reader of descriptors against the protobuf runtime, over every type of the set: all that is
// asked of a descriptor is asked of both.
import {
  create,
  type DescExtension,
  type DescField,
  type DescMessage,
  getOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { loadFileRegistry } from "../../src/proto/file_registry.ts";
import {
  emptyMessage,
  type FieldDescriptor,
  loadRegistry,
  type MessageDescriptor,
} from "../../src/proto/registry.ts";
import { assertEquals, assertOk } from "../support/assert.ts";

const registry = await loadRegistry();
const twin = loadFileRegistry();
const TYPES: readonly DescMessage[] = [...twin].filter((type) => type.kind === "message");

const option = getOption as unknown as (desc: unknown, extension: DescExtension) => unknown;
const extension = (name: string): DescExtension => twin.getExtension(name)!;

function scalarName(type: ScalarType | undefined): string | undefined {
  return type === undefined ? undefined : ScalarType[type].toLowerCase();
}

/** Plain own properties only: what the runtime keeps on prototypes was not written. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const isUnsetOneof = typeof item === "object" && item !== null && "case" in item &&
      item.case === undefined;
    const isUnsetList = Array.isArray(item) && item.length === 0;
    if (key !== "$typeName" && key !== "$unknown" && !isUnsetOneof && !isUnsetList) {
      out[key] = plain(item);
    }
  }
  return out;
}

function ours(field: FieldDescriptor): unknown {
  return {
    name: field.name,
    localName: field.localName,
    jsonName: field.localName,
    number: field.number,
    kind: field.fieldKind,
    scalar: field.scalar,
    message: field.message?.typeName,
    messageName: field.messageName,
    enum: field.enum?.typeName,
    values: field.enum?.values,
    valuesByNumber: field.enum?.values.map(({ number }) => field.enum!.numbered(number)?.name),
    oneof: field.oneof?.localName,
    hasPresence: field.hasPresence,
    isDeprecated: field.isDeprecated,
    isDisallowed: field.isDisallowed,
    isSensitive: field.isSensitive,
    rules: plain(field.rules()),
  };
}

function theirs(field: DescField): unknown {
  const isWritten = field.proto.options !== undefined;
  const rules = isWritten ? option(field, extension("validate.rules")) : undefined;
  const hasRules = rules !== undefined &&
    field.proto.options?.$unknown?.some((unknown) => unknown.no === 1071);
  return {
    name: field.name,
    localName: field.localName,
    jsonName: field.jsonName,
    number: field.number,
    kind: field.fieldKind,
    scalar: scalarName(field.scalar),
    message: field.message?.typeName,
    messageName: field.message?.typeName,
    enum: field.enum?.typeName,
    values: field.enum?.values.map((value) => ({
      name: value.name,
      number: value.number,
      isDeprecated: value.deprecated,
      isDisallowed:
        option(value, extension("envoy.annotations.disallowed_by_default_enum")) === true,
    })),
    valuesByNumber: field.enum?.values.map(({ number }) => field.enum!.value[number]?.name),
    oneof: field.oneof?.localName,
    hasPresence: field.presence !== 2,
    isDeprecated: field.deprecated,
    isDisallowed: option(field, extension("envoy.annotations.disallowed_by_default")) === true,
    isSensitive: option(field, extension("udpa.annotations.sensitive")) === true,
    rules: hasRules ? plain(rules) : undefined,
  };
}

function found(typeName: string): MessageDescriptor {
  const type = registry.getMessage(typeName);
  assertOk(type !== undefined, typeName);
  return type;
}

Deno.test("every message of the set is found, and no other", () => {
  assertEquals(
    [...registry.messages()].map((type) => type.typeName).sort(),
    TYPES.map((type) => type.typeName).sort(),
  );
});

Deno.test("fields, enums and options are as the protobuf runtime reads them", () => {
  for (const type of TYPES) {
    assertEquals(found(type.typeName).fields.map(ours), type.fields.map(theirs), type.typeName);
  }
});

Deno.test("oneofs and unchecked messages are as the protobuf runtime reads them", () => {
  for (const type of TYPES) {
    const { oneofs, isUnchecked } = found(type.typeName);
    assertEquals(
      oneofs.map(({ name, localName, isRequired, fields }) => [
        name,
        localName,
        isRequired,
        fields.map((field) => field.name),
      ]),
      type.oneofs.map((oneof) => [
        oneof.name,
        oneof.localName,
        option(oneof, extension("validate.required")) === true,
        oneof.fields.map((field) => field.name),
      ]),
    );
    const isOff = option(type, extension("validate.disabled")) === true ||
      option(type, extension("validate.ignored")) === true;
    assertEquals(isUnchecked, isOff, type.typeName);
  }
});

Deno.test("an empty message is as the protobuf runtime makes it", () => {
  for (const type of TYPES) {
    const made = emptyMessage(found(type.typeName));
    assertEquals(made, { ...create(type) as object }, type.typeName);
  }
});

const ABSENT = ["", "Cluster", "envoy.config.cluster.v3", "envoy.config.cluster.v3.Clutser", "a.B"];
for (const name of ABSENT) {
  Deno.test(`there is no message named "${name}"`, () => {
    assertEquals(registry.getMessage(name), undefined);
  });
}

Deno.test("a message may hold a map of itself", () => {
  const { fields } = found("google.protobuf.Struct");
  assertEquals([fields[0]?.fieldKind, fields[0]?.message?.typeName], [
    "map",
    "google.protobuf.Value",
  ]);
});
