/** Name look-ups over descriptors, cached by descriptor, and "did you mean". */

import type { EnumDescriptor, FieldDescriptor, MessageDescriptor } from "../proto/registry.ts";

/** The look-ups of one registry; lives as long as the decoder that owns it. */
export class FieldNames {
  readonly #fields = new Map<MessageDescriptor, ReadonlyMap<string, FieldDescriptor>>();
  readonly #enums = new Map<EnumDescriptor, ReadonlyMap<string, number>>();

  /** A field by its proto name (`lb_policy`) or JSON name (`lbPolicy`). */
  field(type: MessageDescriptor, name: string): FieldDescriptor | undefined {
    let index = this.#fields.get(type);
    if (index === undefined) {
      const made = new Map<string, FieldDescriptor>();
      for (const field of type.fields) made.set(field.localName, field).set(field.name, field);
      this.#fields.set(type, index = made);
    }
    return index.get(name);
  }

  /** An enum's number by its name in any case, as Envoy reads it. */
  enumNumber(type: EnumDescriptor, name: string): number | undefined {
    let index = this.#enums.get(type);
    if (index === undefined) {
      index = new Map(type.values.map((value) => [value.name.toUpperCase(), value.number]));
      this.#enums.set(type, index);
    }
    return index.get(name.toUpperCase());
  }
}

/** Optimal string alignment distance, or `max + 1` where it is more than `max`. */
function distance(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max) return max + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) value = Math.min(value, beforeLast[j - 2]! + 1);
      row.push(value);
      if (value < best) best = value;
    }
    if (best > max) return max + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** Longer names are not typing mistakes of anything, and cost quadratic time. */
const MAX_NAME = 120;

/** The candidate that `name` is most likely a misspelling of. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME) return undefined;
  const wanted = name.toLowerCase();
  let limit = Math.max(1, Math.min(3, Math.floor(name.length / 3)));
  let best: string | undefined;
  for (const candidate of candidates) {
    const steps = distance(wanted, candidate.toLowerCase(), limit);
    if (steps > limit) continue;
    best = candidate;
    limit = steps - 1;
    if (limit < 0) break;
  }
  return best;
}
