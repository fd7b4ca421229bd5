/**
 * Fields and enum values that Envoy 1.40 refuses unless a runtime key allows them
 * (envoy.annotations.disallowed_by_default), and those it only warns about.
 */

import type { FieldDescriptor, MessageDescriptor, Registry } from "../../proto/registry.ts";
import type { Problems } from "../../base/mod.ts";
import { legacyHint } from "../legacy_fields.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { childMessages, fieldValue } from "./message_rules.ts";

interface DeprecatedField {
  readonly field: FieldDescriptor;
  readonly isRefused: boolean;
}

interface DeprecatedParts {
  readonly fields: readonly DeprecatedField[];
  /** Enum fields with a deprecated value, by number: whether it is refused. */
  readonly enums: readonly {
    readonly field: FieldDescriptor;
    readonly values: ReadonlyMap<number, boolean>;
  }[];
  readonly children: readonly FieldDescriptor[];
}

/** Set in a static runtime layer, it allows every deprecated field (Envoy: `ProtobufUtil`). */
const ALLOW_ALL = "envoy.features.enable_all_deprecated_features";

/** The deprecation marks of one registry. */
export class DeprecatedFields {
  readonly #registry: Registry;
  readonly #parts = new Map<MessageDescriptor, DeprecatedParts>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** @param allowed Runtime keys that are true in the bootstrap's static layers. */
  check(message: PlainMessage, problems: Problems, allowed: ReadonlySet<string>): void {
    const type = this.#registry.getMessage(message.$typeName);
    if (type === undefined) return;
    const parts = this.#partsOf(type);
    for (const { field, isRefused } of parts.fields) {
      if (!isPresent(fieldValue(message, field))) continue;
      const isAllowed = allowed.has(ALLOW_ALL) ||
        allowed.has(`envoy.deprecated_features:${type.typeName}.${field.name}`);
      report(problems, message, field, { isRefused: isRefused && !isAllowed, what: field.name });
    }
    for (const { field, values } of parts.enums) {
      const number = fieldValue(message, field) as number;
      const isRefused = values.get(number);
      if (isRefused === undefined || number === undefined) continue;
      const what = field.enum!.numbered(number)!.name;
      const isAllowed = allowed.has(ALLOW_ALL) ||
        allowed.has(`envoy.deprecated_features:${type.typeName}.${what}`);
      report(problems, message, field, { isRefused: isRefused && !isAllowed, what });
    }
    for (const field of parts.children) {
      for (const child of childMessages(message, field)) this.check(child, problems, allowed);
    }
  }

  #partsOf(type: MessageDescriptor): DeprecatedParts {
    let parts = this.#parts.get(type);
    if (parts === undefined) {
      const deprecated = type.fields.filter((field) => field.isDeprecated);
      parts = {
        fields: deprecated.map((field) => ({ field, isRefused: field.isDisallowed })),
        enums: type.fields.filter((field) => field.fieldKind === "enum").map((field) => ({
          field,
          values: new Map(
            field.enum!.values.filter((value) => value.isDeprecated).map((value) => [
              value.number,
              value.isDisallowed,
            ]),
          ),
        })).filter(({ values }) => values.size > 0),
        children: type.messageFields,
      };
      this.#parts.set(type, parts);
    }
    return parts;
  }
}

function isPresent(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value === undefined || value === false || value === 0 || value === 0n || value === "") {
    return false;
  }
  return typeof value !== "object" || Object.keys(value as object).length > 0;
}

function report(
  problems: Problems,
  message: PlainMessage,
  field: FieldDescriptor,
  about: { readonly isRefused: boolean; readonly what: string },
): void {
  const hint = legacyHint(message.$typeName, field.name);
  if (about.isRefused) {
    problems.error(message, field.name, `"${about.what}" is deprecated and refused`, hint);
  } else {
    const tail = hint === undefined ? "" : `; ${hint}`;
    problems.warn(message, field.name, `"${about.what}" is deprecated${tail}`);
  }
}
