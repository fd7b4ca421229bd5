/**
 * HTTP/1 upgrades and extended CONNECT (RFC 8441) into each other, as Envoy's codecs do: beyond a
 * codec every tunnel looks like an HTTP/1 upgrade.
 */

import { H, type HeaderMap } from "../../http/mod.ts";

/** The token of an extended CONNECT that is to become an upgrade, undefined for all else. */
export function upgradeProtocol(headers: HeaderMap): string | undefined {
  const protocol = headers.getId(H.protocol);
  if (protocol === undefined || protocol === "" || protocol === "bytestream") return undefined;
  return headers.getId(H.method) === "CONNECT" ? protocol : undefined;
}

/** Whether an HTTP/1 style message asks for or grants an upgrade. */
export function isUpgrade(headers: HeaderMap): boolean {
  const upgrade = headers.getId(H.upgrade);
  return upgrade !== undefined && upgrade !== "" &&
    hasToken(headers.joined("connection") ?? "", "upgrade");
}

/** Server, received: extended CONNECT to an upgrade request. */
export function requestToHttp1(headers: HeaderMap, protocol: string): void {
  headers.setId(H.method, "GET");
  headers.removeId(H.protocol);
  headers.setId(H.upgrade, protocol);
  headers.setId(H.connection, "upgrade");
}

/** Server, to be sent: 101 to 200. The caller's map stays as it is. */
export function responseToHttp2(headers: HeaderMap): HeaderMap {
  const copy = headers.copy();
  if (copy.getId(H.status) === "101") copy.setId(H.status, "200");
  removeUpgrade(copy);
  return copy;
}

/** Client, to be sent: an upgrade request to extended CONNECT. */
export function requestToHttp2(headers: HeaderMap): HeaderMap {
  const copy = headers.copy();
  copy.setId(H.protocol, headers.getId(H.upgrade) ?? "");
  copy.setId(H.method, "CONNECT");
  removeUpgrade(copy);
  return copy;
}

/** Client, received: 200 to 101. */
export function responseToHttp1(headers: HeaderMap, protocol: string): void {
  if (headers.getId(H.status) !== "200") return;
  headers.setId(H.upgrade, protocol);
  headers.setId(H.connection, "upgrade");
  headers.setId(H.status, "101");
}

/** Client, to be sent: a plain CONNECT has only method and authority (RFC 9113 §8.5). */
export function plainConnect(headers: HeaderMap): HeaderMap {
  const copy = headers.copy();
  copy.removeId(H.scheme);
  copy.removeId(H.path);
  copy.removeId(H.protocol);
  return copy;
}

function removeUpgrade(headers: HeaderMap): void {
  headers.removeId(H.upgrade);
  headers.removeId(H.connection);
  if (headers.getId(H.contentLength) === "0") headers.removeId(H.contentLength);
}

function hasToken(list: string, token: string): boolean {
  for (const part of list.split(",")) {
    if (part.trim().toLowerCase() === token) return true;
  }
  return false;
}
