/** ListenerFilterChainMatchPredicate: whether a listener filter is left out for a connection. */

import type { AcceptedSocket } from "../filter_chain/mod.ts";
import type { envoy_config_listener_v3_ListenerFilterChainMatchPredicate } from "../proto/mod.ts";

export type SocketPredicate = (socket: AcceptedSocket) => boolean;

/** Without a message nothing is left out. */
export function compileFilterDisabled(
  message: envoy_config_listener_v3_ListenerFilterChainMatchPredicate | undefined,
): SocketPredicate {
  const rule = message?.rule;
  switch (rule?.case) {
    case undefined:
      return () => false;
    case "anyMatch":
      return () => true;
    case "notMatch": {
      const inner = compileFilterDisabled(rule.value);
      return (socket) => !inner(socket);
    }
    case "orMatch": {
      const parts = rule.value.rules.map(compileFilterDisabled);
      return (socket) => parts.some((part) => part(socket));
    }
    case "andMatch": {
      const parts = rule.value.rules.map(compileFilterDisabled);
      return (socket) => parts.every((part) => part(socket));
    }
    case "destinationPortRange": {
      const { start, end } = rule.value;
      return ({ localAddress }) =>
        localAddress.kind === "ip" && localAddress.port >= start && localAddress.port < end;
    }
  }
}
