/** Reset reasons as error codes of RST_STREAM, and back (RFC 9113 §7). */

import type { ResetReason } from "../../http/mod.ts";
import { ERROR_CODE } from "./frame.ts";

/**
 * The code that tells a peer why its stream is reset.
 * @param isAnswered the peer has, or will have, a whole response all the same
 */
export function codeOf(reason: ResetReason, isAnswered: boolean): number {
  switch (reason) {
    case "local_refused_stream":
      return ERROR_CODE.refusedStream;
    case "connect_error":
      return ERROR_CODE.connectError;
    case "protocol_error":
      return ERROR_CODE.protocolError;
    default:
      // A whole response to half a request: "no more of it, please" (§8.1).
      return isAnswered ? ERROR_CODE.noError : ERROR_CODE.internalError;
  }
}

/** Why a stream ended, by the code of the peer's RST_STREAM. */
export function reasonOf(code: number): ResetReason {
  switch (code) {
    case ERROR_CODE.refusedStream:
      return "remote_refused_stream";
    case ERROR_CODE.connectError:
      return "connect_error";
    default:
      return "remote_reset";
  }
}
