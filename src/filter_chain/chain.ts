/** The HTTP filters of one connection manager (or of one upgrade type), compiled once. */

import type {
  AnyMessage,
  envoy_extensions_filters_network_http_connection_manager_v3_HttpFilter as HttpFilterMessage,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { HttpFilterFactory } from "./http.ts";

/** One filter of a chain. */
export class CompiledFilter {
  /** The name that per-route configuration refers to. */
  readonly name: string;
  readonly factory: HttpFilterFactory;
  readonly config: unknown;
  /** Off unless a route switches it on. */
  readonly isDisabled: boolean;
  /** Bits of HOOK; learned from the first filter created, -1 before. */
  hooks = -1;

  constructor(
    name: string,
    { factory, config, isDisabled }: {
      readonly factory: HttpFilterFactory;
      readonly config: unknown;
      readonly isDisabled: boolean;
    },
  ) {
    this.name = name;
    this.factory = factory;
    this.config = config;
    this.isDisabled = isDisabled;
  }
}

export interface FilterChain {
  readonly filters: readonly CompiledFilter[];
}

/** Where a list of filters stands, for its rules. */
export interface FilterListOptions {
  /** The message the problems point at, and the field of the list in it. */
  readonly owner: object;
  readonly field: string;
  /** `http.<stat_prefix>` without a dot at its end. */
  readonly statPrefix: string;
}

type FilterMessage = HttpFilterMessage;

/**
 * Compiles a list of HTTP filters. Envoy's rules: the list is not empty, its last filter is
 * terminal (the router) and no other is; a filter whose extension is unknown may be optional.
 */
export function compileHttpFilters(
  messages: readonly FilterMessage[],
  context: CompileContext,
  options: FilterListOptions,
): FilterChain {
  const filters: CompiledFilter[] = [];
  messages.forEach((message, i) => {
    const filter = compileFilter(message, context, options);
    if (filter === undefined) return;
    checkTerminal(filter, context, { ...options, index: i, isLast: i === messages.length - 1 });
    filters.push(filter);
  });
  if (messages.length === 0) {
    context.problems.error(
      options.owner,
      options.field,
      "The list of HTTP filters is empty",
      "end it with envoy.filters.http.router",
    );
  }
  return { filters };
}

function compileFilter(
  message: FilterMessage,
  context: CompileContext,
  options: FilterListOptions,
): CompiledFilter | undefined {
  const { problems } = context;
  if (message.configType.case === "configDiscovery") {
    problems.unsupported(message, "config_discovery", "the filter would be missing", true);
    return undefined;
  }
  const config: AnyMessage | undefined = message.configType.value;
  if (config === undefined) {
    if (!message.isOptional) {
      problems.error(message, "typed_config", `Filter "${message.name}" has no typed_config`);
    }
    return undefined;
  }
  const factory = context.extension<HttpFilterFactory>("http_filter", config.$typeName);
  if (factory === undefined) {
    if (message.isOptional) problems.unsupported(message, "typed_config", "the filter is left out");
    else problems.unsupported(message, "typed_config", "the filter would be missing", true);
    return undefined;
  }
  if (message.disabled && factory.isTerminal === true) {
    problems.error(message, "disabled", "A terminal filter cannot be disabled");
  }
  return new CompiledFilter(message.name, {
    factory,
    config: factory.compile(config, context, `${options.statPrefix}.`),
    isDisabled: message.disabled,
  });
}

function checkTerminal(
  filter: CompiledFilter,
  context: CompileContext,
  place: FilterListOptions & { readonly index: number; readonly isLast: boolean },
): void {
  const isTerminal = filter.factory.isTerminal === true;
  if (isTerminal === place.isLast) return;
  const field = `${place.field}[${place.index}]`;
  context.problems.error(
    place.owner,
    field,
    isTerminal
      ? `Terminal filter "${filter.name}" must be the last of its chain`
      : `The last filter "${filter.name}" must be a terminal filter`,
    isTerminal ? "move it to the end" : "end the list with envoy.filters.http.router",
  );
}
