/** Host names with ports, as a Host header or SNI has them and as caches and clusters key them. */

import type { StreamInfo } from "../../http/mod.ts";

/** Filter state that names the host in place of the request, and its port. */
const DYNAMIC_HOST = "envoy.upstream.dynamic_host";
const DYNAMIC_PORT = "envoy.upstream.dynamic_port";
/** Longest domain name (RFC 1035 §2.3.4), brackets or a final dot, and a port. */
const MAX_CHARS = 255 + 8;
const MAX_PORT = 65_535;

/** Where the colon before a port stands; -1 without a port. Colons in brackets are IPv6's. */
function portColon(host: string): number {
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.lastIndexOf("]") > colon ? -1 : colon;
}

/** The host with its own port, or with `defaultPort`. */
export function withPort(host: string, defaultPort: number): string {
  return portColon(host) < 0 ? `${host}:${defaultPort}` : host;
}

/** Whether no resolver can know the name, so that nobody has to remember it. */
export function isTooLong(host: string): boolean {
  return host.length > MAX_CHARS;
}

/** The parts of a name with port; a port that is none counts as `defaultPort`. */
export function splitHost(
  name: string,
  defaultPort: number,
): { readonly host: string; readonly port: number } {
  const colon = portColon(name);
  const host = colon < 0 ? name : name.slice(0, colon);
  const text = colon < 0 ? "" : name.slice(colon + 1);
  const port = /^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT ? Number(text) : defaultPort;
  const isBracketed = host.startsWith("[") && host.endsWith("]");
  return { host: isBracketed ? host.slice(1, -1) : host, port };
}

/** The host that a filter named for this stream. */
export function dynamicHostOf(info: StreamInfo | undefined): string | undefined {
  return info?.stateObject(DYNAMIC_HOST)?.serialize();
}

/** The port that a filter named for this stream, for hosts without one. */
export function dynamicPortOf(info: StreamInfo | undefined): number | undefined {
  const text = info?.stateObject(DYNAMIC_PORT)?.serialize();
  const port = text === undefined ? 0 : Number(text);
  return Number.isInteger(port) && port > 0 && port <= MAX_PORT ? port : undefined;
}
