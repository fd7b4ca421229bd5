/** gRPC status of a stream, from its trailers, headers or HTTP status. */

import { grpcStatusOfHttp, H, type HeaderMap } from "../http/mod.ts";
import type { FormatContext } from "./context.ts";

/** Camel-case and upper-case names by code. */
export const GRPC_STATUS_NAMES: readonly (readonly [camel: string, snake: string])[] = [
  ["OK", "OK"],
  ["Canceled", "CANCELLED"],
  ["Unknown", "UNKNOWN"],
  ["InvalidArgument", "INVALID_ARGUMENT"],
  ["DeadlineExceeded", "DEADLINE_EXCEEDED"],
  ["NotFound", "NOT_FOUND"],
  ["AlreadyExists", "ALREADY_EXISTS"],
  ["PermissionDenied", "PERMISSION_DENIED"],
  ["ResourceExhausted", "RESOURCE_EXHAUSTED"],
  ["FailedPrecondition", "FAILED_PRECONDITION"],
  ["Aborted", "ABORTED"],
  ["OutOfRange", "OUT_OF_RANGE"],
  ["Unimplemented", "UNIMPLEMENTED"],
  ["Internal", "INTERNAL"],
  ["Unavailable", "UNAVAILABLE"],
  ["DataLoss", "DATA_LOSS"],
  ["Unauthenticated", "UNAUTHENTICATED"],
];

function statusIn(headers: HeaderMap | undefined): number | undefined {
  const text = headers?.getId(H.grpcStatus);
  if (text === undefined || text === "") return undefined;
  const status = Number(text);
  // What is no number is an invalid status, which Envoy keeps as Unknown here.
  return Number.isInteger(status) && status >= 0 ? status : 2;
}

/** The status of a response, undefined if there is none yet. */
export function grpcStatusOf(context: FormatContext): number | undefined {
  const given = statusIn(context.responseTrailers) ?? statusIn(context.responseHeaders);
  if (given !== undefined) return given;
  const http = context.info.responseCode;
  return http === 0 ? undefined : grpcStatusOfHttp(http);
}
