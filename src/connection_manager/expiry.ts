/** What a stream that ran out of time is answered with, and what it counts. */

import { FLAG } from "../http/mod.ts";
import type { Expired } from "./timeouts.ts";

/** One kind of expiry. */
export interface Expiry {
  readonly stat:
    | "downstream_rq_header_timeout"
    | "downstream_rq_timeout"
    | "downstream_rq_max_duration_reached"
    | "downstream_rq_idle_timeout";
  readonly body: string;
  readonly details: string;
  /** Bit of FLAG, 0 for none. */
  readonly flag: number;
  /** For gRPC requests; undefined: by the HTTP status. */
  readonly grpcStatus: number | undefined;
}

const DEADLINE_EXCEEDED = 4;

export const EXPIRIES: Readonly<Record<Exclude<Expired, "log">, Expiry>> = {
  headers: {
    stat: "downstream_rq_header_timeout",
    body: "request header timeout",
    details: "request_header_timeout",
    flag: 0,
    grpcStatus: undefined,
  },
  request: {
    stat: "downstream_rq_timeout",
    body: "request timeout",
    details: "request_overall_timeout",
    flag: 0,
    grpcStatus: undefined,
  },
  duration: {
    stat: "downstream_rq_max_duration_reached",
    body: "downstream duration timeout",
    details: "max_duration_timeout",
    flag: 0,
    grpcStatus: DEADLINE_EXCEEDED,
  },
  idle: {
    stat: "downstream_rq_idle_timeout",
    body: "stream timeout",
    details: "stream_idle_timeout",
    flag: FLAG.streamIdleTimeout,
    grpcStatus: undefined,
  },
};
