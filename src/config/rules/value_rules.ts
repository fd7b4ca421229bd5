/** Rules of single values other than strings: numbers, durations, enums, booleans. */

import type { EnumDescriptor, FieldDescriptor } from "../../proto/registry.ts";
import { isSet, type RuleFields } from "./rule_options.ts";
import { stringChecks } from "./string_rules.ts";

/** Tells what is wrong with a value, in the words of PGV, or undefined. */
export type ValueCheck = (value: unknown) => string | undefined;

type Ordered = number | bigint;

const WRAPPER = /^google\.protobuf\.\w+Value$/;

/** One check for all rules of a value (a field, list item, map key or map value). */
export function valueCheck(
  field: FieldDescriptor,
  kind: string | undefined,
  rules: RuleFields,
  isMapKey = false,
): ValueCheck | undefined {
  const checks = checksOf(field, kind, rules);
  if (checks.length === 0) return undefined;
  // In a oneof or a list a wrapper is a message, elsewhere its scalar.
  const isWrapped = !isMapKey && field.message !== undefined &&
    WRAPPER.test(field.message.typeName) &&
    (field.oneof !== undefined || field.fieldKind !== "message");
  const isEmptyFine = rules["ignoreEmpty"] === true;
  return (value) => {
    const bare = isWrapped ? (value as { readonly value: unknown }).value : value;
    if (isEmptyFine && isEmpty(bare)) return undefined;
    for (const check of checks) {
      const reason = check(bare);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

function isEmpty(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === 0 || value === 0n;
}

function checksOf(
  field: FieldDescriptor,
  kind: string | undefined,
  rules: RuleFields,
): ValueCheck[] {
  switch (kind) {
    case undefined:
    case "repeated":
    case "map":
    case "timestamp":
      return [];
    case "string":
    case "bytes":
      return stringChecks(kind, rules);
    case "enum":
      return enumChecks(field.enum!, rules);
    case "bool":
      return constCheck(rules);
    case "duration":
      return rangeCheck(rules, {
        value: (value) => nanoseconds(value),
        limit: (name) => isSet(rules, name) ? nanoseconds(rules[name]) : undefined,
        show: (limit) => showDuration(limit),
      });
    case "any":
      return [];
    default:
      return [
        ...constCheck(rules),
        ...listChecks(rules),
        ...rangeCheck(rules, {
          value: (value) => value as Ordered,
          limit: (name) => isSet(rules, name) ? rules[name] as Ordered : undefined,
          show: String,
        }),
      ];
  }
}

/** `const`: the one value allowed. */
export function constCheck(rules: RuleFields): ValueCheck[] {
  if (!isSet(rules, "const")) return [];
  const wanted = rules["const"];
  const shown = typeof wanted === "string" ? `"${wanted}"` : String(wanted);
  return [(value) => value === wanted ? undefined : `value must equal ${shown}`];
}

/** `in` and `not_in`. */
export function listChecks(
  rules: RuleFields,
  show: (value: unknown) => string = String,
): ValueCheck[] {
  const allowed = (rules["in"] ?? []) as readonly unknown[];
  const denied = (rules["notIn"] ?? []) as readonly unknown[];
  if (allowed.length > 0) {
    const text = `value must be in list [${allowed.map(show).join(" ")}]`;
    return [(value) => allowed.includes(value) ? undefined : text];
  }
  if (denied.length === 0) return [];
  const text = `value must not be in list [${denied.map(show).join(" ")}]`;
  return [(value) => denied.includes(value) ? text : undefined];
}

function enumChecks(type: EnumDescriptor, rules: RuleFields): ValueCheck[] {
  const checks = [
    ...constCheck(rules),
    ...listChecks(rules, (number) => type.numbered(number as number)?.name ?? String(number)),
  ];
  if (rules["definedOnly"] === true) {
    checks.push((value) =>
      type.numbered(value as number) === undefined
        ? "value must be one of the defined enum values"
        : undefined
    );
  }
  return checks;
}

function nanoseconds(duration: unknown): bigint {
  const { seconds, nanos } = duration as { readonly seconds: bigint; readonly nanos: number };
  return seconds * 1_000_000_000n + BigInt(nanos);
}

function showDuration(limit: Ordered): string {
  const nanos = Number(limit);
  if (nanos % 1e9 === 0) return `${nanos / 1e9}s`;
  return nanos % 1e6 === 0 ? `${nanos / 1e6}ms` : `${nanos}ns`;
}

interface Range {
  readonly value: (value: unknown) => Ordered;
  readonly limit: (name: string) => Ordered | undefined;
  readonly show: (limit: Ordered) => string;
}

/** `lt`, `lte`, `gt` and `gte`; where low is above high the range is inverted, as in PGV. */
function rangeCheck(rules: RuleFields, range: Range): ValueCheck[] {
  const isOpenAbove = isSet(rules, "lt");
  const isOpenBelow = isSet(rules, "gt");
  const high = range.limit(isOpenAbove ? "lt" : "lte");
  const low = range.limit(isOpenBelow ? "gt" : "gte");
  const isTooHigh = (v: Ordered): boolean =>
    high !== undefined && (isOpenAbove ? v >= high : v > high);
  const isTooLow = (v: Ordered): boolean => low !== undefined && (isOpenBelow ? v <= low : v < low);
  if (high !== undefined && low !== undefined) {
    if (high > low) {
      const text = `value must be inside range ${isOpenBelow ? "(" : "["}${range.show(low)}, ${
        range.show(high)
      }${isOpenAbove ? ")" : "]"}`;
      return [(x) => isTooLow(range.value(x)) || isTooHigh(range.value(x)) ? text : undefined];
    }
    const text = `value must be outside range ${isOpenAbove ? "[" : "("}${range.show(high)}, ${
      range.show(low)
    }${isOpenBelow ? "]" : ")"}`;
    return [(x) => isTooLow(range.value(x)) && isTooHigh(range.value(x)) ? text : undefined];
  }
  if (high !== undefined) {
    const text = `value must be less than ${isOpenAbove ? "" : "or equal to "}${range.show(high)}`;
    return [(x) => isTooHigh(range.value(x)) ? text : undefined];
  }
  if (low === undefined) return [];
  const text = `value must be greater than ${isOpenBelow ? "" : "or equal to "}${range.show(low)}`;
  return [(x) => isTooLow(range.value(x)) ? text : undefined];
}
