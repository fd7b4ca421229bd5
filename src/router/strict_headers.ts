/** `strict_check_headers`: x-envoy-* request headers that must be well formed. */

import { H, headerId, type HeaderMap } from "../http/mod.ts";
import { parseUnsigned } from "./grpc.ts";
import { parseRetryGrpcOn, parseRetryOn } from "./retry_conditions.ts";

/** One checked header. */
export interface StrictHeader {
  readonly name: string;
  readonly id: number;
  isValid(value: string): boolean;
}

const isNumber = (value: string): boolean => parseUnsigned(value) !== undefined;

const CHECKS: ReadonlyMap<number, (value: string) => boolean> = new Map<
  number,
  (value: string) => boolean
>([
  [H.xEnvoyUpstreamRqTimeoutMs, isNumber],
  [H.xEnvoyUpstreamRqPerTryTimeoutMs, isNumber],
  [H.xEnvoyMaxRetries, isNumber],
  [H.xEnvoyRetryOn, (value) => parseRetryOn(value).allKnown],
  [H.xEnvoyRetryGrpcOn, (value) => parseRetryGrpcOn(value).allKnown],
]);

/** The checks of the configured names; the API's rules let no others pass. */
export function compileStrictHeaders(names: readonly string[]): readonly StrictHeader[] {
  return names.flatMap((given) => {
    const name = given.toLowerCase();
    const id = headerId(name);
    const isValid = CHECKS.get(id);
    return isValid === undefined ? [] : [{ name, id, isValid }];
  });
}

/** The first header that is malformed; undefined if all are well. */
export function findInvalidHeader(
  checks: readonly StrictHeader[],
  headers: HeaderMap,
): { readonly name: string; readonly value: string } | undefined {
  for (const check of checks) {
    const value = headers.getId(check.id);
    if (value !== undefined && !check.isValid(value)) return { name: check.name, value };
  }
  return undefined;
}
