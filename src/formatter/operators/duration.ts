/** Durations, and the times between two points of a stream. */

import type { FormatContext, ValueProvider } from "../context.ts";
import type { OperatorCall } from "../text.ts";
import { refuse } from "./operator.ts";

/** A point in monotonic milliseconds; -1 if it has not been reached. */
type TimePoint = (context: FormatContext) => number;

/** By the names that %COMMON_DURATION% takes. */
const POINTS: Readonly<Record<string, TimePoint>> = {
  DS_RX_BEG: ({ info }) => info.startMs,
  DS_RX_END: ({ info }) => info.lastDownstreamRxMs,
  DS_TX_BEG: ({ info }) => info.firstDownstreamTxMs,
  DS_TX_END: ({ info }) => info.lastDownstreamTxMs,
  US_CX_BEG: ({ info }) => info.upstream?.connectStartMs ?? -1,
  US_CX_END: ({ info }) => info.upstream?.connectCompleteMs ?? -1,
  US_HS_END: ({ info }) => info.upstream?.handshakeCompleteMs ?? -1,
  US_RX_BEG: ({ info }) => info.upstream?.firstRxMs ?? -1,
  US_RX_END: ({ info }) => info.upstream?.lastRxMs ?? -1,
  US_TX_BEG: ({ info }) => info.upstream?.firstTxMs ?? -1,
  US_TX_END: ({ info }) => info.upstream?.lastTxMs ?? -1,
};

const NEVER: TimePoint = () => -1;

/** Units of %COMMON_DURATION% in parts of a millisecond. */
const PRECISIONS: Readonly<Record<string, number>> = { ms: 1, us: 1_000, ns: 1_000_000 };

function between(from: TimePoint, to: TimePoint, unit: number): ValueProvider {
  return (context) => {
    const begin = from(context);
    const end = to(context);
    return begin < 0 || end < begin ? undefined : Math.floor((end - begin) * unit);
  };
}

/** %COMMON_DURATION(FROM:TO:ms|us|ns)%. */
export function compileCommonDuration(call: OperatorCall): ValueProvider | undefined {
  const [from, to, precision = "ms", ...rest] = call.argument.split(":");
  if (from === undefined || to === undefined || rest.length > 0) {
    return refuse(call, `Invalid common duration configuration: ${call.argument}.`);
  }
  const unit = Object.hasOwn(PRECISIONS, precision) ? PRECISIONS[precision] : undefined;
  if (unit === undefined) return refuse(call, `Invalid common duration precision: ${precision}.`);
  const point = (name: string): TimePoint => Object.hasOwn(POINTS, name) ? POINTS[name]! : NEVER;
  return between(point(from), point(to), unit);
}

/** %DURATION%: up to now while the stream runs. */
export function compileDuration({ context: { dispatcher } }: OperatorCall): ValueProvider {
  return ({ info }) => {
    const end = info.endMs < 0 ? dispatcher.clock.nowMs() : info.endMs;
    return Math.max(0, Math.floor(end - info.startMs));
  };
}

const START = POINTS["DS_RX_BEG"]!;
const FIRST_UPSTREAM_BYTE = POINTS["US_RX_BEG"]!;

export const requestDuration = between(START, POINTS["DS_RX_END"]!, 1);
export const requestTxDuration = between(START, POINTS["US_TX_END"]!, 1);
export const responseDuration = between(START, FIRST_UPSTREAM_BYTE, 1);
export const responseTxDuration = between(FIRST_UPSTREAM_BYTE, POINTS["DS_TX_END"]!, 1);

/** Milliseconds from the start of the stream until its pool had a connection. */
export const poolReadyDuration = between(START, ({ info }) => info.upstream?.poolReadyMs ?? -1, 1);
