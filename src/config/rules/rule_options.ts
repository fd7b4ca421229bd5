/** The protoc-gen-validate options of a descriptor, as `FieldDescriptor.rules` gives them. */

/** One rule message, such as validate.StringRules; its fields are read by name. */
export type RuleFields = Readonly<Record<string, unknown>>;

/** validate.FieldRules: rules of the field's kind and of its message. */
export interface FieldRules {
  readonly message?: { readonly skip?: boolean; readonly required?: boolean };
  readonly type?: { readonly case?: string; readonly value?: RuleFields };
}

/** Whether a rule is written. */
export function isSet(rules: RuleFields, name: string): boolean {
  return Object.hasOwn(rules, name);
}

/** A numeric bound, if it is written. */
export function bound(rules: RuleFields, name: string): number | undefined {
  return isSet(rules, name) ? Number(rules[name]) : undefined;
}
