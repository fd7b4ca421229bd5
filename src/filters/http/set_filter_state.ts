/** Puts texts into the filter state of a stream when its request headers come. */

import type {
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
} from "../../filter_chain/mod.ts";
import { streamFormatContext } from "../../formatter/mod.ts";
import type { HeaderMap } from "../../http/mod.ts";
import type {
  envoy_extensions_filters_http_set_filter_state_v3_Config as Message,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { compileStateValues, setStateValues, type StateValue } from "../filter_state_values.ts";

interface Config {
  readonly values: readonly StateValue[];
  readonly clearsRouteCache: boolean;
}

class SetFilterState implements HttpFilter {
  readonly #config: Config;
  readonly #callbacks: FilterCallbacks;

  constructor(config: Config, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  /** The chain's values first, then those of the route levels: the route's own have the last word. */
  decodeHeaders(headers: HeaderMap): HeadersStatus {
    const { streamInfo } = this.#callbacks;
    const { values, clearsRouteCache } = this.#config;
    const context = streamFormatContext(streamInfo, headers);
    setStateValues(values, streamInfo, context);
    const levels = this.#callbacks.routeConfigs<Config>();
    let clears = clearsRouteCache;
    for (let i = levels.length - 1; i >= 0; i--) {
      setStateValues(levels[i]!.values, streamInfo, context);
      clears ||= levels[i]!.clearsRouteCache;
    }
    if (clears) this.#callbacks.clearRouteCache();
    return "continue";
  }
}

function compile(message: object, context: CompileContext): Config {
  const { onRequestHeaders, clearRouteCache } = message as Message;
  return {
    values: compileStateValues(onRequestHeaders, context),
    clearsRouteCache: clearRouteCache,
  };
}

export const setFilterStateFactory: HttpFilterFactory<Config, Config> = {
  name: "envoy.filters.http.set_filter_state",
  type: "envoy.extensions.filters.http.set_filter_state.v3.Config",
  routeType: "envoy.extensions.filters.http.set_filter_state.v3.Config",
  compile,
  compileRoute: compile,
  create: (config, callbacks) => new SetFilterState(config, callbacks),
};
