/** gRPC's words in HTTP headers that more than one room reads. */

import type { HeaderMap } from "./header_map.ts";
import { H } from "./header_names.ts";

const GRPC = "application/grpc";
const PLUS = 0x2b;
/** Longest `grpc-timeout`: eight digits and a unit. */
const MAX_TIMEOUT_CHARS = 9;

/** Whether the content type is gRPC's: `application/grpc`, `application/grpc+proto`, not gRPC-Web. */
export function isGrpcRequest(headers: HeaderMap | undefined): boolean {
  const type = headers?.getId(H.contentType);
  if (type === undefined || !type.startsWith(GRPC)) return false;
  return type.length === GRPC.length || type.charCodeAt(GRPC.length) === PLUS;
}

/** The gRPC status that stands for an HTTP status (gRPC's http-grpc-status-mapping). */
export function grpcStatusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Milliseconds by the unit of `grpc-timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};

/** A `grpc-timeout` in whole milliseconds, rounded up; undefined if there is none or it is malformed. */
export function parseGrpcTimeout(text: string | undefined): number | undefined {
  if (text === undefined || text.length < 2 || text.length > MAX_TIMEOUT_CHARS) return undefined;
  const unitMs = UNIT_MS[text[text.length - 1]!];
  if (unitMs === undefined) return undefined;
  let amount = 0;
  for (let i = 0; i < text.length - 1; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    amount = amount * 10 + digit;
  }
  return Math.ceil(amount * unitMs);
}
