/** One HTTP filter of one stream, its messages decoded from plain objects. */

import type {
  FilterCallbacks,
  HttpFilter,
  HttpFilterFactory,
} from "../../../src/filter_chain/mod.ts";
import { HeaderMap, type StreamInfo } from "../../../src/http/mod.ts";
import { type FakeContext, fakeContext } from "../../support/fakes/compile_context.ts";
import { fakeStreamInfo } from "../../support/fakes/stream_info.ts";
import { decodeMessage } from "../../support/messages.ts";

type Pairs = readonly (readonly [string, string])[];

/** What the filter may read besides its own configuration. */
interface OneFilterOptions {
  /** Per-route configuration, the most specific level first. */
  readonly levels?: readonly object[];
}

/** A filter under test; compile problems throw. */
export class OneHttpFilter {
  readonly context: FakeContext;
  readonly filter: HttpFilter;
  readonly info: StreamInfo = fakeStreamInfo();
  routeClears = 0;
  #requestHeaders: HeaderMap | undefined = undefined;
  #responseHeaders: HeaderMap | undefined = undefined;

  static async create<Config, RouteConfig>(
    factory: HttpFilterFactory<Config, RouteConfig>,
    config: object,
    { levels = [] }: OneFilterOptions = {},
  ): Promise<OneHttpFilter> {
    const context = fakeContext();
    const { message } = await decodeMessage<object>(factory.type, config);
    const compiled = factory.compile(message, context, "http.t.");
    const routeConfigs: RouteConfig[] = [];
    for (const level of levels) {
      const decoded = await decodeMessage<object>(factory.routeType!, level);
      routeConfigs.push(factory.compileRoute!(decoded.message, context));
    }
    return new OneHttpFilter(
      context,
      routeConfigs,
      (callbacks) => factory.create(compiled, callbacks),
    );
  }

  private constructor(
    context: FakeContext,
    routeConfigs: readonly unknown[],
    create: (callbacks: FilterCallbacks) => HttpFilter,
  ) {
    this.context = context;
    const { info } = this;
    const requestHeaders = () => this.#requestHeaders;
    const responseHeaders = () => this.#responseHeaders;
    const callbacks = {
      dispatcher: context.dispatcher,
      streamInfo: info,
      get requestHeaders() {
        return requestHeaders();
      },
      get responseHeaders() {
        return responseHeaders();
      },
      routeConfig: () => routeConfigs[0],
      routeConfigs: () => routeConfigs,
      clearRouteCache: () => void this.routeClears++,
    };
    this.filter = create(callbacks as unknown as FilterCallbacks);
  }

  /** The headers after the filter saw them, and so on below. */
  request(...pairs: Pairs): [string, string][] {
    const headers = this.#requestHeaders = HeaderMap.of(...pairs);
    this.filter.decodeHeaders!(headers, false);
    return headers.entries();
  }

  requestTrailers(...pairs: Pairs): [string, string][] {
    const trailers = HeaderMap.of(...pairs);
    this.filter.decodeTrailers!(trailers);
    return trailers.entries();
  }

  response(...pairs: Pairs): [string, string][] {
    const headers = this.#responseHeaders = HeaderMap.of(...pairs);
    this.filter.encodeHeaders!(headers, false);
    return headers.entries();
  }

  responseTrailers(...pairs: Pairs): [string, string][] {
    const trailers = HeaderMap.of(...pairs);
    this.filter.encodeTrailers!(trailers);
    return trailers.entries();
  }
}

/** The texts of the problems that compiling `config` reports. */
export async function problemsOf(
  factory: HttpFilterFactory,
  config: object,
  isRoute = false,
): Promise<string[]> {
  const type = isRoute ? factory.routeType! : factory.type;
  const { message } = await decodeMessage<object>(type, config);
  const texts: string[] = [];
  const context = fakeContext({
    problems: {
      error: (_message, _field, text) => void texts.push(text),
      unsupported: (_message, _field, effect) => void texts.push(effect),
      warn: (_message, _field, text) => void texts.push(text),
    },
  });
  if (isRoute) factory.compileRoute!(message, context);
  else factory.compile(message, context, "http.t.");
  return texts;
}
