import { ChunkSizeLine, MAX_EXTENSION_BYTES } from "../../../src/codec/http1/chunk_size_line.ts";
import { assertEquals } from "../../support/assert.ts";
import { latin1 } from "./support.ts";

const ROWS = [
  { name: "plain size", wire: "1a\r\n", state: "done", size: 26 },
  { name: "upper case and leading zeros", wire: "000A\r\n", state: "done", size: 10 },
  { name: "the last chunk", wire: "0\r\n", state: "done", size: 0 },
  { name: "an extension", wire: "3;name=value;flag\r\n", state: "done", size: 3 },
  { name: "bad whitespace in an extension", wire: '3 ; a = "b;c" ;d\r\n', state: "done", size: 3 },
  { name: "an escape in a quoted value", wire: '3;a="\\"x"\r\n', state: "done", size: 3 },
  {
    name: "the largest size that is exact",
    wire: "1fffffffffffff\r\n",
    state: "done",
    size: 2 ** 53 - 1,
  },
  { name: "no digits, RFC 9112 §7.1 (T10)", wire: "\r\n", state: "bad", size: 0 },
  { name: "0x (T10)", wire: "0x5\r\n", state: "bad", size: 0 },
  { name: "a sign (T10)", wire: "+5\r\n", state: "bad", size: 0 },
  { name: "a minus (T10)", wire: "-1\r\n", state: "bad", size: 0 },
  { name: "an underscore (T10)", wire: "1_0\r\n", state: "bad", size: 1 },
  { name: "a space before (T10)", wire: " 5\r\n", state: "bad", size: 0 },
  { name: "a space behind and nothing else (T10)", wire: "5 \r\n", state: "bad", size: 5 },
  { name: "letters (T10)", wire: "ZZ\r\n", state: "bad", size: 0 },
  { name: "17 digits (T10)", wire: "00000000000000001\r\n", state: "bad", size: 1 },
  { name: "more than 2^53", wire: "20000000000000\r\n", state: "bad", size: 2 ** 53 },
  { name: "bare LF (T08)", wire: "5\n", state: "bad", size: 5 },
  { name: "bare LF after an extension (smuggling, T11)", wire: "5;a\n", state: "bad", size: 5 },
  { name: "CR inside an extension (T11)", wire: "5;a\rb\r\n", state: "bad", size: 5 },
  { name: "a bare semicolon (T11)", wire: "5;\r\n", state: "bad", size: 5 },
  { name: "an equals sign without a value", wire: "5;a=\r\n", state: "bad", size: 5 },
  { name: "an open quote (T11)", wire: '5;a="b\r\n', state: "bad", size: 5 },
  { name: "text behind a quoted value", wire: '5;a="b"c\r\n', state: "bad", size: 5 },
  { name: "64 KB of extension (T11)", wire: `5;${"a".repeat(65536)}\r\n`, state: "bad", size: 5 },
] as const;

for (const row of ROWS) {
  Deno.test(`ChunkSizeLine reads ${row.name}, whole and cut at every byte`, () => {
    const bytes = latin1(row.wire);
    for (let cut = 0; cut <= Math.min(bytes.length, 40); cut++) {
      const line = new ChunkSizeLine();
      line.feed(bytes, 0, cut);
      line.feed(bytes, cut, bytes.length);
      assertEquals([line.state, line.size], [row.state, row.size], `cut at ${cut}`);
    }
  });
}

Deno.test("ChunkSizeLine counts the extensions of a whole body", () => {
  const line = new ChunkSizeLine();
  line.reset();
  const bytes = latin1(`1;${"a".repeat(1022)}\r\n`);
  for (let i = 0; i < MAX_EXTENSION_BYTES / 1024; i++) {
    line.next();
    line.feed(bytes, 0, bytes.length);
    assertEquals(line.state, "done");
  }
  line.next();
  line.feed(bytes, 0, bytes.length);
  assertEquals(line.state, "bad");
});
