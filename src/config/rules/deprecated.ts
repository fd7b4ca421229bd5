/**
 * Fields and enum values that Envoy 1.40 refuses unless a runtime key allows them
 * (envoy.annotations.disallowed_by_default), and those it only warns about.
 */

import {
  type DescEnumValue,
  type DescExtension,
  type DescField,
  type DescMessage,
  type FileRegistry,
  getOption,
} from "@bufbuild/protobuf";
import type { Problems } from "../../base/mod.ts";
import { legacyHint } from "../legacy_fields.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { childMessages, fieldValue } from "./message_rules.ts";

const optionOf = getOption as unknown as (
  desc: DescField | DescEnumValue,
  extension: DescExtension,
) => unknown;

interface DeprecatedField {
  readonly field: DescField;
  readonly isRefused: boolean;
}

interface DeprecatedParts {
  readonly fields: readonly DeprecatedField[];
  /** Enum fields with a deprecated value, by number: whether it is refused. */
  readonly enums: readonly {
    readonly field: DescField;
    readonly values: ReadonlyMap<number, boolean>;
  }[];
  readonly children: readonly DescField[];
}

/** Set in a static runtime layer, it allows every deprecated field (Envoy: `ProtobufUtil`). */
const ALLOW_ALL = "envoy.features.enable_all_deprecated_features";

/** The deprecation marks of one registry. */
export class DeprecatedFields {
  readonly #registry: FileRegistry;
  readonly #refusedField: DescExtension | undefined;
  readonly #refusedValue: DescExtension | undefined;
  readonly #parts = new Map<DescMessage, DeprecatedParts>();

  constructor(registry: FileRegistry) {
    this.#registry = registry;
    this.#refusedField = registry.getExtension("envoy.annotations.disallowed_by_default");
    this.#refusedValue = registry.getExtension("envoy.annotations.disallowed_by_default_enum");
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
      const what = field.enum!.value[number]!.name;
      const isAllowed = allowed.has(ALLOW_ALL) ||
        allowed.has(`envoy.deprecated_features:${type.typeName}.${what}`);
      report(problems, message, field, { isRefused: isRefused && !isAllowed, what });
    }
    for (const field of parts.children) {
      for (const [, child] of childMessages(message, field)) this.check(child, problems, allowed);
    }
  }

  #partsOf(type: DescMessage): DeprecatedParts {
    let parts = this.#parts.get(type);
    if (parts === undefined) {
      const deprecated = type.fields.filter((field) => field.deprecated);
      parts = {
        fields: deprecated.map((field) => ({
          field,
          isRefused: this.#refusedField !== undefined &&
            optionOf(field, this.#refusedField) === true,
        })),
        enums: type.fields.filter((field) => field.fieldKind === "enum").map((field) => ({
          field,
          values: new Map(
            field.enum!.values.filter((value) => value.deprecated).map((value) => [
              value.number,
              this.#refusedValue !== undefined && optionOf(value, this.#refusedValue) === true,
            ]),
          ),
        })).filter(({ values }) => values.size > 0),
        children: type.fields.filter((field) => field.message !== undefined),
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
  field: DescField,
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
