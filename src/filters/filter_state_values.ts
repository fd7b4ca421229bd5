/** Values that set_filter_state filters put into filter state, each made of a formatted text. */

import { compileSubstitutionFormat, type FormatContext, type Formatter } from "../formatter/mod.ts";
import type { StreamInfo } from "../http/mod.ts";
import type {
  envoy_extensions_filters_common_set_filter_state_v3_FilterStateValue as ValueMessage,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { type ObjectFactory, objectFactory } from "./filter_state_objects.ts";

/** One compiled value. */
export interface StateValue {
  readonly key: string;
  readonly make: ObjectFactory;
  readonly format: Formatter;
  readonly skipsEmpty: boolean;
}

/** Compiles a list of values; what Envoy has no object factory for is an error. */
export function compileStateValues(
  messages: readonly ValueMessage[],
  context: CompileContext,
): readonly StateValue[] {
  return messages.flatMap((message) => compileValue(message, context) ?? []);
}

function compileValue(message: ValueMessage, context: CompileContext): StateValue | undefined {
  const key = message.key.case === "objectKey" ? message.key.value : "";
  const format = message.value.case === "formatString" ? message.value.value : undefined;
  const name = message.factoryKey === "" ? key : message.factoryKey;
  const make = objectFactory(name);
  if (make === "unknown") {
    context.problems.error(message, "", `'${name}' does not have an object factory`);
    return undefined;
  }
  if (make === "unused") {
    const effect = `"${name}" is not put into the filter state`;
    context.problems.unsupported(message, "factory_key", effect, true);
    return undefined;
  }
  if (format === undefined) return undefined;
  return {
    key,
    make,
    format: compileSubstitutionFormat(format, context),
    skipsEmpty: message.skipIfEmpty,
  };
}

/** Puts the values into the filter state of a stream; texts that make no object are left out. */
export function setStateValues(
  values: readonly StateValue[],
  info: StreamInfo,
  context: FormatContext,
): void {
  for (let i = 0; i < values.length; i++) {
    const { key, make, format, skipsEmpty } = values[i]!;
    const text = format.format(context);
    if (text === "" && skipsEmpty) continue;
    const object = make(text);
    if (object !== undefined) info.setStateObject(key, object);
  }
}
