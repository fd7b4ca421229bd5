/**
 * What a request must have before filters see it, in Envoy's order: authority, path, canonical form.
 * A verdict is a status with its response-code detail.
 */

import { H, type HeaderMap } from "../http/mod.ts";
import { isAuthorityValid } from "./host_normalize.ts";
import { normalizePath, type PathOptions } from "./path_normalize.ts";

/** Why a request is answered at once. */
export interface Refusal {
  readonly status: number;
  readonly details: string;
  /** Counter of the manager that rises, by its name; undefined for none. */
  readonly stat:
    | "downstream_rq_non_relative_path"
    | "downstream_rq_failed_path_normalization"
    | "downstream_rq_redirected_with_normalized_path"
    | undefined;
}

const MISSING_HOST: Refusal = { status: 400, details: "missing_host_header", stat: undefined };
const BAD_AUTHORITY: Refusal = { status: 400, details: "http.invalid_authority", stat: undefined };
const MISSING_PATH: Refusal = { status: 404, details: "missing_path_rejected", stat: undefined };
const ABSOLUTE_PATH: Refusal = {
  status: 404,
  details: "absolute_path_rejected",
  stat: "downstream_rq_non_relative_path",
};
const BAD_PATH: Refusal = {
  status: 400,
  details: "path_normalization_failed",
  stat: "downstream_rq_failed_path_normalization",
};
const OTHER_PATH: Refusal = {
  status: 307,
  details: "path_normalization_failed",
  stat: "downstream_rq_redirected_with_normalized_path",
};

/** Checks the request and makes its path canonical; undefined if it may go on. */
export function checkRequest(
  headers: HeaderMap,
  options: PathOptions,
  isGrpc: (headers: HeaderMap) => boolean,
): Refusal | undefined {
  const authority = headers.getId(H.authority);
  if (authority === undefined) return MISSING_HOST;
  if (!isAuthorityValid(authority)) return BAD_AUTHORITY;
  const path = headers.getId(H.path);
  if (path === undefined || path === "") {
    const isConnect = path === undefined && headers.getId(H.method) === "CONNECT";
    return isConnect ? undefined : MISSING_PATH;
  }
  // Envoy counts `OPTIONS *` in here too.
  if (path.charCodeAt(0) !== 0x2f) return ABSOLUTE_PATH;
  const verdict = normalizePath(headers, options);
  if (verdict === "continue") return undefined;
  // gRPC clients follow no redirects.
  return verdict === "reject" || isGrpc(headers) ? BAD_PATH : OTHER_PATH;
}
