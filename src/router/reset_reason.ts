/** Why an attempt ended before its response: the words of bodies and details, flags and statuses. */

import { FLAG, type ResetReason } from "../http/mod.ts";
import type { PoolFailureReason } from "../upstream/mod.ts";

/** A stream's reset reason, or which side made a connection fail. */
export type AttemptResetReason =
  | Exclude<ResetReason, "connection_failure">
  | "local_connection_failure"
  | "remote_connection_failure";

interface ReasonFacts {
  /** As in Envoy's resetReasonToString. */
  readonly text: string;
  readonly flag: number;
}

const FACTS: { readonly [reason in AttemptResetReason]: ReasonFacts } = {
  local_reset: { text: "local reset", flag: FLAG.localReset },
  local_refused_stream: { text: "local refused stream reset", flag: FLAG.localReset },
  remote_reset: { text: "remote reset", flag: FLAG.upstreamRemoteReset },
  remote_refused_stream: { text: "remote refused stream reset", flag: FLAG.upstreamRemoteReset },
  local_connection_failure: {
    text: "local connection failure",
    flag: FLAG.upstreamConnectionFailure,
  },
  remote_connection_failure: {
    text: "remote connection failure",
    flag: FLAG.upstreamConnectionFailure,
  },
  connection_timeout: { text: "connection timeout", flag: FLAG.upstreamConnectionFailure },
  connection_termination: {
    text: "connection termination",
    flag: FLAG.upstreamConnectionTermination,
  },
  overflow: { text: "overflow", flag: FLAG.upstreamOverflow },
  protocol_error: { text: "protocol error", flag: FLAG.upstreamProtocolError },
  connect_error: { text: "remote error with CONNECT request", flag: FLAG.upstreamRemoteReset },
};

/** The reason as Envoy words it in bodies and details. */
export function resetText(reason: AttemptResetReason): string {
  return FACTS[reason].text;
}

/** The response flag that tells of the reason. */
export function resetFlag(reason: AttemptResetReason): number {
  return FACTS[reason].flag;
}

/** A codec's reason as an attempt's. */
export function fromStream(reason: ResetReason): AttemptResetReason {
  return reason === "connection_failure" ? "remote_connection_failure" : reason;
}

/** A pool's reason as an attempt's. */
export function fromPool(reason: PoolFailureReason): AttemptResetReason {
  if (reason === "pool_overflow") return "overflow";
  return reason === "timeout" ? "connection_timeout" : reason;
}

/** `upstream_reset_before_response_started{connection_termination}`, spaces as underscores. */
export function resetDetails(
  reason: AttemptResetReason,
  transportFailureReason: string,
  hasResponseStarted: boolean,
): string {
  const when = hasResponseStarted ? "after" : "before";
  const more = transportFailureReason === "" ? "" : `|${transportFailureReason}`;
  const details = `upstream_reset_${when}_response_started{${resetText(reason)}${more}}`;
  return details.replaceAll(/\s/g, "_");
}

/** The body of the answer when nothing came back. */
export function resetBody(reason: AttemptResetReason, wasRetried: boolean): string {
  const retried = wasRetried ? "retried and the latest " : "";
  return `upstream connect error or disconnect/reset before headers. ${retried}reset reason: ${
    resetText(reason)
  }`;
}
