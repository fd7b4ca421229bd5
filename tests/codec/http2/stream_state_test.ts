import {
  nextState,
  type StreamEvent,
  type StreamState,
} from "../../../src/codec/http2/stream_state.ts";
import { assertEquals } from "../../support/assert.ts";

const WALKS: readonly { name: string; events: StreamEvent[]; want: StreamState | undefined }[] = [
  {
    name: "a request and its response",
    events: ["recvHeaders", "recvEnd", "sendHeaders", "sendData", "sendEnd"],
    want: "closed",
  },
  {
    name: "a response before the request's end",
    events: ["recvHeaders", "sendHeaders", "sendEnd", "recvData", "recvEnd"],
    want: "closed",
  },
  {
    name: "trailers both ways",
    events: [
      "sendHeaders",
      "sendData",
      "sendHeaders",
      "sendEnd",
      "recvHeaders",
      "recvHeaders",
      "recvEnd",
    ],
    want: "closed",
  },
  { name: "a reset while open", events: ["recvHeaders", "reset"], want: "closed" },
  { name: "DATA on an idle stream", events: ["recvData"], want: undefined },
  { name: "RST_STREAM on an idle stream, §6.4", events: ["reset"], want: undefined },
  {
    name: "DATA after END_STREAM",
    events: ["recvHeaders", "recvEnd", "recvData"],
    want: undefined,
  },
  {
    name: "HEADERS after END_STREAM",
    events: ["recvHeaders", "recvEnd", "recvHeaders"],
    want: undefined,
  },
  {
    name: "our DATA after our end",
    events: ["sendHeaders", "sendEnd", "sendData"],
    want: undefined,
  },
  {
    name: "anything after a reset",
    events: ["recvHeaders", "reset", "recvHeaders"],
    want: undefined,
  },
  { name: "a reset after a reset", events: ["recvHeaders", "reset", "reset"], want: "closed" },
];

for (const row of WALKS) {
  Deno.test(`RFC 9113 §5.1: ${row.name}`, () => {
    let state: StreamState | undefined = "idle";
    for (const event of row.events) if (state !== undefined) state = nextState(state, event);
    assertEquals(state, row.want);
  });
}
