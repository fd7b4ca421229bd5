/** The HTTP filters of one connection manager (or of one upgrade type), compiled once. */

import type {
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

/** The HTTP filters of a connection manager or of one kind of upgrade, compiled. */
export interface FilterChain {
  readonly filters: readonly CompiledFilter[];
}

type FilterMessage = HttpFilterMessage;

/**
 * Compiles a list of HTTP filters. That its last one is terminal and no other is, that each has a
 * configuration and that its extension is known, `config/` has checked with positions; a filter
 * that may not be served is left out here.
 * @param statPrefix `http.<stat_prefix>.`, as filters name their stats
 */
export function compileHttpFilters(
  messages: readonly FilterMessage[],
  context: CompileContext,
  statPrefix: string,
): FilterChain {
  const filters: CompiledFilter[] = [];
  for (const message of messages) {
    if (message.configType.case !== "typedConfig") continue;
    const config = message.configType.value;
    const factory = context.extension<HttpFilterFactory>("http_filter", config.$typeName);
    if (factory === undefined) continue;
    if (factory.type !== config.$typeName) {
      const text = `${config.$typeName} configures routes, not the filter itself`;
      context.problems.unsupported(message, "typed_config", text, true);
      continue;
    }
    if (message.disabled && factory.isTerminal === true) {
      context.problems.error(message, "disabled", "A terminal filter cannot be disabled");
    }
    filters.push(
      new CompiledFilter(message.name, {
        factory,
        config: factory.compile(config, context, statPrefix),
        isDisabled: message.disabled,
      }),
    );
  }
  return { filters };
}
