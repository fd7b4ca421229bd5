/** xxHash64 and the hash policies made from it. */

import { H } from "../../src/http/mod.ts";
import { xxHash64 } from "../../src/base/mod.ts";
import { requestHash } from "../../src/route/mod.ts";
import type { HashPolicy } from "../../src/route/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { fakeStreamInfo } from "../support/fakes/stream_info.ts";
import { request } from "./support.ts";

/** Values of the reference implementation. */
const VECTORS = [
  { text: "", seed: 0n, want: 0xef46db3751d8e999n },
  { text: "a", seed: 0n, want: 0xd24ec4f1a98c6e5bn },
  { text: "abc", seed: 0n, want: 0x44bc2cf5ad770999n },
  { text: "abcd", seed: 0n, want: 0xde0327b0d25d92ccn },
  { text: "0123456789abcdef", seed: 0n, want: 0x5c5b90c34e376d0bn },
  { text: "0123456789abcdef0123456789abcdef", seed: 0n, want: 0x642a94958e71e6c5n },
  { text: "", seed: 1n, want: 0xd5afba1336a3be4bn },
];
for (const row of VECTORS) {
  Deno.test(`xxHash64 of "${row.text}" with seed ${row.seed}`, () => {
    assertEquals(xxHash64(row.text, row.seed), row.want);
  });
}

const header = (name: string, terminal = false): HashPolicy => ({
  kind: "header",
  name,
  terminal,
  rewrite: undefined,
});
const rotate = (hash: bigint): bigint => ((hash << 1n) & ((1n << 64n) - 1n)) | (hash >> 63n);

const ROWS: { name: string; policies: HashPolicy[]; want: bigint | undefined }[] = [
  { name: "no policy", policies: [], want: undefined },
  { name: "a missing header", policies: [header("x-none")], want: undefined },
  { name: "a header", policies: [header("x-a")], want: xxHash64("1") },
  {
    name: "a repeated header, sorted",
    policies: [header("x-list")],
    want: xxHash64("b", xxHash64("a")),
  },
  {
    name: "two headers, combined",
    policies: [header("x-a"), header("x-b")],
    want: rotate(xxHash64("1")) ^ xxHash64("2"),
  },
  {
    name: "a terminal header",
    policies: [header("x-a", true), header("x-b")],
    want: xxHash64("1"),
  },
  {
    name: "the client's address",
    policies: [{ kind: "source_ip", terminal: false }],
    want: xxHash64("10.0.0.7"),
  },
  {
    name: "a query parameter",
    policies: [{ kind: "query_parameter", name: "q", terminal: false }],
    want: xxHash64("v"),
  },
];
for (const row of ROWS) {
  Deno.test(`The hash of ${row.name}`, () => {
    const headers = request("/?q=v", {
      headers: [["x-a", "1"], ["x-b", "2"], ["x-list", "b"], ["x-list", "a"]],
    });
    assertEquals(requestHash(row.policies, headers, fakeStreamInfo()), row.want);
  });
}

Deno.test("A missing cookie with a lifetime is made, and hashes as it will later", () => {
  const policy: HashPolicy = {
    kind: "cookie",
    name: "sid",
    ttlSeconds: 3600,
    path: "/p",
    attributes: [["SameSite", "Strict"]],
    terminal: false,
  };
  const cookies: string[] = [];
  const first = requestHash([policy], request("/"), fakeStreamInfo(), (text) => cookies.push(text));
  assertEquals(cookies.length, 1);
  const value = /^sid="([0-9a-f]{16})"; Max-Age=3600; Path=\/p; SameSite=Strict; HttpOnly$/
    .exec(cookies[0]!)![1]!;
  const headers = request("/");
  headers.addId(H.cookie, `sid="${value}"`);
  assertEquals(requestHash([policy], headers, fakeStreamInfo()), first);
});
