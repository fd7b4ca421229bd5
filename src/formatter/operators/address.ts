/** Addresses of both sides, whole or in parts. */

import { type Address, formatAddress } from "../../base/mod.ts";
import { cidrOf } from "../../matching/mod.ts";
import type { FormatContext, ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { nonEmpty, type Operator, refuse } from "./operator.ts";

type AddressReader = (context: FormatContext) => Address | undefined;

const downstreamRemote: AddressReader = ({ info }) => info.remoteAddress;
const downstreamDirectRemote: AddressReader = ({ info }) => info.connection.directRemoteAddress;
const downstreamLocal: AddressReader = ({ info }) => info.connection.localAddress;
const downstreamDirectLocal: AddressReader = ({ info }) => info.connection.directLocalAddress;
const upstreamRemote: AddressReader = ({ info }) => info.upstream?.address;
const upstreamLocal: AddressReader = ({ info }) => info.upstream?.localAddress;

type Row = Pick<Operator, "syntax" | "compile">;

/** `1.2.3.4:80`, `[::1]:80`, or the path of a Unix socket. */
export function whole(read: AddressReader): Row {
  const provider: ValueProvider = (context) => {
    const address = read(context);
    return address === undefined ? undefined : formatAddress(address);
  };
  return { syntax: "bare", compile: () => provider };
}

/** The IP alone; with an argument, the range of that many bits it lies in. */
export function withoutPort(read: AddressReader): Row {
  return {
    syntax: "argument_optional",
    compile: ({ argument }) => {
      const bits = /^\d+$/.test(argument) ? Number(argument) : undefined;
      return (context) => {
        const address = read(context);
        if (address === undefined) return undefined;
        if (address.kind !== "ip") return formatAddress(address);
        return bits === undefined ? address.host : cidrOf(address.host, bits);
      };
    },
  };
}

/** The port as a number; absent for Unix sockets. */
export function port(read: AddressReader): Row {
  const provider: ValueProvider = (context) => {
    const address = read(context);
    return address?.kind === "ip" ? address.port : undefined;
  };
  return { syntax: "bare", compile: () => provider };
}

/** Endpoint id of an internal address. */
export function endpointId(read: AddressReader): Row {
  const provider: ValueProvider = (context) => {
    const address = read(context);
    return address?.kind === "internal" ? address.endpointId : address && "";
  };
  return { syntax: "bare", compile: () => provider };
}

/** Hostname of the upstream endpoint, its address where it has none. */
const upstreamHostName: ValueProvider = ({ info }) => {
  const upstream = info.upstream;
  if (upstream?.address === undefined) return undefined;
  return nonEmpty(upstream.hostname) ?? formatAddress(upstream.address);
};

const upstreamHostNameWithoutPort: ValueProvider = ({ info }) => {
  const upstream = info.upstream;
  if (upstream?.address === undefined) return undefined;
  const name = nonEmpty(upstream.hostname);
  if (name === undefined) {
    return upstream.address.kind === "ip" ? upstream.address.host : formatAddress(upstream.address);
  }
  const colon = name.lastIndexOf(":");
  return colon > 0 && /^\d+$/.test(name.slice(colon + 1)) ? name.slice(0, colon) : name;
};

const SERVER_NAME_OPTIONS: ReadonlySet<string> = new Set(["SNI_ONLY", "SNI_FIRST", "HOST_FIRST"]);

/** SNI, or the host where the argument prefers or allows it. */
export function compileServerName(call: OperatorCall): ValueProvider | undefined {
  const [first = "", second] = call.argument.split(":");
  const option = first === "" ? "SNI_ONLY" : first;
  if (!SERVER_NAME_OPTIONS.has(option)) {
    const allowed = "'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST'";
    return refuse(
      call,
      `Invalid ${call.name} option: '${call.argument}', only ${allowed} are allowed`,
    );
  }
  const sni: ValueProvider = ({ info }) => nonEmpty(info.connection.requestedServerName);
  const host: ValueProvider = ({ requestHeaders, info }) => {
    const headers = second === "ORIG" ? info.requestHeaders ?? requestHeaders : requestHeaders;
    const authority = headers?.get(":authority");
    return authority === undefined ? undefined : nonEmpty(authority.replace(/:\d*$/, ""));
  };
  if (option === "SNI_ONLY") return sni;
  if (option === "SNI_FIRST") return (context) => sni(context) ?? host(context);
  return (context) => host(context) ?? sni(context);
}

export {
  downstreamDirectLocal,
  downstreamDirectRemote,
  downstreamLocal,
  downstreamRemote,
  upstreamHostName,
  upstreamHostNameWithoutPort,
  upstreamLocal,
  upstreamRemote,
};
