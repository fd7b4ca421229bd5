/** Answers that a route gives by itself. */

import type { HeaderMap, StreamInfo } from "../http/mod.ts";
import { binaryText } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_DataSource,
  envoy_config_route_v3_DirectResponseAction,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { DirectResponseAction } from "./route.ts";
import { compileBodyFormat } from "./header_changes.ts";

/** @param maxBytes limit of the body, the table's max_direct_response_body_size_bytes */
export function compileDirectResponse(
  message: envoy_config_route_v3_DirectResponseAction,
  maxBytes: number,
  context: CompileContext,
): DirectResponseAction {
  const source = message.body;
  const body = source === undefined ? "" : readSource(source, context);
  if (body.length > maxBytes) {
    const text = `response body size is ${body.length} bytes; maximum is ${maxBytes}`;
    context.problems.error(message, "body", text);
  }
  const format = message.bodyFormat;
  if (format === undefined) {
    return {
      kind: "direct_response",
      status: message.status,
      body: () => body,
      contentType: undefined,
    };
  }
  const formatter = compileBodyFormat(format, context);
  return {
    kind: "direct_response",
    status: message.status,
    body: (headers: HeaderMap, info: StreamInfo) => formatter.format(headers, info, body),
    contentType: formatter.contentType,
  };
}

/** The bytes of a data source as a binary string. */
function readSource(source: envoy_config_core_v3_DataSource, context: CompileContext): string {
  const specifier = source.specifier;
  switch (specifier.case) {
    case "inlineString":
      return binaryText(specifier.value);
    case "inlineBytes":
      return bytesText(specifier.value);
    case "filename":
      try {
        return bytesText(Deno.readFileSync(specifier.value));
      } catch {
        context.problems.error(source, "filename", `Invalid path: ${specifier.value}`);
        return "";
      }
    case "environmentVariable": {
      const value = context.server.environment(specifier.value);
      if (value !== undefined) return binaryText(value);
      const text = `Environment variable doesn't exist: ${specifier.value}`;
      context.problems.error(source, "environment_variable", text);
      return "";
    }
    case undefined:
      return "";
  }
}

function bytesText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
