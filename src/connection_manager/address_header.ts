/** Client addresses in x-forwarded-for, read from its end as Envoy's getLastAddressFromXFF does. */

import type { Address } from "../base/mod.ts";
import { H, type HeaderMap } from "../http/mod.ts";
import { type CidrSet, parseIp } from "../matching/mod.ts";

/** An address found in a header. */
export interface FoundAddress {
  readonly address: Address | undefined;
  /** The header held this address alone, so it may count as internal. */
  readonly isOnly: boolean;
}

const NOTHING: FoundAddress = { address: undefined, isOnly: false };

/** Parses an IP as Envoy's parseInternetAddress: without brackets and port. */
export function parseAddress(text: string): Address | undefined {
  return parseIp(text) === undefined ? undefined : { kind: "ip", host: text, port: 0 };
}

/** All x-forwarded-for headers as one value; undefined if there is none. */
export function forwardedFor(headers: HeaderMap): string | undefined {
  if (!headers.hasId(H.xForwardedFor)) return undefined;
  return headers.joined("x-forwarded-for");
}

/** The last address after skipping `skip` from the end. */
export function lastForwardedAddress(headers: HeaderMap, skip: number): FoundAddress {
  const value = forwardedFor(headers);
  if (value === undefined) return NOTHING;
  let end = value.length;
  for (let i = 0; i < skip; i++) {
    end = value.lastIndexOf(",", end - 1);
    if (end <= 0) return NOTHING;
  }
  const comma = value.lastIndexOf(",", end - 1);
  const address = parseAddress(value.slice(comma + 1, end).trim());
  if (address === undefined) return NOTHING;
  return { address, isOnly: comma < 0 && skip === 0 };
}

/** The last address that is not a trusted proxy's; the first one if all are. */
export function lastUntrustedAddress(headers: HeaderMap, trusted: CidrSet): FoundAddress {
  const value = forwardedFor(headers);
  if (value === undefined) return NOTHING;
  let end = value.length;
  let last: Address | undefined;
  while (end > 0) {
    const comma = value.lastIndexOf(",", end - 1);
    const address = parseAddress(value.slice(comma + 1, end).trim());
    if (address?.kind !== "ip") break;
    last = address;
    if (!trusted.contains(address.host)) break;
    end = comma;
  }
  return { address: last, isOnly: false };
}

/** Appends an address to x-forwarded-for; one that is no IP adds nothing. */
export function appendForwardedFor(headers: HeaderMap, host: string | undefined): void {
  if (host === undefined) return;
  const value = forwardedFor(headers);
  headers.setId(H.xForwardedFor, value === undefined || value === "" ? host : `${value},${host}`);
}
