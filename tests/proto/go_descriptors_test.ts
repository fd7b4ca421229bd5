import { rawDescriptor, unquoteGo } from "../../src/proto/go_descriptors.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS = [
  { name: "plain letters", body: "ab", want: [97, 98] },
  { name: "hexadecimal bytes", body: "\\x0a\\xff", want: [10, 255] },
  { name: "octal bytes", body: "\\012\\377", want: [10, 255] },
  { name: "one-letter escapes", body: '\\n\\t\\"\\\\', want: [10, 9, 34, 92] },
  { name: "a \\u escape as UTF-8", body: "\\u00e9", want: [0xc3, 0xa9] },
  { name: "a letter beyond the BMP as UTF-8", body: "😀", want: [0xf0, 0x9f, 0x98, 0x80] },
] as const;

for (const row of ROWS) {
  Deno.test(`unquoteGo reads ${row.name}`, () => {
    const out: number[] = [];
    unquoteGo(row.body, out);
    assertEquals(out, [...row.want]);
  });
}

Deno.test("rawDescriptor joins string literals", () => {
  const source = '\nconst file_a_rawDesc = "" +\n\t"\\n\\x01" +\n\t"b"\n';
  assertEquals(rawDescriptor(source), Uint8Array.of(10, 1, 98));
});

Deno.test("rawDescriptor reads a list of bytes", () => {
  assertEquals(
    rawDescriptor("\nvar file_a_rawDesc = []byte{\n0x0a, 0x01,\n}"),
    Uint8Array.of(10, 1),
  );
});

Deno.test("rawDescriptor finds nothing in a file without one", () => {
  assertEquals(rawDescriptor("package a\n"), undefined);
});
