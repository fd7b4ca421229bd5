/** Reads the protoc-gen-validate options of a descriptor. */

import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescOneof,
  type FileRegistry,
  getOption,
} from "@bufbuild/protobuf";

/** One rule message, such as validate.StringRules; its fields are read by name. */
export type RuleFields = Readonly<Record<string, unknown>>;

/** validate.FieldRules: rules of the field's kind and of its message. */
export interface FieldRules {
  readonly message?: { readonly skip?: boolean; readonly required?: boolean };
  readonly type?: { readonly case?: string; readonly value?: RuleFields };
}

// The extensions come from the registry, so the types of their values are not known statically.
const optionOf = getOption as unknown as (
  desc: DescMessage | DescField | DescOneof,
  extension: DescExtension,
) => unknown;

/** Whether a rule is written. The runtime keeps proto2 defaults on the prototype. */
export function isSet(rules: RuleFields, name: string): boolean {
  return Object.hasOwn(rules, name);
}

/** A numeric bound, if it is written. */
export function bound(rules: RuleFields, name: string): number | undefined {
  return isSet(rules, name) ? Number(rules[name]) : undefined;
}

/** The options of one registry. */
export class RuleOptions {
  readonly #rules: DescExtension;
  readonly #required: DescExtension;
  readonly #disabled: DescExtension;
  readonly #ignored: DescExtension | undefined;

  constructor(registry: FileRegistry) {
    this.#rules = registry.getExtension("validate.rules")!;
    this.#required = registry.getExtension("validate.required")!;
    this.#disabled = registry.getExtension("validate.disabled")!;
    this.#ignored = registry.getExtension("validate.ignored");
  }

  field(field: DescField): FieldRules | undefined {
    if (field.proto.options === undefined) return undefined;
    return optionOf(field, this.#rules) as FieldRules | undefined;
  }

  isRequired(oneof: DescOneof): boolean {
    return oneof.proto.options !== undefined && optionOf(oneof, this.#required) === true;
  }

  isDisabled(type: DescMessage): boolean {
    if (type.proto.options === undefined) return false;
    return optionOf(type, this.#disabled) === true ||
      (this.#ignored !== undefined && optionOf(type, this.#ignored) === true);
  }
}
