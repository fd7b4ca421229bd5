/**
 * What the encoder knows of one header name: its static entries and the two latest dynamic ones.
 * Two per name stand for a hash over names and values: on one connection a name has one or two
 * values that repeat, or values that never do, and those must not wash the others out.
 */

import { H, headerId } from "../../http/mod.ts";
import { STATIC_COUNT, STATIC_FIELDS } from "./static_table.ts";

/** How a field may be written (RFC 7541 §6.2). */
export type Indexing = "index" | "literal" | "never";

/** What the encoder knows of one name. */
export interface NameSlot {
  readonly indexing: Indexing;
  /** Static index of the name, 0 if there is none. */
  readonly staticName: number;
  /** Values of the static entries of this name and their indices. */
  readonly staticValues: readonly string[];
  readonly staticIndices: readonly number[];
  /** The newest indexed value and the one before, with their numbers in the table; 0: none. */
  value: string;
  number: number;
  olderValue: string;
  olderNumber: number;
  /** Insertions that were never referred to since the last hit. */
  misses: number;
}

/** Misses in a row after which a name's values count as ever new. */
export const MAX_MISSES = 16;

/** Names whose values differ from message to message: an entry would only evict others. */
const LITERAL_NAMES: ReadonlySet<string> = new Set([
  ":path",
  "age",
  "content-length",
  "cookie",
  "etag",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "referer",
  "set-cookie",
  "traceparent",
  "tracestate",
  "x-b3-traceid",
  "x-envoy-external-address",
  "x-envoy-original-path",
  "x-envoy-upstream-service-time",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-request-id",
]);

/** Secrets: no proxy on the way may index them either (§7.1.3). */
const NEVER_NAMES: ReadonlySet<number> = new Set([H.authorization, H.proxyAuthorization]);

interface StaticName {
  readonly name: number;
  readonly values: string[];
  readonly indices: number[];
}

let staticNames: Map<string, StaticName> | undefined;

function buildStaticNames(): Map<string, StaticName> {
  const names = new Map<string, StaticName>();
  for (let index = 1; index <= STATIC_COUNT; index++) {
    const [name, value] = STATIC_FIELDS[index]!;
    let entry = names.get(name);
    if (entry === undefined) names.set(name, entry = { name: index, values: [], indices: [] });
    if (value !== "") {
      entry.values.push(value);
      entry.indices.push(index);
    }
  }
  return names;
}

const NOTHING: readonly never[] = [];

/** A fresh slot for a name. */
export function newNameSlot(name: string): NameSlot {
  const fixed = (staticNames ??= buildStaticNames()).get(name);
  return {
    indexing: NEVER_NAMES.has(headerId(name))
      ? "never"
      : LITERAL_NAMES.has(name)
      ? "literal"
      : "index",
    staticName: fixed?.name ?? 0,
    staticValues: fixed?.values ?? NOTHING,
    staticIndices: fixed?.indices ?? NOTHING,
    value: "",
    number: 0,
    olderValue: "",
    olderNumber: 0,
    misses: 0,
  };
}
