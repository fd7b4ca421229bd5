/** Rules of strings and bytes: lengths, parts, patterns and the well-known shapes. */

import { isIpv4, isIpv6 } from "../ip_text.ts";
import { bound, isSet, type RuleFields } from "./rule_options.ts";
import { constCheck, listChecks, type ValueCheck } from "./value_rules.ts";

const ENCODER = new TextEncoder();

/** validate.KnownRegex by number, strict and not: HTTP_HEADER_NAME is 1, HTTP_HEADER_VALUE is 2. */
const KNOWN_PATTERNS: Readonly<Record<string, string>> = {
  "1 strict": "^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$",
  "2 strict": "^[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*$",
  "1": "^[^\\u0000\\u000A\\u000D]*$",
  "2": "^[^\\u0000\\u000A\\u000D]*$",
};

function isHostname(text: string): boolean {
  return text.length <= 253 &&
    text.replace(/\.$/, "").split(".").every((label) =>
      /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/.test(label)
    );
}

const SHAPES: Readonly<Record<string, readonly [(text: string) => boolean, string]>> = {
  ip: [(text) => isIpv4(text) || isIpv6(text), "value must be a valid IP address"],
  ipv4: [isIpv4, "value must be a valid IPv4 address"],
  ipv6: [isIpv6, "value must be a valid IPv6 address"],
  hostname: [isHostname, "value must be a valid hostname"],
  address: [
    (text) => isHostname(text) || isIpv4(text) || isIpv6(text),
    "value must be an ip address, or a hostname",
  ],
  uri: [(text) => URL.canParse(text), "value must be an absolute URI"],
  uuid: [
    (text) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text),
    "value must be a valid UUID",
  ],
};

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

interface Length {
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly unit: string;
  readonly of: (value: unknown) => number;
}

function lengthCheck({ min, max, unit, of }: Length): ValueCheck[] {
  if (min === undefined && max === undefined) return [];
  let text = `value length must be at most ${max} ${unit}`;
  if (min !== undefined && min === max) text = `value length must be ${min} ${unit}`;
  else if (min !== undefined && max !== undefined) {
    text = `value length must be between ${min} and ${max} ${unit}, inclusive`;
  } else if (min !== undefined) text = `value length must be at least ${min} ${unit}`;
  return [(value) => {
    const length = of(value);
    return length < (min ?? 0) || length > (max ?? Infinity) ? text : undefined;
  }];
}

function lengthChecks(kind: "string" | "bytes", rules: RuleFields): ValueCheck[] {
  const length = bound(rules, "len");
  const counted = lengthCheck({
    min: length ?? bound(rules, "minLen"),
    max: length ?? bound(rules, "maxLen"),
    unit: kind === "string" ? "characters" : "bytes",
    of: (value) => typeof value === "string" ? codePoints(value) : (value as Uint8Array).length,
  });
  if (kind === "bytes") return counted;
  const bytes = bound(rules, "lenBytes");
  return [
    ...counted,
    ...lengthCheck({
      min: bytes ?? bound(rules, "minBytes"),
      max: bytes ?? bound(rules, "maxBytes"),
      unit: "bytes",
      of: (value) => ENCODER.encode(value as string).length,
    }),
  ];
}

function partChecks(rules: RuleFields): ValueCheck[] {
  const checks: ValueCheck[] = [];
  const { prefix, suffix, contains, notContains } = rules as Readonly<Record<string, string>>;
  if (prefix) {
    checks.push((v) =>
      (v as string).startsWith(prefix) ? undefined : `value does not have prefix "${prefix}"`
    );
  }
  if (suffix) {
    checks.push((v) =>
      (v as string).endsWith(suffix) ? undefined : `value does not have suffix "${suffix}"`
    );
  }
  if (contains) {
    checks.push((v) =>
      (v as string).includes(contains) ? undefined : `value does not contain "${contains}"`
    );
  }
  if (notContains) {
    checks.push((v) =>
      (v as string).includes(notContains) ? `value contains "${notContains}"` : undefined
    );
  }
  return checks;
}

function patternChecks(rules: RuleFields): ValueCheck[] {
  const wellKnown = rules["wellKnown"] as { readonly case?: string; readonly value?: unknown };
  let pattern = (rules["pattern"] ?? "") as string;
  if (wellKnown?.case === "wellKnownRegex") {
    const isStrict = !(isSet(rules, "strict") && rules["strict"] === false);
    pattern = KNOWN_PATTERNS[`${wellKnown.value}${isStrict ? " strict" : ""}`] ?? "";
  }
  if (pattern !== "") {
    const regex = new RegExp(`^(?:${pattern})$`, "us");
    const text = `value does not match the pattern "${pattern}"`;
    return [(value) => regex.test(value as string) ? undefined : text];
  }
  const shape = wellKnown?.case === undefined ? undefined : SHAPES[wellKnown.case];
  if (shape === undefined) return [];
  const [isValid, text] = shape;
  return [(value) => isValid(value as string) ? undefined : text];
}

/** All rules of a string or bytes value. */
export function stringChecks(kind: "string" | "bytes", rules: RuleFields): ValueCheck[] {
  const checks = [
    ...constCheck(rules),
    ...listChecks(rules),
    ...lengthChecks(kind, rules),
  ];
  if (kind === "string") checks.push(...partChecks(rules), ...patternChecks(rules));
  return checks;
}
