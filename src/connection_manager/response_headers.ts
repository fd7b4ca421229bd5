/** What the proxy sets in and removes from every response (Envoy's encodeHeaders and mutateResponseHeaders). */

import { H, type HeaderMap } from "../http/mod.ts";
import { appendVia, isUpgradeRequest } from "./request_headers.ts";

export type ServerHeader = "overwrite" | "append_if_absent" | "pass_through";

export interface ResponseHeaderOptions {
  readonly serverName: string;
  readonly serverHeader: ServerHeader;
  readonly via: string;
  readonly alwaysSetsRequestId: boolean;
}

/** `date` as text, made once a second. */
export class DateHeader {
  #second = -1;
  #text = "";

  /** RFC 9110 §5.6.7 form of a Unix time in milliseconds. */
  text(wallMs: number): string {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}

/** Sets `date` and `server`, drops hop-by-hop headers, adds via and request id. */
export function mutateResponseHeaders(
  headers: HeaderMap,
  request: HeaderMap | undefined,
  options: ResponseHeaderOptions,
  date: string,
): void {
  if (!headers.hasId(H.date)) headers.addId(H.date, date);
  const mode = options.serverHeader;
  if (mode === "overwrite" || (mode === "append_if_absent" && !headers.hasId(H.server))) {
    headers.setId(H.server, options.serverName);
  }
  clearResponseHops(headers, request);
  if (request !== undefined) {
    if (options.alwaysSetsRequestId || request.hasId(H.xEnvoyForceTrace)) {
      const id = request.getId(H.xRequestId);
      if (id !== undefined) headers.setId(H.xRequestId, id);
    }
  }
  if (options.via !== "") appendVia(headers, options.via);
}

/** Hop-by-hop headers of the upstream's connection; a granted upgrade keeps the two it needs. */
export function clearResponseHops(headers: HeaderMap, request: HeaderMap | undefined): void {
  const isUpgrade = request !== undefined && headers.hasId(H.upgrade) &&
    isUpgradeRequest(request) && isUpgradeRequest(headers);
  if (!isUpgrade) {
    headers.removeId(H.connection);
    headers.removeId(H.upgrade);
  }
  headers.removeId(H.transferEncoding);
  headers.removeId(H.keepAlive);
  headers.removeId(H.proxyConnection);
}
