/** Replies of the proxy itself: plain, HEAD, gRPC, with headers, rewritten. */

import { type LocalReply, percentEncode, prepareLocalReply } from "../../src/filter_chain/mod.ts";
import { H } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

interface Row {
  readonly name: string;
  readonly reply: Partial<LocalReply>;
  readonly isGrpc?: boolean;
  readonly isHead?: boolean;
  readonly want: readonly string[];
  readonly body: string;
}

const ROWS: readonly Row[] = [
  {
    name: "with a body",
    reply: { status: 503, body: "no healthy upstream" },
    want: [":status: 503", "content-length: 19", "content-type: text/plain"],
    body: "no healthy upstream",
  },
  { name: "without a body", reply: { status: 404 }, want: [":status: 404"], body: "" },
  {
    name: "HEAD keeps the length",
    reply: { status: 503, body: "words" },
    isHead: true,
    want: [":status: 503", "content-length: 5", "content-type: text/plain"],
    body: "",
  },
  {
    name: "headers of the sender come first, and its type stands",
    reply: {
      status: 429,
      body: "{}",
      modifyHeaders: (headers) => {
        headers.add("x-why", "slow");
        headers.setId(H.contentType, "application/json");
      },
    },
    want: [":status: 429", "x-why: slow", "content-type: application/json", "content-length: 2"],
    body: "{}",
  },
  {
    name: "gRPC: trailers only, the text as grpc-message",
    reply: { status: 503, body: "50% down\n" },
    isGrpc: true,
    want: [
      ":status: 200",
      "content-type: application/grpc",
      "grpc-status: 14",
      "grpc-message: 50%25 down%0A",
    ],
    body: "",
  },
  {
    name: "gRPC with a status of its own and no text",
    reply: { status: 504, grpcStatus: 4 },
    isGrpc: true,
    want: [":status: 200", "content-type: application/grpc", "grpc-status: 4"],
    body: "",
  },
];

for (const { name, reply, isGrpc = false, isHead = false, want, body } of ROWS) {
  Deno.test(`Local reply ${name}`, () => {
    const prepared = prepareLocalReply(
      { status: 500, body: "", details: "d", ...reply },
      { isGrpc, isHead },
      undefined,
    );
    assertEquals(prepared.headers.entries().map(([key, value]) => `${key}: ${value}`), [...want]);
    assertEquals(prepared.body, body);
  });
}

Deno.test("A rewriter changes status, body and type", () => {
  const prepared = prepareLocalReply(
    { status: 404, body: "", details: "d" },
    { isGrpc: false, isHead: false },
    (headers, draft) => {
      headers.add("x-mapped", "yes");
      draft.status = 410;
      draft.body = "<gone>";
      draft.contentType = "text/html";
    },
  );
  assertEquals(prepared.headers.entries(), [
    [":status", "410"],
    ["x-mapped", "yes"],
    ["content-length", "6"],
    ["content-type", "text/html"],
  ]);
});

Deno.test("grpc-message escapes control characters, percent and bytes above 0x7e", () => {
  assertEquals(percentEncode("a b%\x7f\xe9\r"), "a b%25%7F%E9%0D");
});
