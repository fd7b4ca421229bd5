/** Header changes and formats of routes, over the formatter room. */

import {
  compileFormat,
  compileHeaderMutations,
  compileSubstitutionFormat,
  type FormatContext,
  type HeaderChangesSource,
} from "../formatter/mod.ts";
import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import { compileStringMatcher } from "../matching/mod.ts";
import type {
  envoy_config_common_mutation_rules_v3_HeaderMutation,
  envoy_config_core_v3_SubstitutionFormatString,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

/** One level's changes to `headers`; formats also read the request's headers. */
export interface HeaderChanges {
  apply(headers: HeaderMap, info: StreamInfo, requestHeaders: HeaderMap): void;
}

function formatContext(
  info: StreamInfo,
  requestHeaders: HeaderMap,
  responseHeaders: HeaderMap | undefined,
  localReplyBody = "",
): FormatContext {
  return {
    requestHeaders,
    responseHeaders,
    responseTrailers: undefined,
    info,
    localReplyBody,
    accessLogType: "NotSet",
  };
}

/** Compiles one level's lists for one direction; undefined if there is nothing to do. */
export function compileHeaderChanges(
  source: HeaderChangesSource,
  direction: "request" | "response",
  context: CompileContext,
): HeaderChanges | undefined {
  const changes = compileHeaderMutations(source, context);
  if (changes.isEmpty) return undefined;
  const isRequest = direction === "request";
  return {
    apply: (headers, info, requestHeaders) =>
      changes.apply(headers, formatContext(info, requestHeaders, isRequest ? undefined : headers)),
  };
}

/** The messages of all levels have these lists. */
export interface WithHeaderLists {
  readonly requestHeadersToAdd: HeaderChangesSource["add"];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: HeaderChangesSource["add"];
  readonly responseHeadersToRemove: readonly string[];
}

/** Compiles both directions of one level. */
export function compileLevelChanges(
  message: WithHeaderLists,
  context: CompileContext,
): { request: HeaderChanges | undefined; response: HeaderChanges | undefined } {
  return {
    request: compileHeaderChanges(
      {
        message,
        add: message.requestHeadersToAdd,
        remove: message.requestHeadersToRemove,
        removeField: "request_headers_to_remove",
      },
      "request",
      context,
    ),
    response: compileHeaderChanges(
      {
        message,
        add: message.responseHeadersToAdd,
        remove: message.responseHeadersToRemove,
        removeField: "response_headers_to_remove",
      },
      "response",
      context,
    ),
  };
}

/** Changes of request headers, in order. */
export type RequestMutations = (headers: HeaderMap, info: StreamInfo) => void;

/** Compiles a list of HeaderMutation messages. */
export function compileMutations(
  messages: readonly envoy_config_common_mutation_rules_v3_HeaderMutation[],
  context: CompileContext,
): RequestMutations {
  const steps: RequestMutations[] = [];
  for (const message of messages) {
    const action = message.action;
    if (action.case === "removeOnMatch") {
      const matcher = action.value.keyMatcher === undefined
        ? undefined
        : compileStringMatcher(action.value.keyMatcher, context);
      if (matcher === undefined) continue;
      const drop = (_id: number, name: string) => !name.startsWith(":") && matcher.matches(name);
      steps.push((headers) => headers.removeWhere(drop));
      continue;
    }
    const changes = compileHeaderChanges(
      {
        message,
        add: action.case === "append" ? [action.value] : [],
        remove: action.case === "remove" ? [action.value] : [],
        removeField: "remove",
      },
      "request",
      context,
    );
    if (changes !== undefined) steps.push((headers, info) => changes.apply(headers, info, headers));
  }
  return (headers, info) => {
    for (let i = 0; i < steps.length; i++) steps[i]!(headers, info);
  };
}

/** A text made from a request. */
export type RequestFormat = (headers: HeaderMap, info: StreamInfo) => string;

/** Compiles a format string; `omitsEmpty` leaves missing values out instead of printing "-". */
export function compileRequestFormat(
  text: string,
  place: { readonly message: object; readonly field: string; readonly omitsEmpty: boolean },
  context: CompileContext,
): RequestFormat {
  const { message, field, omitsEmpty } = place;
  const formatter = compileFormat(text, context, { message, field, omitEmpty: omitsEmpty });
  return (headers, info) =>
    formatter.constant ?? formatter.format(formatContext(info, headers, undefined));
}

/** The body of a direct response and the content type that goes with its format. */
export interface BodyFormat {
  readonly contentType: string | undefined;
  format(headers: HeaderMap, info: StreamInfo, body: string): string;
}

/** Compiles a `body_format`; %LOCAL_REPLY_BODY% is the configured body. */
export function compileBodyFormat(
  message: envoy_config_core_v3_SubstitutionFormatString,
  context: CompileContext,
): BodyFormat {
  const formatter = compileSubstitutionFormat(message, context);
  return {
    contentType: formatter.contentType ?? (formatter.isJson ? "application/json" : undefined),
    format: (headers, info, body) =>
      formatter.format(formatContext(info, headers, undefined, body)),
  };
}
