/**
 * Reports what of a configuration is not acted on. Nothing is ignored in silence: a field that no
 * table says is acted on is named with its position and with what the operator will miss.
 */

import type { FieldDescriptor, MessageDescriptor } from "../../proto/registry.ts";
import type { Problems } from "../../base/mod.ts";
import type { Decoder } from "../decoder.ts";
import { childMessages, childName, fieldValue } from "../rules/message_rules.ts";
import type { PlainMessage } from "../well_known_values.ts";
import { ACCESS_LOG_SUPPORT } from "./access_log.ts";
import { BOOTSTRAP_SUPPORT } from "./bootstrap.ts";
import { effectOf } from "./categories.ts";
import { CLUSTER_SUPPORT } from "./cluster.ts";
import { CORE_SUPPORT } from "./core.ts";
import { HTTP_SUPPORT } from "./http.ts";
import { LISTENER_SUPPORT } from "./listener.ts";
import { MATCHING_SUPPORT } from "./matching.ts";
import { ROUTE_SUPPORT } from "./route.ts";
import type { MessageSupport, SupportTable } from "./table.ts";
import { TLS_SUPPORT } from "./tls.ts";

/** All tables in one; a test checks that no message stands in two. */
export const SUPPORT: SupportTable = {
  ...ACCESS_LOG_SUPPORT,
  ...BOOTSTRAP_SUPPORT,
  ...CLUSTER_SUPPORT,
  ...CORE_SUPPORT,
  ...HTTP_SUPPORT,
  ...LISTENER_SUPPORT,
  ...MATCHING_SUPPORT,
  ...ROUTE_SUPPORT,
  ...TLS_SUPPORT,
};

const NO_EFFECT = "it has no effect";

/** Where a message hangs, to point at where it is an extension that has no row. */
interface Holder {
  readonly message: PlainMessage;
  readonly field: FieldDescriptor;
  readonly index: number;
}

class Reporter {
  readonly #decoder: Decoder;
  readonly #problems: Problems;
  readonly #acted = new Map<string, ReadonlySet<string>>();

  constructor(decoder: Decoder, problems: Problems) {
    this.#decoder = decoder;
    this.#problems = problems;
  }

  message(message: PlainMessage, holder: Holder | undefined): void {
    if (message.$typeName.startsWith("google.protobuf.")) return;
    const support = SUPPORT[message.$typeName];
    const type = this.#decoder.registry.getMessage(message.$typeName);
    if (support === undefined || type === undefined) {
      this.#unknownMessage(message, holder);
      return;
    }
    for (const field of type.fields) this.#field(message, field, support);
  }

  #unknownMessage(message: PlainMessage, holder: Holder | undefined): void {
    const name = message.$typeName;
    const extensions = this.#decoder.knownTypes().extensionsOf(name);
    const { effect, isRefused } = effectOf(extensions.map((extension) => extension.category));
    // The position of its type says more than the field that holds it.
    const at = holder?.message ?? message;
    const field = holder === undefined ? "" : childName(holder.message, holder.field, holder.index);
    this.#problems.unsupported(at, field, `${name}: ${effect}`, isRefused);
  }

  #field(message: PlainMessage, field: FieldDescriptor, support: MessageSupport): void {
    if (!isConfigured(fieldValue(message, field), field)) return;
    const { name } = field;
    const refused = support.refused?.[name];
    if (refused !== undefined || !this.#isActed(message.$typeName, name, support)) {
      const effect = refused ?? support.missing?.[name] ?? NO_EFFECT;
      this.#problems.unsupported(message, name, effect, refused !== undefined);
      return;
    }
    if (field.enum !== undefined) this.#enumValue(message, field, support);
    if (field.messageName === undefined) return;
    const children = childMessages(message, field);
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      if (typeof child !== "object" || child === null || !("$typeName" in child)) continue;
      this.message(child, { message, field, index: i });
    }
  }

  #enumValue(message: PlainMessage, field: FieldDescriptor, support: MessageSupport): void {
    const value = fieldValue(message, field) as number;
    const refused = support.refusedValues?.[field.name]?.[value];
    const effect = refused ?? support.missingValues?.[field.name]?.[value];
    if (effect === undefined) return;
    const name = field.enum!.numbered(value)?.name ?? String(value);
    this.#problems.unsupported(message, field.name, `${name}: ${effect}`, refused !== undefined);
  }

  #isActed(typeName: string, field: string, support: MessageSupport): boolean {
    if (support.acted === "*") return true;
    let acted = this.#acted.get(typeName);
    if (acted === undefined) {
      this.#acted.set(typeName, acted = new Set(support.acted.split(" ")));
    }
    return acted.has(field);
  }
}

/** Whether a field says anything: left out, empty and default are the same. */
function isConfigured(value: unknown, field: FieldDescriptor): boolean {
  if (value === undefined) return false;
  if (field.fieldKind === "list") return (value as readonly unknown[]).length > 0;
  if (field.fieldKind === "map") return Object.keys(value as object).length > 0;
  if (field.fieldKind === "message" || field.oneof !== undefined || field.hasPresence) {
    return true;
  }
  if (value instanceof Uint8Array) return value.length > 0;
  return value !== false && value !== 0 && value !== 0n && value !== "";
}

/** Reports every configured field and extension below `root` that nothing acts on. */
export function reportUnsupported(
  root: PlainMessage,
  decoder: Decoder,
  problems: Problems,
): void {
  new Reporter(decoder, problems).message(root, undefined);
}

/** The fields a row names, for the test that each is a field of its message. */
export function fieldsNamedBy(support: MessageSupport, type: MessageDescriptor): readonly string[] {
  const acted = support.acted === "*" ? [] : support.acted.split(" ").filter(Boolean);
  const others = [
    support.missing,
    support.refused,
    support.missingValues,
    support.refusedValues,
  ].flatMap((record) => Object.keys(record ?? {}));
  const known = new Set(type.fields.map((field) => field.name));
  return [...acted, ...others].filter((name) => !known.has(name));
}
