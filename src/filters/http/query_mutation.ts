/**
 * Changes to the query of a path (envoy.config.core.v3.KeyValueMutation). As Envoy does, the
 * parameters come out sorted by name and each with a "="; unlike Envoy, those that nothing changes
 * keep the bytes they came with, since decoded ones could not be told from separators again.
 */

import type { BaseCompileContext } from "../../base/mod.ts";
import { compileFormat, type FormatContext, type Formatter } from "../../formatter/mod.ts";
import { binaryText, percentDecode } from "../../matching/mod.ts";
import type {
  envoy_config_core_v3_KeyValueAppend as Append,
  envoy_config_core_v3_KeyValueMutation as Mutation,
} from "../../proto/mod.ts";

/** By the number of KeyValueAppend.KeyValueAppendAction. */
const ACTIONS = [
  "append_if_exists_or_add",
  "add_if_absent",
  "overwrite_if_exists_or_add",
  "overwrite_if_exists",
] as const;

type QueryStep =
  | { readonly kind: "remove"; readonly name: string }
  | {
    readonly kind: typeof ACTIONS[number];
    readonly name: string;
    readonly rawName: string;
    readonly value: Formatter;
    /** The encoded value where it is always the same. */
    readonly constant: string | undefined;
  };

/** A parameter; the name decoded, as mutations name it, and both as they are written. */
interface Parameter {
  readonly name: string;
  readonly rawName: string;
  readonly rawValue: string;
}

/** Changes to queries, in order. */
export interface QueryChanges {
  /** The path with its query changed. */
  apply(path: string, values: FormatContext): string;
}

/** Compiles a list of changes; undefined if it is empty. */
export function compileQueryMutations(
  messages: readonly Mutation[],
  context: BaseCompileContext,
  extensions: ReadonlySet<string>,
): QueryChanges | undefined {
  const steps: QueryStep[] = [];
  for (const message of messages) {
    const step = compileStep(message, context, extensions);
    if (step !== undefined) steps.push(step);
  }
  if (steps.length === 0) return undefined;
  return {
    apply(path, values) {
      const at = path.indexOf("?");
      const parameters = at < 0 ? [] : parseQuery(path.slice(at + 1));
      for (const step of steps) applyStep(step, parameters, values);
      return (at < 0 ? path : path.slice(0, at)) + writeQuery(parameters);
    },
  };
}

function compileStep(
  message: Mutation,
  context: BaseCompileContext,
  extensions: ReadonlySet<string>,
): QueryStep | undefined {
  const { problems } = context;
  const { append, remove } = message;
  if (append !== undefined && remove !== "") {
    problems.error(message, "remove", "Only one of 'append'/'remove can be specified.");
    return undefined;
  }
  if (append !== undefined) return compileAppend(append, context, extensions);
  if (remove !== "") return { kind: "remove", name: binaryText(remove) };
  problems.error(message, "", "One of 'append'/'remove' must be specified.");
  return undefined;
}

function compileAppend(
  message: Append,
  context: BaseCompileContext,
  extensions: ReadonlySet<string>,
): QueryStep | undefined {
  const { record } = message;
  if (record === undefined) {
    context.problems.error(message, "record", "No record specified for append mutation.");
    return undefined;
  }
  const text = record.value?.kind;
  if (text?.case !== "stringValue") {
    context.problems.error(record, "value", "Only string value is allowed for record value.");
    return undefined;
  }
  const place = { message: record, field: "value", omitEmpty: true, extensions };
  const name = binaryText(record.key);
  const value = compileFormat(text.value, context, place);
  return {
    kind: ACTIONS[message.action] ?? "append_if_exists_or_add",
    name,
    rawName: encodeName(name),
    value,
    constant: value.constant === undefined ? undefined : encodeValue(value.constant),
  };
}

function applyStep(step: QueryStep, parameters: Parameter[], values: FormatContext): void {
  const { name } = step;
  if (step.kind === "remove") {
    removeAll(parameters, name);
    return;
  }
  const { kind, rawName, value, constant } = step;
  const exists = parameters.some((parameter) => parameter.name === name);
  if (exists ? kind === "add_if_absent" : kind === "overwrite_if_exists") return;
  if (kind !== "append_if_exists_or_add") removeAll(parameters, name);
  parameters.push({ name, rawName, rawValue: constant ?? encodeValue(value.format(values)) });
}

function removeAll(parameters: Parameter[], name: string): void {
  let to = 0;
  for (const parameter of parameters) if (parameter.name !== name) parameters[to++] = parameter;
  parameters.length = to;
}

function parseQuery(query: string): Parameter[] {
  if (query === "") return [];
  return query.split("&").map((text) => {
    const equals = text.indexOf("=");
    const rawName = equals < 0 ? text : text.slice(0, equals);
    const rawValue = equals < 0 ? "" : text.slice(equals + 1);
    return { name: percentDecode(rawName), rawName, rawValue };
  });
}

/** Parameters of one name keep their order: the sort is stable. */
function writeQuery(parameters: Parameter[]): string {
  parameters.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  let text = "";
  for (const { rawName, rawValue } of parameters) {
    text += `${text === "" ? "?" : "&"}${rawName}=${rawValue}`;
  }
  return text;
}

/** Letters, digits and `*-._` stay, all other bytes are written as %XX, as Envoy writes values. */
function encodeValue(value: string): string {
  return value.replace(/[^\w*.-]/g, percent);
}

/** Only what would end the name or the request line. */
function encodeName(name: string): string {
  // deno-lint-ignore no-control-regex
  return name.replace(/[\x00-\x20#&=\x7f]/g, percent);
}

function percent(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
