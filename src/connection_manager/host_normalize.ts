/** Changes to :authority that the configuration asks for: trailing dot and port (Envoy's maybeNormalizeHost). */

import { H, type HeaderMap } from "../http/mod.ts";

export interface HostOptions {
  readonly stripsTrailingDot: boolean;
  readonly stripsPort: "no" | "matching" | "any";
}

/** @param localPort port of the listener's address, for `strip_matching_host_port` */
export function normalizeHost(headers: HeaderMap, options: HostOptions, localPort: number): void {
  if (options.stripsPort === "no" && !options.stripsTrailingDot) return;
  const original = headers.getId(H.authority);
  if (original === undefined) return;
  let host = original;
  if (options.stripsTrailingDot) host = stripTrailingDot(host);
  if (options.stripsPort !== "no") {
    host = stripPort(host, options.stripsPort === "matching" ? localPort : undefined);
  }
  if (host !== original) headers.setId(H.authority, host);
}

/** `a.test.` and `a.test.:80` lose their dot. */
export function stripTrailingDot(host: string): string {
  const dot = host.lastIndexOf(".");
  if (dot < 0) return host;
  if (dot === host.length - 1) return host.slice(0, dot);
  return host[dot + 1] === ":" ? host.slice(0, dot) + host.slice(dot + 1) : host;
}

/** Removes a port that is a number, and the given one if one is given. */
export function stripPort(host: string, port: number | undefined): string {
  const colon = host.lastIndexOf(":");
  // Within brackets a colon belongs to the IPv6 address (RFC 3986 §3.2.2).
  if (colon < 0 || host.lastIndexOf("]") > colon || colon === host.length - 1) return host;
  let number = 0;
  for (let i = colon + 1; i < host.length; i++) {
    const digit = host.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9 || number > 0xffffffff) return host;
    number = number * 10 + digit;
  }
  return port !== undefined && number !== port ? host : host.slice(0, colon);
}

/** Characters an authority may have (RFC 3986 §3.2): nothing that could end a header line or a URL's part. */
const AUTHORITY_CHARS = makeAuthorityChars();

function makeAuthorityChars(): Uint8Array {
  const chars = new Uint8Array(256);
  for (const char of "-._~!$&'()*+,;=:@[]%") chars[char.charCodeAt(0)] = 1;
  for (let code = 0x30; code <= 0x39; code++) chars[code] = 1;
  for (let code = 0x41; code <= 0x5a; code++) chars[code] = chars[code + 32] = 1;
  return chars;
}

/** Whether `:authority` holds allowed characters only. */
export function isAuthorityValid(authority: string): boolean {
  for (let i = 0; i < authority.length; i++) {
    if (AUTHORITY_CHARS[authority.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
