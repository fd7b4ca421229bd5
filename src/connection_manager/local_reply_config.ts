/** local_reply_config: mappers and formats for what the proxy answers by itself. */

import { compileLogFilter, type LogFilter } from "../access_log/mod.ts";
import type { LocalReplyDraft } from "../filter_chain/mod.ts";
import {
  compileHeaderMutations,
  compileSubstitutionFormat,
  type FormatContext,
  type HeaderChanges,
  type SubstitutionFormatter,
} from "../formatter/mod.ts";
import { H, type HeaderMap, STATUS_TEXTS, type StreamInfo } from "../http/mod.ts";
import { binaryText } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_DataSource,
  envoy_extensions_filters_network_http_connection_manager_v3_LocalReplyConfig as Message,
  envoy_extensions_filters_network_http_connection_manager_v3_ResponseMapper as MapperMessage,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

interface Mapper {
  readonly filter: LogFilter;
  readonly status: number | undefined;
  readonly body: string | undefined;
  readonly format: SubstitutionFormatter | undefined;
  readonly headers: HeaderChanges;
}

/** Compiled; `rewrite` changes a reply in place. */
export interface LocalReplyRules {
  rewrite(
    headers: HeaderMap,
    draft: LocalReplyDraft,
    stream: { readonly requestHeaders: HeaderMap | undefined; readonly info: StreamInfo },
  ): void;
}

/**
 * The first mapper that matches rewrites status, headers and body; faults go to the context's
 * problems.
 */
export function compileLocalReply(message: Message, context: CompileContext): LocalReplyRules {
  const mappers = message.mappers.map((mapper) => compileMapper(mapper, context));
  const bodyFormat = message.bodyFormat === undefined
    ? undefined
    : compileSubstitutionFormat(message.bodyFormat, context);
  return {
    rewrite(headers, draft, { requestHeaders, info }) {
      headers.setId(H.status, STATUS_TEXTS[draft.status]!);
      // Filters and formats read the code from here.
      info.responseCode = draft.status;
      const values: MutableContext = {
        requestHeaders,
        responseHeaders: headers,
        responseTrailers: undefined,
        info,
        localReplyBody: draft.body,
        accessLogType: "NotSet",
      };
      const mapper = mappers.find((candidate) => candidate.filter(values));
      if (mapper !== undefined) applyMapper(mapper, headers, draft, values);
      const format = mapper?.format ?? bodyFormat;
      if (format === undefined) return;
      values.localReplyBody = draft.body;
      draft.body = format.constant ?? format.format(values);
      draft.contentType = format.contentType ?? (format.isJson ? "application/json" : "text/plain");
    },
  };
}

type MutableContext = { -readonly [Key in keyof FormatContext]: FormatContext[Key] };

function applyMapper(
  mapper: Mapper,
  headers: HeaderMap,
  draft: LocalReplyDraft,
  values: FormatContext,
): void {
  if (mapper.body !== undefined) draft.body = mapper.body;
  mapper.headers.apply(headers, values);
  if (mapper.status === undefined) return;
  draft.status = mapper.status;
  headers.setId(H.status, STATUS_TEXTS[mapper.status]!);
  values.info.responseCode = mapper.status;
}

function compileMapper(message: MapperMessage, context: CompileContext): Mapper {
  if (message.filter === undefined) {
    context.problems.error(message, "filter", "value is required");
  }
  return {
    filter: message.filter === undefined ? () => false : compileLogFilter(message.filter, context),
    status: message.statusCode,
    body: message.body === undefined ? undefined : readBody(message.body, context),
    format: message.bodyFormatOverride === undefined
      ? undefined
      : compileSubstitutionFormat(message.bodyFormatOverride, context),
    headers: compileHeaderMutations({ add: message.headersToAdd, message }, context),
  };
}

/** The bytes of a data source as a binary string. */
function readBody(source: envoy_config_core_v3_DataSource, context: CompileContext): string {
  const from = source.specifier;
  switch (from.case) {
    case "inlineString":
      return binaryText(from.value);
    case "inlineBytes":
      return latin1(from.value);
    case "environmentVariable":
      return binaryText(context.server.environment(from.value) ?? "");
    case "filename":
      try {
        return latin1(Deno.readFileSync(from.value));
      } catch {
        const why = `file ${from.value} does not exist or cannot be read`;
        context.problems.error(source, "filename", why);
        return "";
      }
    case undefined:
      context.problems.error(source, "specifier", "value is required");
      return "";
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
