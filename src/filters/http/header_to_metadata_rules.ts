/** The rules of header_to_metadata: which header or cookie goes where, and changed in what way. */

import type { HeaderMap } from "../../http/mod.ts";
import { binaryText, compileRegexRewrite, cookieValue, headerName } from "../../matching/mod.ts";
import type {
  envoy_extensions_filters_http_header_to_metadata_v3_Config_KeyValuePair as PairMessage,
  envoy_extensions_filters_http_header_to_metadata_v3_Config_Rule as RuleMessage,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";

/** By the number of ValueType. */
const TYPES = ["string", "number", "protobuf"] as const;
const BASE64 = 1;
const DEFAULT_NAMESPACE = "envoy.filters.http.header_to_metadata";

/** Where a value goes, and how it is made of the text found. */
export interface MetadataTarget {
  readonly namespace: string;
  readonly key: string;
  /** The text to store for the one found ("" if it is missing); both are binary strings. */
  readonly change: (text: string) => string;
  readonly rewrites: boolean;
  readonly type: typeof TYPES[number];
  readonly isBase64: boolean;
}

/** One compiled rule. */
export interface MetadataRule {
  /** The header's values joined, or the cookie's; undefined if there is none. */
  readonly read: (headers: HeaderMap) => string | undefined;
  readonly onPresent: MetadataTarget | undefined;
  readonly onMissing: MetadataTarget | undefined;
  /** The header to remove once it was read. */
  readonly removes: string | undefined;
}

/** Compiles the rules of one direction; those that Envoy refuses are errors and left out. */
export function compileMetadataRules(
  messages: readonly RuleMessage[],
  context: CompileContext,
): readonly MetadataRule[] {
  return messages.flatMap((message) => compileRule(message, context) ?? []);
}

function compileRule(message: RuleMessage, context: CompileContext): MetadataRule | undefined {
  const fault = faultOf(message);
  if (fault !== undefined) {
    context.problems.error(message, fault.field, fault.text);
    return undefined;
  }
  const { onHeaderPresent: present, onHeaderMissing: missing, remove } = message;
  const header = headerName(message.header);
  const cookie = binaryText(message.cookie);
  return {
    read: message.cookie === ""
      ? (headers) => headers.joined(header)
      // An empty cookie counts as none.
      : (headers) => cookieValue(headers, cookie) || undefined,
    onPresent: present === undefined ? undefined : compilePresent(present, context),
    onMissing: missing === undefined ? undefined : compileMissing(missing, context),
    removes: remove ? header : undefined,
  };
}

function faultOf(message: RuleMessage): { field: string; text: string } | undefined {
  const { header, cookie, onHeaderPresent: present, onHeaderMissing: missing } = message;
  if (header !== "" && cookie !== "") {
    return { field: "cookie", text: "Cannot specify both header and cookie in the same rule" };
  }
  if (header === "" && cookie === "") {
    return { field: "", text: "One of Cookie or Header option needs to be specified" };
  }
  if (present === undefined && missing === undefined) {
    const what = header === "" ? `cookie '${cookie}'` : `header '${header}'`;
    const lack = "has neither `on_header_present` nor `on_header_missing` set";
    return { field: "", text: `header to metadata filter: rule for ${what} ${lack}` };
  }
  if (present?.regexValueRewrite !== undefined && present.value !== "") {
    return {
      field: "on_header_present",
      text: "Cannot specify both value and regex_value_rewrite",
    };
  }
  if (cookie !== "" && message.remove) {
    return { field: "remove", text: "Cannot specify remove for cookie" };
  }
  if (missing !== undefined && missing.value === "") {
    const text = "Cannot specify on_header_missing rule with an empty value";
    return { field: "on_header_missing", text };
  }
  return undefined;
}

function compilePresent(message: PairMessage, context: CompileContext): MetadataTarget {
  const rewrite = message.regexValueRewrite;
  const value = binaryText(message.value);
  const change = rewrite !== undefined
    ? compileRegexRewrite(rewrite, context, "warning")
    : value === ""
    ? (text: string) => text
    : () => value;
  return { ...targetOf(message), change, rewrites: rewrite !== undefined };
}

function compileMissing(message: PairMessage, context: CompileContext): MetadataTarget {
  if (message.regexValueRewrite !== undefined) {
    const effect = "no effect: a header that is missing has nothing to rewrite";
    context.problems.warn(message, "regex_value_rewrite", effect);
  }
  const value = binaryText(message.value);
  return { ...targetOf(message), change: () => value, rewrites: false };
}

function targetOf(message: PairMessage) {
  return {
    namespace: message.metadataNamespace === "" ? DEFAULT_NAMESPACE : message.metadataNamespace,
    key: message.key,
    type: TYPES[message.type] ?? "string",
    isBase64: message.encode === BASE64,
  };
}
