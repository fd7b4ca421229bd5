/** Response flags: why an answer was not the upstream's plain answer. Bits, short and long names as in Envoy 1.40. */

/** Bit of each flag. */
export const FLAG = {
  failedLocalHealthCheck: 1 << 0,
  noHealthyUpstream: 1 << 1,
  upstreamRequestTimeout: 1 << 2,
  localReset: 1 << 3,
  upstreamRemoteReset: 1 << 4,
  upstreamConnectionFailure: 1 << 5,
  upstreamConnectionTermination: 1 << 6,
  upstreamOverflow: 1 << 7,
  noRouteFound: 1 << 8,
  delayInjected: 1 << 9,
  faultInjected: 1 << 10,
  rateLimited: 1 << 11,
  unauthorizedExternalService: 1 << 12,
  rateLimitServiceError: 1 << 13,
  downstreamConnectionTermination: 1 << 14,
  upstreamRetryLimitExceeded: 1 << 15,
  streamIdleTimeout: 1 << 16,
  invalidEnvoyRequestHeaders: 1 << 17,
  downstreamProtocolError: 1 << 18,
  upstreamMaxStreamDurationReached: 1 << 19,
  responseFromCacheFilter: 1 << 20,
  noFilterConfigFound: 1 << 21,
  durationTimeout: 1 << 22,
  upstreamProtocolError: 1 << 23,
  noClusterFound: 1 << 24,
  overloadManager: 1 << 25,
  dnsResolutionFailed: 1 << 26,
  dropOverload: 1 << 27,
  downstreamRemoteReset: 1 << 28,
  unconditionalDropOverload: 1 << 29,
} as const;

/** Short and long names, in Envoy's order: index is the bit. */
export const FLAG_NAMES: readonly (readonly [short: string, long: string])[] = [
  ["LH", "FailedLocalHealthCheck"],
  ["UH", "NoHealthyUpstream"],
  ["UT", "UpstreamRequestTimeout"],
  ["LR", "LocalReset"],
  ["UR", "UpstreamRemoteReset"],
  ["UF", "UpstreamConnectionFailure"],
  ["UC", "UpstreamConnectionTermination"],
  ["UO", "UpstreamOverflow"],
  ["NR", "NoRouteFound"],
  ["DI", "DelayInjected"],
  ["FI", "FaultInjected"],
  ["RL", "RateLimited"],
  ["UAEX", "UnauthorizedExternalService"],
  ["RLSE", "RateLimitServiceError"],
  ["DC", "DownstreamConnectionTermination"],
  ["URX", "UpstreamRetryLimitExceeded"],
  ["SI", "StreamIdleTimeout"],
  ["IH", "InvalidEnvoyRequestHeaders"],
  ["DPE", "DownstreamProtocolError"],
  ["UMSDR", "UpstreamMaxStreamDurationReached"],
  ["RFCF", "ResponseFromCacheFilter"],
  ["NFCF", "NoFilterConfigFound"],
  ["DT", "DurationTimeout"],
  ["UPE", "UpstreamProtocolError"],
  ["NC", "NoClusterFound"],
  ["OM", "OverloadManagerTerminated"],
  ["DF", "DnsResolutionFailed"],
  ["DO", "DropOverload"],
  ["DR", "DownstreamRemoteReset"],
  ["UDO", "UnconditionalDropOverload"],
];

/** One more flag at the end of an order, which packs bit numbers at five bits each, the latest lowest. */
export function appendFlag(order: number, flag: number): number {
  // 2^53 takes ten; more than a handful is never set. What is lost is only a name in a log.
  return (order % 2 ** 45) * 32 + (31 - Math.clz32(flag));
}

/**
 * The flags in the order they were set, as %RESPONSE_FLAGS% (column 0) or %RESPONSE_FLAGS_LONG%
 * (column 1) prints them; "-" if none.
 */
export function formatFlags(info: FlagsInOrder, column: 0 | 1): string {
  if (info.flags === 0) return "-";
  let text = "";
  let rest = info.flagOrder;
  for (let left = info.flags; left !== 0; rest = Math.floor(rest / 32)) {
    const bit = rest % 32;
    if ((left & (1 << bit)) === 0) break;
    left &= ~(1 << bit);
    const name = FLAG_NAMES[bit]![column];
    text = text === "" ? name : `${name},${text}`;
  }
  return text;
}

/** What a stream keeps of its flags. */
export interface FlagsInOrder {
  /** Bits of FLAG. */
  readonly flags: number;
  /** As appendFlag makes it. */
  readonly flagOrder: number;
}
