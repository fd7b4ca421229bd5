/**
 * RFC 9113 §5.1 as a table, push off. A missing cell is illegal; the caller picks the scope.
 *
 *   idle ──headers──▶ open ──end by peer──▶ half_remote ──our end──▶ closed
 *                      └────our end───────▶ half_local ──end by peer──▶ closed
 */

export type StreamState = "idle" | "open" | "half_local" | "half_remote" | "closed";

export type StreamEvent =
  | "recvHeaders"
  | "recvData"
  | "recvEnd"
  | "sendHeaders"
  | "sendData"
  | "sendEnd"
  | "reset";

// deno-fmt-ignore
const NEXT: Record<StreamState, Partial<Record<StreamEvent, StreamState>>> = {
  idle:        { recvHeaders: "open", sendHeaders: "open" }, // RST_STREAM here is an error (§6.4)
  open:        { recvHeaders: "open", recvData: "open", recvEnd: "half_remote",
                 sendHeaders: "open", sendData: "open", sendEnd: "half_local", reset: "closed" },
  half_local:  { recvHeaders: "half_local", recvData: "half_local", recvEnd: "closed", reset: "closed" },
  half_remote: { sendHeaders: "half_remote", sendData: "half_remote", sendEnd: "closed", reset: "closed" },
  closed:      { reset: "closed" }, // frames may cross our reset: dropped, on a budget (rapid reset)
};

/** The state after an event; undefined if the event is illegal. */
export function nextState(state: StreamState, event: StreamEvent): StreamState | undefined {
  return NEXT[state][event];
}
