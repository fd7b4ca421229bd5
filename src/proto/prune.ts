/**
 * Cuts a descriptor set down to the messages, enums and services that a list of roots reaches.
 * Used by `gen_proto.ts` only.
 */

import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescMessage,
  type FileRegistry,
  type UnknownField,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

/** Files that define the options which survive. */
const OPTION_FILES: readonly string[] = [
  "validate/validate.proto",
  "udpa/annotations/sensitive.proto",
  "envoy/annotations/deprecation.proto",
  "google/protobuf/descriptor.proto",
  "google/protobuf/duration.proto",
  "google/protobuf/timestamp.proto",
];
const OPTION_PACKAGES =
  /^(validate\/|google\/protobuf\/descriptor|udpa\/annotations|envoy\/annotations)/;
/**
 * Extension numbers of the options that `config/` reads: validate.rules and validate.required,
 * udpa.annotations.sensitive, and envoy.annotations' four marks of deprecation.
 */
const KEPT_OPTIONS: ReadonlySet<number> = new Set([
  1071,
  1072,
  76569463,
  189503207,
  157299826,
  70100853,
  181198657,
]);

interface Reached {
  /** Full names of messages, enums and services. */
  readonly types: Set<string>;
  readonly files: Set<string>;
}

function reach(registry: FileRegistry, roots: readonly string[]): Reached {
  const reached: Reached = { types: new Set(), files: new Set(OPTION_FILES) };
  const visitEnum = (type: DescEnum): void => {
    reached.types.add(type.typeName);
    reached.files.add(type.file.proto.name);
  };
  const visit = (type: DescMessage): void => {
    if (reached.types.has(type.typeName)) return;
    reached.types.add(type.typeName);
    reached.files.add(type.file.proto.name);
    for (const field of type.fields) {
      if (field.message !== undefined) visit(field.message);
      if (field.enum !== undefined) visitEnum(field.enum);
    }
  };
  for (const root of roots) {
    const message = registry.getMessage(root);
    const service = registry.getService(root);
    if (message !== undefined) visit(message);
    else if (service !== undefined) {
      reached.types.add(service.typeName);
      reached.files.add(service.file.proto.name);
      for (const method of service.methods) {
        visit(method.input);
        visit(method.output);
      }
    } else throw new RangeError(`No such type among the descriptors: ${root}`);
  }
  return reached;
}

function stripOptions(
  options: { $unknown?: UnknownField[] | undefined } | undefined,
): void {
  if (options?.$unknown === undefined) return;
  options.$unknown = options.$unknown.filter((unknown) => KEPT_OPTIONS.has(unknown.no));
  if (options.$unknown.length === 0) delete options.$unknown;
}

function stripEnum(type: EnumDescriptorProto): void {
  stripOptions(type.options);
  for (const value of type.value) stripOptions(value.options);
}

/** Whether anything of `message` stays. */
function pruneMessage(
  parent: string,
  message: DescriptorProto,
  types: ReadonlySet<string>,
): boolean {
  const name = `${parent}.${message.name}`;
  message.nestedType = message.nestedType.filter((nested) => pruneMessage(name, nested, types));
  message.enumType = message.enumType.filter((nested) => types.has(`${name}.${nested.name}`));
  message.reservedRange = [];
  message.reservedName = [];
  const isKept = types.has(name) || (message.options?.mapEntry === true && types.has(parent));
  if (!isKept) {
    if (message.nestedType.length === 0 && message.enumType.length === 0) return false;
    message.field = [];
    message.oneofDecl = [];
  }
  stripOptions(message.options);
  for (const field of message.field) stripOptions(field.options);
  for (const oneof of message.oneofDecl) stripOptions(oneof.options);
  message.enumType.forEach(stripEnum);
  return true;
}

function pruneFile(file: FileDescriptorProto, types: ReadonlySet<string>): void {
  delete file.sourceCodeInfo;
  delete file.options;
  if (OPTION_PACKAGES.test(file.name)) return;
  file.messageType = file.messageType.filter((type) => pruneMessage(file.package, type, types));
  file.enumType = file.enumType.filter((type) => types.has(`${file.package}.${type.name}`));
  file.enumType.forEach(stripEnum);
  file.service = file.service.filter((service) => types.has(`${file.package}.${service.name}`));
  for (const service of file.service) {
    delete service.options;
    for (const method of service.method) delete method.options;
  }
}

/** The kept files that `file` needs: imports, and public imports behind dropped ones. */
function dependenciesOf(
  file: FileDescriptorProto,
  byName: ReadonlyMap<string, FileDescriptorProto>,
  files: ReadonlySet<string>,
): string[] {
  const kept = new Set<string>();
  const seen = new Set<string>();
  const stack = [...file.dependency].reverse();
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (files.has(name)) kept.add(name);
    const imported = byName.get(name);
    for (const i of imported?.publicDependency ?? []) stack.push(imported!.dependency[i]!);
  }
  return [...kept];
}

/** A set with only what `roots` reach; `set` itself is used up. */
export function prune(set: FileDescriptorSet, roots: readonly string[]): FileDescriptorSet {
  const { types, files } = reach(createFileRegistry(set), roots);
  const byName = new Map(set.file.map((file) => [file.name, file]));
  const dependencies = new Map(
    set.file.map((file) => [file.name, dependenciesOf(file, byName, files)]),
  );
  const kept = set.file.filter((file) => files.has(file.name));
  for (const file of kept) {
    pruneFile(file, types);
    file.dependency = dependencies.get(file.name)!;
    file.publicDependency = [];
    file.weakDependency = [];
  }
  return create(FileDescriptorSetSchema, { file: kept });
}
