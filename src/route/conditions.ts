/** What a route asks of a request besides its path. */

import { H, type HeaderMap, isGrpcRequest, type StreamInfo } from "../http/mod.ts";
import {
  compileCookieMatcher,
  compileFilterStateMatcher,
  compileHeaderMatcher,
  compileMetadataMatcher,
  compileQueryMatcher,
} from "../matching/mod.ts";
import type {
  envoy_config_route_v3_RouteMatch,
  envoy_config_route_v3_RouteMatch_TlsContextMatchOptions,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { runtimeFraction } from "./units.ts";

/** One condition; all of a route's must hold. */
export type Condition = (headers: HeaderMap, info: StreamInfo, random: number) => boolean;

/** The conditions in Envoy's order; an empty list holds always. */
export function compileConditions(
  match: envoy_config_route_v3_RouteMatch,
  context: CompileContext,
): readonly Condition[] {
  const conditions: Condition[] = [];
  if (match.grpc !== undefined) conditions.push(isGrpcRequest);
  for (const message of match.headers) {
    const matcher = compileHeaderMatcher(message, context);
    conditions.push((headers) => matcher.matches(headers));
  }
  for (const message of match.queryParameters) {
    const matcher = compileQueryMatcher(message, context);
    conditions.push((headers) => matcher.matches(headers.getId(H.path) ?? ""));
  }
  for (const message of match.cookies) {
    const matcher = compileCookieMatcher(message, context);
    conditions.push((headers) => matcher.matches(headers));
  }
  if (match.tlsContext !== undefined) conditions.push(tlsCondition(match.tlsContext));
  for (const message of match.dynamicMetadata) {
    const matcher = compileMetadataMatcher(message, context);
    conditions.push((_headers, info) => matcher.matches(info.dynamicMetadata));
  }
  for (const message of match.filterState) {
    const matcher = compileFilterStateMatcher(message, context);
    conditions.push((_headers, info) => matcher.matches(info));
  }
  const share = runtimeFraction(match.runtimeFraction);
  if (share !== undefined) {
    const runtime = context.runtime;
    conditions.push((_headers, _info, random) => runtime.fractionEnabled(share, random));
  }
  return conditions;
}

/** Whether the client showed a certificate, and whether it is valid. */
function tlsCondition(
  message: envoy_config_route_v3_RouteMatch_TlsContextMatchOptions,
): Condition {
  const { presented, validated } = message;
  return (_headers, info) => {
    const tls = info.connection.tls;
    if (tls === undefined) return presented === undefined && validated === undefined;
    if (presented !== undefined && tls.peerCertificatePresented !== presented) return false;
    return validated === undefined || tls.peerCertificateValidated === validated;
  };
}
