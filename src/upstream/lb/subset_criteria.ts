/**
 * Metadata that subsets are told apart by, as texts: equal texts mean equal keys and values, and
 * the number 1, the string "1" and true differ.
 */

/** `envoy.lb` metadata of a route, a request or an endpoint. */
export type LbMetadata = { readonly [key: string]: unknown };

/** What a request asks for. */
export interface Criteria {
  readonly metadata: LbMetadata;
  /** Sorted. */
  readonly keys: readonly string[];
  readonly keysText: string;
  readonly text: string;
}

/** Sorted, so that the order of configuration does not matter. */
export function sortedKeys(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)].sort();
}

/** Keys as one text, for look-ups; they are sorted before. */
export function keysText(keys: readonly string[]): string {
  return JSON.stringify(keys);
}

/** What a request or a default subset asks for, with its look-up texts made once. */
export function criteriaOf(metadata: LbMetadata): Criteria {
  const keys = sortedKeys(Object.keys(metadata));
  const text = subsetText(keys, keys.map((key) => valueText(metadata[key])));
  return { metadata, keys, keysText: keysText(keys), text };
}

/** The criteria with only some of its keys. */
export function reduceCriteria(criteria: Criteria, keys: readonly string[]): Criteria {
  const kept = keys.filter((key) => Object.hasOwn(criteria.metadata, key));
  return criteriaOf(Object.fromEntries(kept.map((key) => [key, criteria.metadata[key]])));
}

/**
 * The texts of all subsets by `keys` that an endpoint is in: none if it lacks a key, several if
 * lists stand for any of their values.
 */
export function subsetTexts(
  keys: readonly string[],
  metadata: LbMetadata | undefined,
  listAsAny: boolean,
): string[] {
  let rows: string[][] = [[]];
  for (const key of keys) {
    if (metadata === undefined || !Object.hasOwn(metadata, key)) return [];
    const value = metadata[key];
    const choices = listAsAny && Array.isArray(value) ? value : [value];
    rows = rows.flatMap((row) => choices.map((choice) => [...row, valueText(choice)]));
  }
  return rows.map((values) => subsetText(keys, values));
}

/** Whether an endpoint has all of `wanted`. */
export function hasMetadata(
  metadata: LbMetadata | undefined,
  wanted: LbMetadata,
  listAsAny: boolean,
): boolean {
  return Object.entries(wanted).every(([key, value]) => {
    if (metadata === undefined || !Object.hasOwn(metadata, key)) return false;
    const own = metadata[key];
    const text = valueText(value);
    return valueText(own) === text ||
      (listAsAny && Array.isArray(own) && own.some((item) => valueText(item) === text));
  });
}

function subsetText(keys: readonly string[], values: readonly string[]): string {
  return JSON.stringify([keys, values]);
}

/** JSON with the keys of objects in order. */
/** A value as text: equal texts mean equal values, whatever the order of keys. */
export function valueText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1));
  });
}
