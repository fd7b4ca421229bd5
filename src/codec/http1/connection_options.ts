/** The Connection field (RFC 9110 §7.6.1): what it asks for, and the headers it names. */

import { H, type HeaderMap } from "../../http/mod.ts";

/** Bits of what a Connection field says. */
export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;
/** It names headers, or has forms that need a closer look. */
export const NOMINATES = 8;

/** Which options `value` holds; the usual forms are told without cutting it up. */
export function connectionOptions(value: string): number {
  switch (value) {
    case "keep-alive":
    case "Keep-Alive":
      return KEEP_ALIVE;
    case "close":
    case "Close":
      return CLOSE;
    case "upgrade":
    case "Upgrade":
      return UPGRADE;
  }
  let options = 0;
  for (const token of value.split(",")) options |= optionOf(token.trim().toLowerCase());
  return options;
}

/** RFC 9112 §9.3, for both sides: whether the connection outlives the message with these options. */
export function keepsAlive(options: number, isHttp10: boolean): boolean {
  if ((options & CLOSE) !== 0) return false;
  return !isHttp10 || (options & KEEP_ALIVE) !== 0;
}

/** `proxy-connection: close`: no standard has it, but old clients and Envoy do. */
export function proxyCloses(headers: HeaderMap): boolean {
  const value = headers.getId(H.proxyConnection);
  return value !== undefined && (connectionOptions(value) & CLOSE) !== 0;
}

function optionOf(token: string): number {
  switch (token) {
    case "":
      return 0;
    case "close":
      return CLOSE;
    case "keep-alive":
      return KEEP_ALIVE;
    case "upgrade":
      return UPGRADE;
    default:
      return NOMINATES;
  }
}

/** Headers whose removal would hide where a request came from (CVE-2022-31813, CVE-2024-45410). */
const REFUSED: ReadonlySet<string> = new Set([
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-forwarded-client-cert",
  "forwarded",
  "host",
]);

/** Framing was settled with these: they stay whatever Connection says. */
const KEPT: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

/**
 * Removes the headers a request's Connection field names, and their names from it; `te: trailers`
 * stays. @returns false if it names one that must not be removed
 */
export function removeNominated(headers: HeaderMap, value: string): boolean {
  const kept: string[] = [];
  for (const part of value.split(",")) {
    const token = part.trim().toLowerCase();
    if (REFUSED.has(token) || token.includes(":")) return false;
    if ((optionOf(token) & NOMINATES) === 0) {
      if (token !== "") kept.push(part.trim());
    } else if (token === "te") {
      // Of its codings only `trailers` concerns the peer after next.
      if (listsTrailers(headers.getId(H.te))) {
        headers.setId(H.te, "trailers");
        kept.push(part.trim());
      } else headers.removeId(H.te);
    } else if (token !== "http2-settings" && !KEPT.has(token)) {
      headers.remove(token);
    }
  }
  setConnection(headers, kept);
  return true;
}

function listsTrailers(te: string | undefined): boolean {
  return te !== undefined && te.split(",").some((coding) => coding.trim() === "trailers");
}

/** Drops one option of the Connection field. */
export function removeOption(headers: HeaderMap, option: string): void {
  const value = headers.joined("connection");
  if (value === undefined) return;
  const kept: string[] = [];
  for (const part of value.split(",")) {
    const token = part.trim();
    if (token !== "" && token.toLowerCase() !== option) kept.push(token);
  }
  setConnection(headers, kept);
}

function setConnection(headers: HeaderMap, kept: readonly string[]): void {
  if (kept.length === 0) headers.removeId(H.connection);
  else headers.setId(H.connection, kept.join(", "));
}

/** Makes a request that asks for an upgrade an ordinary one. */
export function removeUpgrade(headers: HeaderMap): void {
  headers.removeId(H.upgrade);
  headers.removeId(H.http2Settings);
  removeOption(headers, "upgrade");
}

/**
 * Drops `h2c` and the protocols that `isIgnored` names from Upgrade (h2c smuggling, Bishop Fox 2020).
 * @returns whether a protocol is left
 */
export function keepUpgrades(
  headers: HeaderMap,
  isIgnored: (value: string) => boolean,
): boolean {
  const value = headers.joined("upgrade") ?? "";
  const kept: string[] = [];
  let isChanged = false;
  for (const part of value.split(",")) {
    const token = part.trim();
    const lower = token.toLowerCase();
    if (token === "") continue;
    if (lower === "h2c" || isIgnored(lower)) isChanged = true;
    else kept.push(token);
  }
  if (kept.length === 0) return false;
  if (isChanged) headers.setId(H.upgrade, kept.join(", "));
  return true;
}
