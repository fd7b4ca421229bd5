/** Small conversions of messages into the units the data plane uses. */

import { durationMs } from "../base/mod.ts";
import type {
  envoy_config_core_v3_RuntimeFractionalPercent,
  envoy_type_v3_FractionalPercent,
  google_protobuf_Duration,
} from "../proto/mod.ts";
import { FRACTION_DENOMINATORS, type RuntimeFraction } from "../runtime/mod.ts";

/** A duration in milliseconds; fractions of one are cut off, as Envoy does. */
export function wholeMs(duration: google_protobuf_Duration): number {
  return Math.trunc(durationMs(duration));
}

/** As `wholeMs`; undefined if absent. */
export function optionalMs(duration: google_protobuf_Duration | undefined): number | undefined {
  return duration === undefined ? undefined : wholeMs(duration);
}

/** A share of requests without a runtime key. */
export function fraction(
  percent: envoy_type_v3_FractionalPercent | undefined,
  runtimeKey = "",
): RuntimeFraction {
  return {
    numerator: percent?.numerator ?? 0,
    denominator: FRACTION_DENOMINATORS[percent?.denominator ?? 0] ?? 100,
    runtimeKey,
  };
}

/** A share of requests under its runtime key; undefined if the message is absent. */
export function runtimeFraction(
  message: envoy_config_core_v3_RuntimeFractionalPercent | undefined,
): RuntimeFraction | undefined {
  return message === undefined ? undefined : fraction(message.defaultValue, message.runtimeKey);
}

/** Index of the first "?" or "#" in a path, its length if there is none. */
export function pathEnd(path: string): number {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0x3f || code === 0x23) return i;
  }
  return path.length;
}

/** The path without query and fragment. */
export function justPath(path: string): string {
  const end = pathEnd(path);
  return end === path.length ? path : path.slice(0, end);
}
