/** gRPC's words in HTTP headers, as the router reads and writes them. */

import { H, type HeaderMap } from "../http/mod.ts";

/** The `grpc-status` of headers or trailers; undefined if there is none, -1 if it is no number. */
export function grpcStatus(headers: HeaderMap): number | undefined {
  const text = headers.getId(H.grpcStatus);
  if (text === undefined || text === "") return undefined;
  const status = parseUnsigned(text);
  return status ?? -1;
}

/** HTTP statuses by gRPC status (Envoy's Grpc::Utility::grpcToHttpStatus). */
const HTTP_STATUSES: readonly number[] = [
  200,
  499,
  500,
  400,
  504,
  404,
  409,
  403,
  429,
  400,
  409,
  400,
  501,
  500,
  503,
  500,
  401,
];

/** The HTTP status that a gRPC status stands for. */
export function grpcToHttpStatus(status: number): number {
  return HTTP_STATUSES[status] ?? 500;
}

const MAX_TIMEOUT_VALUE = 99_999_999;

/** Sets `grpc-timeout` to the finest unit that holds the value in eight digits. */
export function setGrpcTimeout(headers: HeaderMap, timeoutMs: number): void {
  let value = timeoutMs;
  let unit = "m";
  if (value > MAX_TIMEOUT_VALUE) {
    value = Math.floor(value / 1000);
    unit = "S";
    if (value > MAX_TIMEOUT_VALUE) {
      value = Math.floor(value / 60);
      unit = "M";
      if (value > MAX_TIMEOUT_VALUE) {
        value = Math.floor(value / 60);
        unit = "H";
      }
    }
  }
  headers.setId(H.grpcTimeout, `${value}${unit}`);
}

/** A decimal number of digits only; undefined if the text is none or too long to be exact. */
export function parseUnsigned(text: string): number | undefined {
  if (text.length === 0 || text.length > 15) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
