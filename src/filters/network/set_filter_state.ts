/** Puts texts into the filter state of a connection, for the filters behind it. */

import type {
  NetworkCallbacks,
  NetworkFilter,
  NetworkFilterFactory,
  NetworkStatus,
} from "../../filter_chain/mod.ts";
import {
  compileSubstitutionFormat,
  type FormatContext,
  type Formatter,
} from "../../formatter/mod.ts";
import type {
  envoy_extensions_filters_common_set_filter_state_v3_FilterStateValue as ValueMessage,
  envoy_extensions_filters_network_set_filter_state_v3_Config as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { type ObjectFactory, objectFactory } from "./filter_state_objects.ts";

interface StateValue {
  readonly key: string;
  readonly make: ObjectFactory;
  readonly format: Formatter;
  readonly skipsEmpty: boolean;
}

interface Config {
  readonly onNewConnection: readonly StateValue[];
  readonly onData: readonly StateValue[];
}

class SetFilterState implements NetworkFilter {
  readonly #config: Config;
  readonly #callbacks: NetworkCallbacks;
  #hasData = false;

  constructor(config: Config, callbacks: NetworkCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  onNewConnection(): NetworkStatus {
    this.#set(this.#config.onNewConnection);
    return "continue";
  }

  onData(): NetworkStatus {
    if (!this.#hasData) {
      this.#hasData = true;
      this.#set(this.#config.onData);
    }
    return "continue";
  }

  onClose(): void {}

  #set(values: readonly StateValue[]): void {
    if (values.length === 0) return;
    const { streamInfo: info } = this.#callbacks;
    const context: FormatContext = {
      requestHeaders: undefined,
      responseHeaders: undefined,
      responseTrailers: undefined,
      info,
      localReplyBody: "",
      accessLogType: "NotSet",
    };
    for (const { key, make, format, skipsEmpty } of values) {
      const text = format.format(context);
      if (text === "" && skipsEmpty) continue;
      const object = make(text);
      if (object !== undefined) (info.filterState ??= new Map()).set(key, object);
    }
  }
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

function compileValues(messages: readonly ValueMessage[], context: CompileContext): StateValue[] {
  return messages.flatMap((message) => compileValue(message, context) ?? []);
}

export const setFilterStateFactory: NetworkFilterFactory<Config> = {
  name: "envoy.filters.network.set_filter_state",
  type: "envoy.extensions.filters.network.set_filter_state.v3.Config",
  isTerminal: false,
  compile(message, context) {
    const { onNewConnection, onDownstreamTlsHandshake, onDownstreamData } = message as Message;
    return {
      // Filters are built after the handshake, so that both moments are one.
      onNewConnection: compileValues([...onNewConnection, ...onDownstreamTlsHandshake], context),
      onData: compileValues(onDownstreamData, context),
    };
  },
  create: (config, callbacks) => new SetFilterState(config, callbacks),
};
