/** The Proxy-Status response header (RFC 9209), as Envoy's ProxyStatusUtils writes it. */

import { FLAG, formatFlags, type HeaderMap, STATUS_TEXTS, type StreamInfo } from "../http/mod.ts";
import { H } from "../http/mod.ts";

export interface ProxyStatusOptions {
  readonly proxyName: string;
  readonly showsDetails: boolean;
  readonly showsTerminationDetails: boolean;
  readonly showsFlags: boolean;
  readonly setsRecommendedStatus: boolean;
}

interface ErrorKind {
  readonly flag: number;
  readonly name: string;
  /** Status that RFC 9209 §2.3 recommends, 0 if it leaves it open. */
  readonly status: number;
}

/** In Envoy's order: the first flag that is set names the error. */
const KINDS: readonly ErrorKind[] = [
  { flag: FLAG.failedLocalHealthCheck, name: "destination_unavailable", status: 503 },
  { flag: FLAG.noHealthyUpstream, name: "destination_unavailable", status: 503 },
  { flag: FLAG.upstreamRequestTimeout, name: "connection_timeout", status: 504 },
  { flag: FLAG.localReset, name: "connection_timeout", status: 504 },
  { flag: FLAG.upstreamRemoteReset, name: "connection_terminated", status: 502 },
  { flag: FLAG.upstreamConnectionFailure, name: "connection_refused", status: 502 },
  { flag: FLAG.upstreamConnectionTermination, name: "connection_terminated", status: 502 },
  { flag: FLAG.upstreamOverflow, name: "connection_limit_reached", status: 503 },
  { flag: FLAG.noRouteFound, name: "destination_not_found", status: 500 },
  { flag: FLAG.rateLimited, name: "connection_limit_reached", status: 503 },
  { flag: FLAG.rateLimitServiceError, name: "connection_limit_reached", status: 503 },
  { flag: FLAG.upstreamRetryLimitExceeded, name: "destination_unavailable", status: 503 },
  { flag: FLAG.streamIdleTimeout, name: "http_response_timeout", status: 504 },
  { flag: FLAG.invalidEnvoyRequestHeaders, name: "http_request_error", status: 0 },
  { flag: FLAG.downstreamProtocolError, name: "http_request_error", status: 0 },
  { flag: FLAG.upstreamMaxStreamDurationReached, name: "http_response_timeout", status: 504 },
  { flag: FLAG.noFilterConfigFound, name: "proxy_configuration_error", status: 500 },
  { flag: FLAG.upstreamProtocolError, name: "http_protocol_error", status: 502 },
  { flag: FLAG.noClusterFound, name: "destination_unavailable", status: 503 },
  { flag: FLAG.dnsResolutionFailed, name: "dns_error", status: 502 },
];

/** Appends the header where a flag tells of an error. */
export function setProxyStatus(
  headers: HeaderMap,
  info: StreamInfo,
  options: ProxyStatusOptions,
): void {
  const kind = KINDS.find((candidate) => info.hasFlag(candidate.flag));
  if (kind === undefined) return;
  if (options.setsRecommendedStatus && kind.status !== 0) {
    headers.setId(H.status, STATUS_TEXTS[kind.status]!);
  }
  const details: string[] = [];
  if (options.showsDetails && info.responseCodeDetails !== "") {
    details.push(info.responseCodeDetails);
  }
  if (options.showsTerminationDetails && info.connectionTerminationDetails !== "") {
    details.push(info.connectionTerminationDetails);
  }
  if (options.showsFlags) details.push(formatFlags(info, 0));
  let value = `${options.proxyName}; error=${kind.name}`;
  if (details.length > 0) value += `; details="${details.join("; ")}"`;
  const given = headers.joined("proxy-status");
  headers.set("proxy-status", given === undefined ? value : `${given}, ${value}`);
}
