/**
 * protobuf's MergeFrom on plain trees: how `--config-yaml` is laid over the file. Scalars that are
 * set win, lists are joined, maps are joined by key, messages are merged.
 */

import type { FieldDescriptor, Registry } from "../proto/registry.ts";
import type { Origins } from "./origins.ts";
import { type PlainMessage, setOwn } from "./well_known_values.ts";

/** Merges `over` into `base` and returns `base`; positions come along. */
export function mergeMessages(
  base: PlainMessage,
  over: PlainMessage,
  registry: Registry,
  origins: Origins,
): PlainMessage {
  const type = registry.getMessage(over.$typeName);
  // The message in an Any is replaced whole: MergeFrom sees only its bytes.
  if (type === undefined || base.$typeName !== over.$typeName) return over;
  for (const field of type.fields) {
    if (mergeField(base, over, field, { registry, origins })) {
      const origin = origins.get(over)?.fields.findLast(({ name }) => name === field.name);
      if (origin !== undefined) origins.get(base)?.fields.push(origin);
    }
  }
  return base;
}

interface MergeContext {
  readonly registry: Registry;
  readonly origins: Origins;
}

/** Whether anything of the field came from `over`. */
function mergeField(
  base: PlainMessage,
  over: PlainMessage,
  field: FieldDescriptor,
  context: MergeContext,
): boolean {
  if (field.oneof !== undefined) return mergeOneof(base, over, field, context);
  const value = over[field.localName];
  if (field.fieldKind === "list") {
    const items = value as readonly unknown[];
    if (items.length === 0) return false;
    base[field.localName] = [...base[field.localName] as readonly unknown[], ...items];
    return true;
  }
  if (field.fieldKind === "map") {
    const entries = Object.entries(value as Record<string, unknown>);
    if (entries.length === 0) return false;
    const merged = { ...base[field.localName] as Record<string, unknown> };
    for (const [key, item] of entries) setOwn(merged, key, item);
    base[field.localName] = merged;
    return true;
  }
  if (value === undefined || isDefault(value)) return false;
  base[field.localName] = mergeValue(base[field.localName], value, field, context);
  return true;
}

function mergeOneof(
  base: PlainMessage,
  over: PlainMessage,
  field: FieldDescriptor,
  context: MergeContext,
): boolean {
  const slot = field.oneof!.localName;
  const theirs = over[slot] as { readonly case?: string; readonly value?: unknown };
  if (theirs.case !== field.localName) return false;
  const ours = base[slot] as { readonly case?: string; readonly value?: unknown };
  const value = ours.case === theirs.case
    ? mergeValue(ours.value, theirs.value, field, context)
    : theirs.value;
  base[slot] = { case: theirs.case, value };
  return true;
}

function mergeValue(
  base: unknown,
  over: unknown,
  field: FieldDescriptor,
  { registry, origins }: MergeContext,
): unknown {
  if (base === undefined || field.message === undefined || typeof base !== "object") return over;
  const name = field.message.typeName;
  if (name === "google.protobuf.Struct") return { ...base, ...over as object };
  if (name === "google.protobuf.Any" || base instanceof Uint8Array) return over;
  return mergeMessages(base as PlainMessage, over as PlainMessage, registry, origins);
}

function isDefault(value: unknown): boolean {
  return value === false || value === 0 || value === 0n || value === "" ||
    (value instanceof Uint8Array && value.length === 0);
}
