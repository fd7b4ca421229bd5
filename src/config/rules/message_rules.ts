/**
 * The rules that Envoy's API carries in its descriptors (protoc-gen-validate), run over a decoded
 * tree. Compiled once a message type; the wording is PGV's, so that operators can look it up.
 */

import type { FieldDescriptor, MessageDescriptor, Registry } from "../../proto/registry.ts";
import type { Problems } from "../../base/mod.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { bound, type FieldRules, type RuleFields } from "./rule_options.ts";
import { valueCheck } from "./value_rules.ts";

type MessageCheck = (message: PlainMessage, problems: Problems) => void;

interface CompiledRules {
  readonly checks: readonly MessageCheck[];
  /** Fields that hold messages to be checked too. */
  readonly children: readonly FieldDescriptor[];
}

/** The value of a field, whether or not it is in a oneof; undefined where it is not set. */
export function fieldValue(message: PlainMessage, field: FieldDescriptor): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const oneof = message[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return oneof?.case === field.localName ? oneof.value : undefined;
}

const NONE: readonly PlainMessage[] = [];

/**
 * The messages below one of a type's `messageFields`, in their order. Every message of a large file
 * passes here several times, so that lists are handed out as they are.
 */
export function childMessages(
  message: PlainMessage,
  field: FieldDescriptor,
): readonly PlainMessage[] {
  const value = fieldValue(message, field);
  if (typeof value !== "object" || value === null) return NONE;
  if (field.fieldKind === "list") return value as PlainMessage[];
  return field.fieldKind === "map" ? Object.values(value) : [value as PlainMessage];
}

/** As problems name the child at `index` of what `childMessages` gave. */
export function childName(message: PlainMessage, field: FieldDescriptor, index: number): string {
  if (field.fieldKind === "list") return `${field.name}[${index}]`;
  if (field.fieldKind !== "map") return field.name;
  return `${field.name}["${Object.keys(fieldValue(message, field) as object)[index]}"]`;
}

/** The rules of one registry. */
export class MessageRules {
  readonly #registry: Registry;
  readonly #compiled = new Map<MessageDescriptor, CompiledRules>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Reports every broken rule of `message` and of all messages below it. */
  check(message: PlainMessage, problems: Problems): void {
    const type = this.#registry.getMessage(message.$typeName);
    if (type === undefined) return;
    const { checks, children } = this.#rulesOf(type);
    for (const check of checks) check(message, problems);
    for (const field of children) {
      for (const child of childMessages(message, field)) this.check(child, problems);
    }
  }

  #rulesOf(type: MessageDescriptor): CompiledRules {
    let compiled = this.#compiled.get(type);
    if (compiled === undefined) this.#compiled.set(type, compiled = compile(type));
    return compiled;
  }
}

function compile(type: MessageDescriptor): CompiledRules {
  if (type.isUnchecked) return { checks: [], children: [] };
  const checks: MessageCheck[] = [];
  const children: FieldDescriptor[] = [];
  const withMessages = new Set(type.messageFields);
  for (const field of type.fields) {
    const rules = field.rules() as FieldRules | undefined;
    if (rules?.type?.case !== undefined || rules?.message !== undefined) {
      const check = fieldCheck(field, rules);
      if (check !== undefined) checks.push(check);
    }
    if (withMessages.has(field) && hasRules(field) && !isSkipped(rules)) children.push(field);
  }
  for (const oneof of type.oneofs) {
    if (!oneof.isRequired) continue;
    const text = `one of ${oneof.fields.map((field) => field.name).join(", ")} is required`;
    checks.push((message, problems) => {
      const { case: name } = message[oneof.localName] as { case?: string };
      if (name === undefined) problems.error(message, oneof.name, text);
    });
  }
  return { checks, children };
}

/** Well-known types carry no rules, but for the message in an Any. */
function hasRules({ messageName: name = "" }: FieldDescriptor): boolean {
  return !name.startsWith("google.protobuf.") || name === "google.protobuf.Any";
}

function isSkipped(rules: FieldRules | undefined): boolean {
  if (rules?.message?.skip === true) return true;
  const { items, values } = (rules?.type?.value ?? {}) as Readonly<Record<string, FieldRules>>;
  return items?.message?.skip === true || values?.message?.skip === true;
}

function fieldCheck(field: FieldDescriptor, rules: FieldRules): MessageCheck | undefined {
  const kind = rules.type?.case;
  const fields = rules.type?.value ?? {};
  if (field.fieldKind === "list" && kind === "repeated") return listCheck(field, fields);
  if (field.fieldKind === "map" && kind === "map") return mapCheck(field, fields);
  const check = valueCheck(field, kind, fields);
  const isRequired = rules.message?.required === true ||
    (["any", "duration", "timestamp"].includes(kind ?? "") && fields["required"] === true);
  if (check === undefined && !isRequired) return undefined;
  // Messages and members of a oneof may be absent, and then have nothing to check.
  const mayBeAbsent = field.fieldKind === "message" || field.oneof !== undefined ||
    field.hasPresence;
  return (message, problems) => {
    const value = fieldValue(message, field);
    if (value === undefined) {
      if (isRequired && field.oneof === undefined) {
        problems.error(message, field.name, "value is required");
      }
      if (mayBeAbsent) return;
    }
    const reason = check?.(value);
    if (reason !== undefined) problems.error(message, field.name, reason);
  };
}

function countText(unit: string, min: number | undefined, max: number | undefined): string {
  if (min !== undefined && min === max) return `value must contain exactly ${min} ${unit}(s)`;
  if (min !== undefined && max !== undefined) {
    return `value must contain between ${min} and ${max} ${unit}s, inclusive`;
  }
  return min !== undefined
    ? `value must contain at least ${min} ${unit}(s)`
    : `value must contain no more than ${max} ${unit}(s)`;
}

function nestedCheck(
  field: FieldDescriptor,
  rules: unknown,
  isMapKey = false,
): ((value: unknown) => string | undefined) | undefined {
  const type = (rules as FieldRules | undefined)?.type;
  return type === undefined ? undefined : valueCheck(field, type.case, type.value ?? {}, isMapKey);
}

function listCheck(field: FieldDescriptor, rules: RuleFields): MessageCheck {
  const min = bound(rules, "minItems");
  const max = bound(rules, "maxItems");
  const isEmptyFine = rules["ignoreEmpty"] === true;
  const isUnique = rules["unique"] === true;
  const itemCheck = nestedCheck(field, rules["items"]);
  return (message, problems) => {
    const items = message[field.localName] as readonly unknown[];
    if (isEmptyFine && items.length === 0) return;
    if (items.length < (min ?? 0) || items.length > (max ?? Infinity)) {
      problems.error(message, field.name, countText("item", min, max));
    }
    const seen = new Set<unknown>();
    for (const [i, item] of items.entries()) {
      const at = `${field.name}[${i}]`;
      if (isUnique && seen.has(item)) {
        problems.error(message, at, "repeated value must contain unique items");
      }
      seen.add(item);
      const reason = itemCheck?.(item);
      if (reason !== undefined) problems.error(message, at, reason);
    }
  };
}

function mapCheck(field: FieldDescriptor, rules: RuleFields): MessageCheck {
  const min = bound(rules, "minPairs");
  const max = bound(rules, "maxPairs");
  const isEmptyFine = rules["ignoreEmpty"] === true;
  const keyCheck = nestedCheck(field, rules["keys"], true);
  const itemCheck = nestedCheck(field, rules["values"]);
  return (message, problems) => {
    const pairs = Object.entries(message[field.localName] as object);
    if (isEmptyFine && pairs.length === 0) return;
    if (pairs.length < (min ?? 0) || pairs.length > (max ?? Infinity)) {
      problems.error(message, field.name, countText("pair", min, max));
    }
    for (const [key, item] of pairs) {
      const reason = keyCheck?.(key) ?? itemCheck?.(item);
      if (reason !== undefined) problems.error(message, `${field.name}["${key}"]`, reason);
    }
  };
}
