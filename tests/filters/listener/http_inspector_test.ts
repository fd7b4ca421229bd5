import { inspectHttp } from "../../../src/filters/listener/http_inspector.ts";
import { assertEquals } from "../../support/assert.ts";

const ROWS = [
  { name: "HTTP/1.1", wire: "GET / HTTP/1.1\r\n", want: "http/1.1" },
  { name: "HTTP/1.0", wire: "GET / HTTP/1.0\r\n", want: "http/1.0" },
  { name: "HTTP/1.2 as 1.0, as Envoy", wire: "GET / HTTP/1.2\r\n", want: "http/1.0" },
  { name: "any method", wire: "BREW /pot HTTP/1.1\r\n", want: "http/1.1" },
  { name: "a bare line feed", wire: "GET / HTTP/1.1\n", want: "http/1.1" },
  { name: "HTTP/2's preface", wire: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: "h2c" },
  { name: "a method that begins like the preface", wire: "PRINT / HTTP/1.1\r\n", want: "http/1.1" },
  { name: "SMTP", wire: "EHLO mail.test\r\n", want: "none" },
  { name: "two words", wire: "GET HTTP/1.1\r\n", want: "none" },
  { name: "TLS", wire: "\x16\x03\x01\x02\x00", want: "none" },
  { name: "a control character in the target", wire: "GET /\x01 HTTP/1.1\r\n", want: "none" },
  { name: "no line at all", wire: "GET /", want: "more" },
] as const;

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

for (const row of ROWS) {
  Deno.test(`inspectHttp finds ${row.name}, cut at every byte`, () => {
    const wire = bytes(row.wire);
    for (let cut = 1; cut <= wire.length; cut++) {
      const early = inspectHttp(wire.subarray(0, cut));
      // Nothing is decided early that the whole would contradict.
      if (early !== "more") assertEquals(early, row.want, `cut at ${cut}`);
    }
    assertEquals(inspectHttp(wire), row.want);
  });
}

Deno.test("inspectHttp gives up on a request line without end", () => {
  assertEquals(inspectHttp(bytes(`GET /${"a".repeat(65536)}`)), "none");
});
