/**
 * `x-envoy-decorator-operation`: two proxies tell each other what their routes call an operation.
 * Where a listener faces clients (ingress) the name goes back with the response; where it faces
 * services (egress) it goes on with the request. Applies where requests are traced.
 */

import { H, type HeaderMap } from "../http/mod.ts";
import type { Route } from "../route/mod.ts";

/** Which side of the mesh a connection manager serves. */
export type TrafficSide = "ingress" | "egress";

/** @returns the operation that the response is to name; undefined if none */
export function decorateRequest(
  headers: HeaderMap,
  route: Route | undefined,
  side: TrafficSide,
): string | undefined {
  const decorator = route?.decorator;
  const operation = decorator?.propagate === true && decorator.operation !== ""
    ? decorator.operation
    : undefined;
  if (side === "egress") {
    if (operation !== undefined) headers.setId(H.xEnvoyDecoratorOperation, operation);
    return undefined;
  }
  const given = headers.getId(H.xEnvoyDecoratorOperation);
  if (given === undefined) return operation;
  headers.removeId(H.xEnvoyDecoratorOperation);
  // The caller has named the operation: it need not be told.
  return given === "" ? operation : undefined;
}

/** Sets or takes the name on the way back. */
export function decorateResponse(
  headers: HeaderMap,
  operation: string | undefined,
  side: TrafficSide,
): void {
  if (side === "egress") headers.removeId(H.xEnvoyDecoratorOperation);
  else if (operation !== undefined) headers.setId(H.xEnvoyDecoratorOperation, operation);
}
