/**
 * Envoy's API descriptors on the main thread. The set stays as bytes: a package is indexed when one
 * of its types is wanted, a type is parsed when its fields are. A whole parse costs 70 ms and 7 MiB,
 * what a common bootstrap touches 3 ms.
 */

import { EnumDescriptor, MessageDescriptor, type TypeSource } from "./descriptors.ts";
import { WireReader } from "./wire_reader.ts";

export type {
  EnumDescriptor,
  EnumValue,
  FieldDescriptor,
  FieldKind,
  MessageDescriptor,
  OneofDescriptor,
  ScalarType,
} from "./descriptors.ts";
export { type ExtensionInfo, type KnownTypes, loadKnownTypes } from "./known_types.ts";
export { emptyMessage } from "./empty_message.ts";

/** The message types that a configuration may hold. */
export interface Registry {
  /** A message type by its full name. */
  getMessage(typeName: string): MessageDescriptor | undefined;
  /** All message types, nested ones included, those of maps' entries not. */
  messages(): Iterable<MessageDescriptor>;
}

/** The types of a google.protobuf.FileDescriptorSet. */
export class DescriptorSet implements Registry, TypeSource {
  /** Files by package, as long as nothing of the package was asked for. */
  readonly #files = new Map<string, { readonly isProto3: boolean; readonly at: WireReader }[]>();
  readonly #messages = new Map<string, MessageDescriptor>();
  readonly #enums = new Map<string, EnumDescriptor>();

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const set = new WireReader(bytes);
    for (let at = set.next(); at !== 0; at = set.next()) {
      if (at === 1) this.#addFile(set.message());
      else set.skip();
    }
  }

  getMessage(typeName: string): MessageDescriptor | undefined {
    const known = this.#messages.get(typeName);
    if (known !== undefined) return known;
    this.#index(packageOf(typeName));
    return this.#messages.get(typeName);
  }

  *messages(): Generator<MessageDescriptor> {
    for (const name of [...this.#files.keys()]) this.#index(name);
    for (const type of this.#messages.values()) if (!type.isMapEntry) yield type;
  }

  /** A message type that a field of the set names. */
  messageNamed(typeName: string): MessageDescriptor {
    const type = this.getMessage(typeName);
    if (type === undefined) throw new RangeError(`No descriptor of ${typeName}`);
    return type;
  }

  /** An enum that a field of the set names. */
  enumNamed(typeName: string): EnumDescriptor {
    this.#index(packageOf(typeName));
    const type = this.#enums.get(typeName);
    if (type === undefined) throw new RangeError(`No descriptor of ${typeName}`);
    return type;
  }

  #addFile(file: WireReader): void {
    let name = "";
    let isProto3 = false;
    const at = file.fork();
    for (let field = file.next(); field !== 0; field = file.next()) {
      if (field === 2) name = file.string();
      else if (field === 12) isProto3 = file.string() === "proto3";
      else file.skip();
    }
    const files = this.#files.get(name);
    if (files === undefined) this.#files.set(name, [{ isProto3, at }]);
    else files.push({ isProto3, at });
  }

  #index(name: string): void {
    const files = this.#files.get(name);
    if (files === undefined) return;
    this.#files.delete(name);
    for (const { isProto3, at } of files) {
      for (let field = at.next(); field !== 0; field = at.next()) {
        if (field === 4) this.#addMessage(name, at.message(), isProto3);
        else if (field === 5) this.#addEnum(name, at.message());
        else at.skip();
      }
    }
  }

  #addMessage(scope: string, message: WireReader, isProto3: boolean): void {
    const at = message.fork();
    const typeName = `${scope}.${nameOf(message.fork())}`;
    this.#messages.set(typeName, new MessageDescriptor(typeName, { set: this, isProto3, at }));
    for (let field = message.next(); field !== 0; field = message.next()) {
      if (field === 3) this.#addMessage(typeName, message.message(), isProto3);
      else if (field === 4) this.#addEnum(typeName, message.message());
      else message.skip();
    }
  }

  #addEnum(scope: string, definition: WireReader): void {
    const typeName = `${scope}.${nameOf(definition.fork())}`;
    this.#enums.set(typeName, new EnumDescriptor(typeName, definition));
  }
}

/** Of messages and enums alike, field 1. */
function nameOf(definition: WireReader): string {
  for (let at = definition.next(); at !== 0; at = definition.next()) {
    if (at === 1) return definition.string();
    definition.skip();
  }
  return "";
}

/** Packages are in lower case, types begin with a capital letter. */
function packageOf(typeName: string): string {
  const end = typeName.search(/\.[A-Z]/);
  return end < 0 ? typeName : typeName.slice(0, end);
}

const SET_URL = new URL("envoy.binpb", import.meta.url);

/** The registry of the committed, pruned descriptor set (Envoy 1.40). */
export async function loadRegistry(): Promise<Registry> {
  return new DescriptorSet(await Deno.readFile(SET_URL));
}

/** As `loadRegistry`, for who cannot wait; 380 KB are read. */
export function openRegistry(): Registry {
  return new DescriptorSet(Deno.readFileSync(SET_URL));
}
