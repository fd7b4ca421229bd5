/** Addresses a listener binds, out of their messages. */

import type { Address } from "../base/mod.ts";
import { parseIp } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_Address,
  envoy_config_core_v3_SocketAddress,
  envoy_config_core_v3_TcpKeepalive,
  envoy_config_listener_v3_Listener,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";

/** One socket to bind. */
export interface BindAddress {
  readonly address: Address;
  /** Mode bits of a Unix socket's file; undefined: what the umask leaves. */
  readonly unixMode: number | undefined;
  /** Idle seconds before the first keepalive probe; undefined: no keepalive. */
  readonly keepaliveTimeS: number | undefined;
}

/** Linux's default of idle seconds before a keepalive probe. */
const KEEPALIVE_TIME_S = 7200;

/** The main address and the additional ones; those with problems are left out. */
export function compileAddresses(
  message: envoy_config_listener_v3_Listener,
  context: CompileContext,
): BindAddress[] {
  const { problems } = context;
  const found: BindAddress[] = [];
  if (message.address === undefined) {
    const text = `error adding listener named '${message.name}': address is necessary`;
    problems.error(message, "address", text);
    return found;
  }
  const keepalive = compileKeepalive(message.tcpKeepalive, context);
  const main = compileAddress(message.address, context);
  if (main !== undefined) found.push({ ...main, keepaliveTimeS: keepalive });
  message.additionalAddresses.forEach((additional, index) => {
    if (additional.address === undefined) {
      problems.error(message, `additional_addresses[${index}]`, "address is necessary");
      return;
    }
    if (additional.socketOptions !== undefined) {
      problems.unsupported(additional, "socket_options", "the options are not set");
    }
    const compiled = compileAddress(additional.address, context);
    if (compiled === undefined) return;
    const own = compileKeepalive(additional.tcpKeepalive, context);
    found.push({ ...compiled, keepaliveTimeS: own ?? keepalive });
  });
  return found;
}

function compileAddress(
  message: envoy_config_core_v3_Address,
  context: CompileContext,
): Pick<BindAddress, "address" | "unixMode"> | undefined {
  const { address } = message;
  switch (address.case) {
    case "socketAddress":
      return compileSocketAddress(address.value, context);
    case "pipe": {
      const { path, mode } = address.value;
      if (mode !== 0 && path.startsWith("@")) {
        const text = "Cannot set mode for Abstract AF_UNIX sockets";
        context.problems.error(address.value, "mode", text);
      }
      return { address: { kind: "pipe", path }, unixMode: mode === 0 ? undefined : mode };
    }
    case "envoyInternalAddress":
      context.problems.error(message, "envoy_internal_address", "a listener cannot bind it");
      return undefined;
    case undefined:
      context.problems.error(message, "address", "value is required");
      return undefined;
  }
}

function compileSocketAddress(
  message: envoy_config_core_v3_SocketAddress,
  context: CompileContext,
): Pick<BindAddress, "address" | "unixMode"> | undefined {
  const { problems } = context;
  const { address: host } = message;
  if (parseIp(host) === undefined) {
    problems.error(message, "address", `malformed IP address: ${host}`);
    return undefined;
  }
  if (message.portSpecifier.case === "namedPort") {
    problems.error(message, "named_port", "named ports have no meaning for a listener");
    return undefined;
  }
  if (message.networkNamespaceFilepath !== "") {
    const effect = "the socket would be bound in the process's own network namespace";
    problems.unsupported(message, "network_namespace_filepath", effect, true);
  }
  if (message.ipv4Compat) {
    problems.unsupported(message, "ipv4_compat", "IPv4 clients need an IPv4 address of their own");
  }
  const port = message.portSpecifier.value ?? 0;
  return { address: { kind: "ip", host, port }, unixMode: undefined };
}

function compileKeepalive(
  message: envoy_config_core_v3_TcpKeepalive | undefined,
  context: CompileContext,
): number | undefined {
  if (message === undefined) return undefined;
  if (message.keepaliveProbes !== undefined) {
    context.problems.unsupported(message, "keepalive_probes", "the system's own value applies");
  }
  if (message.keepaliveInterval !== undefined) {
    context.problems.unsupported(message, "keepalive_interval", "the system's own value applies");
  }
  const seconds = message.keepaliveTime ?? KEEPALIVE_TIME_S;
  return seconds === 0 ? undefined : seconds;
}
