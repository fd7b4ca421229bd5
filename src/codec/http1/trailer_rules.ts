/** Which trailer fields are let through (RFC 9110 §6.5.1; HOSTILE T13). */

import { H, HeaderMap } from "../../http/mod.ts";
import type { HeadReader } from "./head_reader.ts";

/** Fields that frame, route, authenticate or name the client: as trailers they are dropped. */
const FORBIDDEN: ReadonlySet<number> = new Set([
  H.host,
  H.contentLength,
  H.contentType,
  H.contentEncoding,
  H.transferEncoding,
  H.connection,
  H.keepAlive,
  H.proxyConnection,
  H.upgrade,
  H.te,
  H.trailer,
  H.expect,
  H.cookie,
  H.setCookie,
  H.authorization,
  H.proxyAuthorization,
  H.cacheControl,
  H.xForwardedFor,
  H.xForwardedProto,
  H.xForwardedHost,
  H.xForwardedPort,
  H.xForwardedClientCert,
]);

/** The trailers of a section that was read; undefined if none is let through. */
export function readTrailers(reader: HeadReader): HeaderMap | undefined {
  const scanner = reader.scanner;
  let trailers: HeaderMap | undefined;
  for (let i = 0; i < scanner.count; i++) {
    const field = scanner.nameAt(i);
    if (field === undefined || FORBIDDEN.has(field.id)) continue;
    trailers ??= new HeaderMap();
    const value = reader.text.substring(scanner.valueStart(i), scanner.valueEnd(i));
    trailers.append(field.id, field.name, value);
  }
  return trailers;
}
