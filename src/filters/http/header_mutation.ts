/** Changes headers, trailers and the query, by the filter's configuration and that of each route level. */

import type {
  FilterCallbacks,
  HeadersStatus,
  HttpFilter,
  HttpFilterFactory,
  TrailersStatus,
} from "../../filter_chain/mod.ts";
import {
  compileFormatters,
  compileMutationList,
  type FormatContext,
  type HeaderChanges,
  streamFormatContext,
} from "../../formatter/mod.ts";
import { H, type HeaderMap } from "../../http/mod.ts";
import type {
  envoy_extensions_filters_http_header_mutation_v3_HeaderMutation as Message,
  envoy_extensions_filters_http_header_mutation_v3_HeaderMutationPerRoute as RouteMessage,
  envoy_extensions_filters_http_header_mutation_v3_Mutations as MutationsMessage,
} from "../../proto/mod.ts";
import type { CompileContext } from "../../runtime/mod.ts";
import { compileQueryMutations, type QueryChanges } from "./query_mutation.ts";

/** What changes in each part of an exchange. */
interface Mutations {
  readonly request: HeaderChanges;
  readonly query: QueryChanges | undefined;
  readonly requestTrailers: HeaderChanges;
  readonly response: HeaderChanges;
  readonly responseTrailers: HeaderChanges;
}

/** The parts that are header maps. */
type Part = "request" | "requestTrailers" | "response" | "responseTrailers";

interface Config {
  readonly own: Mutations;
  /** Whether levels apply from the route table down, so that the route has the last word. */
  readonly mostSpecificWins: boolean;
}

class HeaderMutationFilter implements HttpFilter {
  readonly #config: Config;
  readonly #callbacks: FilterCallbacks;
  /** Of the route levels in the order they apply; looked up once. */
  #levels: readonly Mutations[] | undefined = undefined;

  constructor(config: Config, callbacks: FilterCallbacks) {
    this.#config = config;
    this.#callbacks = callbacks;
  }

  decodeHeaders(headers: HeaderMap): HeadersStatus {
    const values = streamFormatContext(this.#callbacks.streamInfo, headers);
    changeRequest(this.#config.own, headers, values);
    for (const level of this.#routeLevels()) changeRequest(level, headers, values);
    return "continue";
  }

  decodeTrailers(trailers: HeaderMap): TrailersStatus {
    const { streamInfo, requestHeaders } = this.#callbacks;
    this.#change("requestTrailers", trailers, streamFormatContext(streamInfo, requestHeaders));
    return "continue";
  }

  encodeHeaders(headers: HeaderMap): HeadersStatus {
    const { streamInfo, requestHeaders } = this.#callbacks;
    this.#change("response", headers, streamFormatContext(streamInfo, requestHeaders, { headers }));
    return "continue";
  }

  encodeTrailers(trailers: HeaderMap): TrailersStatus {
    const { streamInfo, requestHeaders, responseHeaders: headers } = this.#callbacks;
    const values = streamFormatContext(streamInfo, requestHeaders, { headers, trailers });
    this.#change("responseTrailers", trailers, values);
    return "continue";
  }

  #change(part: Part, headers: HeaderMap, values: FormatContext): void {
    this.#config.own[part].apply(headers, values);
    for (const level of this.#routeLevels()) level[part].apply(headers, values);
  }

  #routeLevels(): readonly Mutations[] {
    let levels = this.#levels;
    if (levels === undefined) {
      levels = this.#callbacks.routeConfigs<Mutations>();
      if (this.#config.mostSpecificWins && levels.length > 1) levels = levels.toReversed();
      this.#levels = levels;
    }
    return levels;
  }
}

function changeRequest(mutations: Mutations, headers: HeaderMap, values: FormatContext): void {
  mutations.request.apply(headers, values);
  if (mutations.query === undefined) return;
  const path = headers.getId(H.path);
  if (path !== undefined) headers.setId(H.path, mutations.query.apply(path, values));
}

function compileMutations(
  message: MutationsMessage | undefined,
  context: CompileContext,
): Mutations {
  const extensions = message === undefined
    ? new Set<string>()
    : compileFormatters(message, context);
  const list = (mutations: MutationsMessage["requestMutations"] | undefined): HeaderChanges =>
    compileMutationList(mutations ?? [], context, extensions);
  return {
    request: list(message?.requestMutations),
    query: compileQueryMutations(message?.queryParameterMutations ?? [], context, extensions),
    requestTrailers: list(message?.requestTrailersMutations),
    response: list(message?.responseMutations),
    responseTrailers: list(message?.responseTrailersMutations),
  };
}

export const headerMutationFactory: HttpFilterFactory<Config, Mutations> = {
  name: "envoy.filters.http.header_mutation",
  type: "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
  routeType: "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
  compile(message, context) {
    const { mutations, mostSpecificHeaderMutationsWins } = message as Message;
    return {
      own: compileMutations(mutations, context),
      mostSpecificWins: mostSpecificHeaderMutationsWins,
    };
  },
  compileRoute: (message, context) =>
    compileMutations((message as RouteMessage).mutations, context),
  create: (config, callbacks) => new HeaderMutationFilter(config, callbacks),
};
