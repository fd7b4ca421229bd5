/** Requests that RFC 9113 §8 calls malformed, and some that only look so. */

import { assertEquals } from "../../support/assert.ts";
import { get, headers, openServer, type Pairs } from "./dialogue.ts";

const FAULTS: readonly { name: string; pairs: Pairs; want: "field" | "rule" }[] = [
  { name: "an upper-case name", pairs: get(["X-A", "1"]), want: "field" },
  { name: "T45 an empty name", pairs: get(["", "1"]), want: "field" },
  { name: "T50 a line feed in a value", pairs: get(["x-a", "1\n2"]), want: "field" },
  { name: "T50 a NUL in a value", pairs: get(["x-a", "1\0"]), want: "field" },
  { name: "T50 a leading space", pairs: get(["x-a", " 1"]), want: "field" },
  {
    name: "T51 a missing :path",
    pairs: [[":method", "GET"], [":scheme", "http"], [":authority", "a"]],
    want: "rule",
  },
  {
    name: "T51 a missing :method",
    pairs: [[":path", "/"], [":scheme", "http"], [":authority", "a"]],
    want: "rule",
  },
  {
    name: "T51 a missing :scheme",
    pairs: [[":method", "GET"], [":path", "/"], [":authority", "a"]],
    want: "rule",
  },
  {
    name: "T51 neither host nor :authority",
    pairs: [[":method", "GET"], [":scheme", "http"], [":path", "/"]],
    want: "rule",
  },
  { name: "T51 :path twice", pairs: get([":path", "/b"]), want: "field" },
  {
    name: "T51 a late pseudo-header",
    pairs: [[":method", "GET"], ["x-a", "1"], [":path", "/"], [":scheme", "http"], [
      ":authority",
      "a",
    ]],
    want: "field",
  },
  { name: "T51 an unknown pseudo-header", pairs: [[":foo", "1"], ...get()], want: "field" },
  { name: "T51 :status in a request", pairs: [[":status", "200"], ...get()], want: "field" },
  {
    name: "T51 a space in :path",
    pairs: [...get().slice(0, 2), [":path", "/a b"], [":authority", "a"]],
    want: "field",
  },
  { name: "T51 a space in :method", pairs: [[":method", "G T"], ...get().slice(1)], want: "field" },
  {
    name: "T51 a space in :authority",
    pairs: [...get().slice(0, 3), [":authority", "a b"]],
    want: "field",
  },
  {
    name: "T51 user information in :authority",
    pairs: [...get().slice(0, 3), [":authority", "u@a"]],
    want: "field",
  },
  {
    name: "T51 an empty :path",
    pairs: [...get().slice(0, 2), [":path", ""], [":authority", "a"]],
    want: "field",
  },
  { name: "T53 connection", pairs: get(["connection", "close"]), want: "field" },
  { name: "T53 transfer-encoding", pairs: get(["transfer-encoding", "chunked"]), want: "field" },
  { name: "T53 upgrade", pairs: get(["upgrade", "h2c"]), want: "field" },
  { name: "T53 keep-alive", pairs: get(["keep-alive", "1"]), want: "field" },
  { name: "T53 te: gzip", pairs: get(["te", "gzip"]), want: "field" },
  {
    name: "T55 :path without a slash",
    pairs: [...get().slice(0, 2), [":path", "a"], [":authority", "a"]],
    want: "rule",
  },
  {
    name: "T55 * on GET",
    pairs: [...get().slice(0, 2), [":path", "*"], [":authority", "a"]],
    want: "rule",
  },
  { name: "T52 content-length with END_STREAM", pairs: get(["content-length", "5"]), want: "rule" },
  {
    name: "T52 two content-lengths",
    pairs: get(["content-length", "0"], ["content-length", "0"]),
    want: "field",
  },
  { name: "T52 a content-length of +5", pairs: get(["content-length", "+5"]), want: "field" },
  { name: "two hosts", pairs: get(["host", "a"], ["host", "b"]), want: "field" },
  {
    name: "CONNECT with a path, §8.5",
    pairs: [[":method", "CONNECT"], [":path", "/"], [":authority", "a:1"]],
    want: "rule",
  },
  {
    name: "T28 extended CONNECT that was not offered",
    pairs: [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "a"],
    ],
    want: "field",
  },
];

const FAULT_DETAILS = {
  field: "http2.invalid.header.field",
  rule: "http2.violation.of.messaging.rule",
} as const;

for (const row of FAULTS) {
  Deno.test(`a malformed request ends its connection, or its stream if so told: ${row.name}`, () => {
    const strict = openServer();
    assertEquals(strict.send(headers(1, row.pairs)), ["GOAWAY 1 1"]);
    assertEquals(strict.error, { kind: "protocol", details: "The user callback function failed" });
    assertEquals(strict.stats.counts.rx_messaging_error, 1);
    strict.codec.onConnectionClosed("connection_termination", "other");
    assertEquals(strict.events(), [`0 reset connection_termination ${FAULT_DETAILS[row.want]}`]);

    const lenient = openServer({ streamErrorOnInvalidMessage: true });
    assertEquals(lenient.send(headers(1, row.pairs)), ["RST_STREAM 1 1"]);
    assertEquals(lenient.events(), [`0 reset local_reset ${FAULT_DETAILS[row.want]}`]);
    assertEquals(lenient.error, undefined);
  });
}

const FINE: readonly { name: string; pairs: Pairs }[] = [
  {
    name: "OPTIONS *",
    pairs: [[":method", "OPTIONS"], [":scheme", "http"], [":path", "*"], [":authority", "a"]],
  },
  { name: "CONNECT", pairs: [[":method", "CONNECT"], [":authority", "a:443"]] },
  { name: "te: trailers", pairs: get(["te", "trailers"]) },
  {
    name: "bytes above 0x7F in :path",
    pairs: [...get().slice(0, 2), [":path", "/\xe9"], [":authority", "a"]],
  },
  {
    name: "a scheme we do not know",
    pairs: [[":method", "GET"], [":scheme", "ftp"], [":path", "/"], [":authority", "a"]],
  },
];

for (const row of FINE) {
  Deno.test(`a request may have ${row.name}`, () => {
    const side = openServer();
    assertEquals(side.send(headers(1, row.pairs)), []);
    assertEquals(side.streams[0]!.events.length, 1);
  });
}
