/**
 * Text → a plain message tree with positions. Plain means: what structured clone carries, with
 * every google.protobuf.Any replaced by the message in it (see STYLE §3 and proto/).
 */

import type { ConfigProblem, Problems } from "../base/mod.ts";
import {
  type KnownTypes,
  loadKnownTypes,
  type MessageDescriptor,
  type Registry,
} from "../proto/registry.ts";
import { FieldNames } from "./field_names.ts";
import { parseJson } from "./json_tree.ts";
import { mergeMessages } from "./merge.ts";
import { MessageReader, type ReadContext } from "./message_reader.ts";
import { Origins } from "./origins.ts";
import { ProblemList } from "./problem_list.ts";
import { DeprecatedFields } from "./rules/deprecated.ts";
import { MessageRules } from "./rules/message_rules.ts";
import { showNode } from "./scalar_values.ts";
import { SourceText } from "./source_text.ts";
import type { ParsedTree } from "./tree.ts";
import type { PlainMessage } from "./well_known_values.ts";
import { parseYaml } from "./yaml_tree.ts";

/** How a text is written. */
export type TextFormat = "yaml" | "json";

/** One text to decode. */
export interface ConfigText {
  readonly text: string;
  /** As problems name it. */
  readonly file: string;
  /** By the file's name where it is left out: `.yaml` and `.yml` are YAML, all else JSON. */
  readonly format?: TextFormat;
}

/** A decoded tree with what is wrong with it. */
export interface Decoded {
  readonly message: PlainMessage;
  readonly problems: ProblemList;
  readonly origins: Origins;
  /** Whether the texts are no such message, apart from the rules of the API. */
  readonly isUnreadable: boolean;
  /** For compile steps: message and field become a position. */
  sink(): Problems;
  /** Forgets where things stand, with the text and its tree: later problems have no position. */
  release(): void;
  /** All problems so far, in the order of the text. */
  allProblems(): readonly ConfigProblem[];
}

/** YAML is read at about 10 MB a second, JSON faster; larger files are refused before they are read. */
export const MAX_TEXT_BYTES: Readonly<Record<TextFormat, number>> = {
  yaml: 4 * 1024 * 1024,
  json: 32 * 1024 * 1024,
};

/** The format of a file by its name, as in Envoy. */
export function formatOf(file: string): TextFormat {
  return /\.ya?ml$/i.test(file) ? "yaml" : "json";
}

/** Why a text of this size is not read, or undefined. */
export function sizeProblem(bytes: number, format: TextFormat): string | undefined {
  const limit = MAX_TEXT_BYTES[format];
  if (bytes <= limit) return undefined;
  return `the file has ${bytes} bytes, more than the ${limit} that are read of ${format}`;
}

/** Reads texts against one registry; holds the look-ups and rules compiled from it. */
export class Decoder {
  readonly registry: Registry;
  readonly rules: MessageRules;
  readonly deprecated: DeprecatedFields;
  readonly #names = new FieldNames();
  #knownTypes: KnownTypes | undefined;

  constructor(registry: Registry) {
    this.registry = registry;
    this.rules = new MessageRules(registry);
    this.deprecated = new DeprecatedFields(registry);
  }

  /** What Envoy knows by name beyond the descriptors; loaded on first use. */
  knownTypes(): KnownTypes {
    return this.#knownTypes ??= loadKnownTypes();
  }

  /**
   * Decodes the first text and merges the others over it, as Envoy merges `--config-yaml`; checks
   * the rules of the API, but nothing that needs more than one message.
   */
  decode(
    texts: readonly ConfigText[],
    typeName: string,
    { allowsUnknownFields = false }: { readonly allowsUnknownFields?: boolean } = {},
  ): Decoded {
    const type = this.registry.getMessage(typeName);
    if (type === undefined) throw new RangeError(`No descriptor of ${typeName}`);
    const problems = new ProblemList(texts[0]?.file ?? "");
    const origins = new Origins();
    let message: PlainMessage | undefined;
    for (const text of texts) {
      const read = this.#read(text, type, { problems, origins, allowsUnknownFields });
      message = message === undefined ? read : mergeMessages(message, read, this.registry, origins);
    }
    const isUnreadable = problems.hasErrors;
    const sink = problems.sink(origins);
    this.rules.check(message!, sink);
    return {
      message: message!,
      problems,
      origins,
      isUnreadable,
      sink: () => sink,
      release: () => origins.release(),
      allProblems: () => problems.toArray(),
    };
  }

  #read(
    { text, file, format = formatOf(file) }: ConfigText,
    type: MessageDescriptor,
    into: Pick<ReadContext, "problems" | "origins" | "allowsUnknownFields">,
  ): PlainMessage {
    const { problems } = into;
    const tooLarge = sizeProblem(text.length, format);
    if (tooLarge !== undefined) problems.addUnplaced(tooLarge);
    const tree = tooLarge !== undefined
      ? undefined
      : format === "yaml"
      ? parseYaml(text, file)
      : parseJson(text, file);
    const reader = new MessageReader({
      registry: this.registry,
      knownTypes: () => this.knownTypes(),
      names: this.#names,
      ...into,
      source: tree?.source ?? new SourceText(file, ""),
    });
    if (tree !== undefined) reportSyntax(tree, problems);
    const root = tree?.root;
    if (root?.kind === "map") return reader.fields(root, type, undefined);
    if (root !== undefined) {
      reader.refuse(root, undefined, `expected ${type.typeName} (a map), found ${showNode(root)}`);
    }
    return reader.fields({ kind: "map", offset: 0, entries: [] }, type, undefined);
  }
}

function reportSyntax(tree: ParsedTree, problems: ProblemList): void {
  const { source } = tree;
  for (const { offset, message, hint } of tree.problems) {
    problems.add("error", { source, offset, place: undefined }, message, hint);
  }
  for (const { offset, message } of tree.warnings) {
    problems.add("warning", { source, offset, place: undefined }, message);
  }
}
