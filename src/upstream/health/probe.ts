/** What a kind of health check does on one host; when, and what follows, is the session's. */

import type { Address } from "../../base/mod.ts";
import type { Connection } from "../../net/mod.ts";
import type { CodecFactory } from "../conn_pool/pool_context.ts";

/** Where a host is checked, after its own health_check_config. */
export interface CheckTarget {
  readonly address: Address;
  /** The endpoint's own name, for TLS. */
  readonly hostname: string;
  /** `host` or `:authority` of checks that name none themselves. */
  readonly authority: string;
}

/** Told once a check that was started, unless it is cancelled first. */
export interface ProbeEvents {
  onSuccess(isDegraded: boolean): void;
  /** The host answered, and wrongly. `isRetriable`: counts up to the threshold only. */
  onFailure(failure: ProbeFailure): void;
  /** The connection could not be made or broke. */
  onNetworkFailure(): void;
  /** The answer asks to be sent nothing for now. */
  onImmediateFail(): void;
  /** The cluster's name in the answer was compared. */
  onClusterVerified(): void;
}

export interface ProbeFailure {
  readonly isRetriable: boolean;
  /** undefined where the answer is not HTTP. */
  readonly httpStatus: number | undefined;
}

/** One host's checks, one at a time. */
export interface Probe {
  start(): void;
  /** The check took too long: its connection goes, nothing is told any more. */
  cancel(): void;
  /** No more checks. */
  close(): void;
}

/** What probes get from their cluster. */
export interface ProbeHost {
  readonly target: CheckTarget;
  readonly events: ProbeEvents;
  connect(alpn: readonly string[]): Connection;
  readonly isTls: boolean;
  readonly createCodec: CodecFactory;
}

/** Makes the probe of a host. */
export type ProbeFactory = (host: ProbeHost) => Probe;
