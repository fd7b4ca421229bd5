/** Which filters end a chain: a terminal one stands last, and the last one is terminal. */

import type { Problems } from "../../base/mod.ts";
import type { Checks } from "./context.ts";

/** Types of filters that end a chain (Envoy: `isTerminalFilterByProto`). */
const TERMINAL: ReadonlySet<string> = new Set([
  "envoy.extensions.filters.http.router.v3.Router",
  "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
  "envoy.extensions.filters.network.direct_response.v3.Config",
  "envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy",
  "envoy.extensions.filters.network.echo.v3.Echo",
  "envoy.extensions.filters.network.generic_proxy.v3.GenericProxy",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy",
]);

interface OrderedFilter {
  readonly name: string;
  readonly configType: { readonly case?: string | undefined; readonly value?: unknown };
  readonly disabled?: boolean;
}

/** Checks by message type. */
export const FILTER_ORDER_CHECKS: Checks = {
  "envoy.config.listener.v3.FilterChain": ({ filters }, { problems }) =>
    checkOrder(filters, "network", problems),
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": (
    { httpFilters, upgradeConfigs },
    { problems },
  ) => {
    checkOrder(httpFilters, "http", problems);
    for (const upgrade of upgradeConfigs) checkOrder(upgrade.filters, "http upgrade", problems);
  },
};

function checkOrder(
  filters: readonly (object & OrderedFilter)[],
  kind: string,
  problems: Problems,
): void {
  for (const [i, filter] of filters.entries()) {
    const type = typeOf(filter);
    // What the type is, is reported elsewhere, or comes later by discovery.
    if (type === undefined) continue;
    const isLast = i === filters.length - 1;
    const isTerminal = TERMINAL.has(type);
    if (isTerminal && !isLast) {
      problems.error(
        filter,
        "",
        `terminal filter "${filter.name}" must be the last of its ${kind} filter chain`,
      );
    } else if (!isTerminal && isLast && mayJudge(type)) {
      const hint = kind === "network" ? undefined : "end the chain with envoy.filters.http.router";
      problems.error(
        filter,
        "",
        `the last ${kind} filter must be a terminal one, "${filter.name}" is not`,
        hint,
      );
    } else if (isTerminal && filter.disabled === true) {
      problems.error(filter, "disabled", "the last (terminal) filter cannot be disabled");
    }
  }
}

function typeOf(filter: OrderedFilter): string | undefined {
  if (filter.configType.case !== "typedConfig") return undefined;
  return (filter.configType.value as { readonly $typeName?: string }).$typeName;
}

/** Filters whose own configuration decides whether they are terminal. */
function mayJudge(type: string): boolean {
  return !type.includes(".dynamic_modules.") && !type.includes(".match_delegate.") &&
    !type.includes(".mcp_router.") && !type.includes(".reverse_tunnel.") &&
    !type.includes(".wasm.");
}
