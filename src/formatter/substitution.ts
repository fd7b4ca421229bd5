/** SubstitutionFormatString: where a format comes from, and of which kind it is. */

import type { BaseCompileContext } from "../base/mod.ts";
import type {
  envoy_config_core_v3_DataSource,
  envoy_config_core_v3_SubstitutionFormatString,
  envoy_config_core_v3_TypedExtensionConfig,
} from "../proto/mod.ts";
import type { Formatter } from "./context.ts";
import { compileJsonFormat } from "./json_format.ts";
import { compileFormat, type FormatPlace } from "./text.ts";

/** Operators that stand behind a `formatters` extension, by its message type. */
const EXTENSION_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "envoy.extensions.formatter.cel.v3.Cel": [],
  "envoy.extensions.formatter.metadata.v3.Metadata": [],
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery": ["REQ_WITHOUT_QUERY"],
};

/** A compiled SubstitutionFormatString. JSON lines end with a newline, texts as they say. */
export interface SubstitutionFormatter extends Formatter {
  /** undefined: the kind's default. */
  readonly contentType: string | undefined;
  readonly isJson: boolean;
}

const EMPTY: Formatter = { format: () => "", constant: "" };

/**
 * The formatter of a SubstitutionFormatString, with its content type; unknown operators are
 * errors.
 */
export function compileSubstitutionFormat(
  message: envoy_config_core_v3_SubstitutionFormatString,
  context: BaseCompileContext,
): SubstitutionFormatter {
  const format = message.format;
  const extensions = compileFormatters(message, context);
  const place = (field: string): FormatPlace => ({
    message,
    field,
    omitEmpty: message.omitEmptyValues,
    extensions,
  });
  const isJson = format.case === "jsonFormat";
  const contentType = message.contentType === "" ? undefined : message.contentType;
  const kind = { contentType, isJson };
  switch (format.case) {
    case "textFormat":
      return { ...compileFormat(format.value, context, place("text_format")), ...kind };
    case "textFormatSource": {
      const text = readText(format.value, context);
      return { ...compileFormat(text, context, place("text_format_source")), ...kind };
    }
    case "jsonFormat": {
      const json = compileJsonFormat(format.value, context, place("json_format"));
      return { format: (values) => json.format(values) + "\n", constant: undefined, ...kind };
    }
    case undefined:
      context.problems.error(message, "format", "value is required");
      return { ...EMPTY, ...kind };
  }
}

/** A message with a list of `formatters` extensions. */
interface FormattersOwner {
  readonly formatters: readonly envoy_config_core_v3_TypedExtensionConfig[];
}

/** The operators that the `formatters` extensions of a message bring. */
export function compileFormatters(
  message: FormattersOwner,
  context: BaseCompileContext,
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, formatter] of message.formatters.entries()) {
    const type = formatter.typedConfig?.$typeName ?? "";
    const operators = EXTENSION_OPERATORS[type];
    if (operators === undefined) {
      const effect = `operators of the formatter "${formatter.name}" are unknown`;
      context.problems.unsupported(message, `formatters[${index}]`, effect);
      continue;
    }
    for (const name of operators) names.add(name);
  }
  return names;
}

/** The text of a data source; "" and a problem if it cannot be read. */
function readText(source: envoy_config_core_v3_DataSource, context: BaseCompileContext): string {
  const from = source.specifier;
  switch (from.case) {
    case "inlineString":
      return from.value;
    case "inlineBytes":
      return new TextDecoder().decode(from.value);
    case "filename":
      try {
        return Deno.readTextFileSync(from.value);
      } catch {
        const why = `file ${from.value} does not exist or cannot be read`;
        context.problems.error(source, "filename", why);
        return "";
      }
    case "environmentVariable": {
      const value = context.server.environment(from.value);
      if (value !== undefined) return value;
      const why = `Environment variable doesn't exist: ${from.value}`;
      context.problems.error(source, "environment_variable", why);
      return "";
    }
    case undefined:
      context.problems.error(source, "specifier", "value is required");
      return "";
  }
}
