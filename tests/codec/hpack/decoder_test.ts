import { asLatin1 } from "../../../src/base/mod.ts";
import { HpackDecoder, type HpackError } from "../../../src/codec/hpack/decoder.ts";
import { MARK } from "../../../src/codec/hpack/field.ts";
import { H } from "../../../src/http/mod.ts";
import { assertEquals } from "../../support/assert.ts";

interface Field {
  id: number;
  name: string;
  value: string;
  marks: number;
}

function decode(
  decoder: HpackDecoder,
  block: readonly number[],
): [HpackError | undefined, Field[]] {
  const bytes = asLatin1(Uint8Array.from(block));
  const fields: Field[] = [];
  const error = decoder.decode(bytes, 0, bytes.length, {
    onField: (id, name, value, marks) => fields.push({ id, name, value, marks }),
  });
  return [error, fields];
}

/** A literal without indexing and with a new name. */
function literal(name: string, value: string): number[] {
  const bytes = (text: string) => [...text].map((char) => char.charCodeAt(0));
  return [0, name.length, ...bytes(name), value.length, ...bytes(value)];
}

const ERRORS: readonly { name: string; block: number[]; want: HpackError }[] = [
  { name: "index 0", block: [0x80], want: "bad_index" },
  { name: "an index past the static table", block: [0xbe], want: "bad_index" },
  { name: "a name index past the table", block: [0x7e, 0x01, 0x61], want: "bad_index" },
  {
    name: "an integer without end",
    block: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    want: "integer_overflow",
  },
  { name: "an integer that is cut", block: [0xff, 0x80], want: "truncated" },
  { name: "a string longer than the block", block: [0x00, 0x05, 0x61], want: "truncated" },
  { name: "a name without a value", block: [0x00, 0x01, 0x61], want: "truncated" },
  { name: "a table update above 4096", block: [0x3f, 0xe2, 0x1f], want: "bad_size_update" },
  { name: "a table update after a field", block: [0x82, 0x20], want: "bad_size_update" },
  { name: "Huffman padding of zeros", block: [0x00, 0x01, 0x61, 0x81, 0x18], want: "bad_huffman" },
  {
    name: "Huffman padding of a whole byte",
    block: [0x00, 0x01, 0x61, 0x82, 0x1f, 0xff],
    want: "bad_huffman",
  },
  {
    name: "EOS in a Huffman string",
    block: [0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff],
    want: "bad_huffman",
  },
];

for (const row of ERRORS) {
  Deno.test(`T36 HpackDecoder refuses ${row.name}`, () => {
    assertEquals(decode(new HpackDecoder(4096), row.block)[0], row.want);
  });
}

const MARKS = [
  { name: "a clean field", field: ["x-a", "b c"], want: 0 },
  { name: "an upper-case name", field: ["X-A", "b"], want: MARK.badName },
  { name: "an empty name (CVE-2019-9516)", field: ["", "b"], want: MARK.badName },
  { name: "a colon alone", field: [":", "b"], want: MARK.badName },
  { name: "a colon within", field: ["a:b", "b"], want: MARK.badName },
  { name: "a space in the name", field: ["a b", "b"], want: MARK.badName },
  { name: "an underscore", field: ["a_b", "b"], want: MARK.underscore },
  { name: "a line feed in the value (splitting)", field: ["a", "b\nc"], want: MARK.badValue },
  { name: "a NUL in the value", field: ["a", "b\0"], want: MARK.badValue },
  { name: "DEL in the value", field: ["a", "\x7f"], want: MARK.badValue },
  { name: "a tab within", field: ["a", "b\tc"], want: 0 },
  { name: "a leading space", field: ["a", " b"], want: MARK.badValue },
  { name: "a trailing tab", field: ["a", "b\t"], want: MARK.badValue },
  { name: "bytes above 0x7F", field: ["a", "\xc3\xa9"], want: 0 },
] as const;

for (const row of MARKS) {
  Deno.test(`HpackDecoder marks ${row.name}`, () => {
    const [error, fields] = decode(new HpackDecoder(4096), literal(row.field[0], row.field[1]));
    assertEquals(error, undefined);
    assertEquals([fields[0]!.name, fields[0]!.value, fields[0]!.marks], [...row.field, row.want]);
  });
}

Deno.test("HpackDecoder gives well-known names their ids, literal or indexed", () => {
  const decoder = new HpackDecoder(4096);
  assertEquals(decode(decoder, literal("x-request-id", "1"))[1][0]!.id, H.xRequestId);
  assertEquals(decode(decoder, [0x82])[1][0]!.id, H.method);
  assertEquals(decode(decoder, literal("x-unheard-of", "1"))[1][0]!.id, 0);
});

Deno.test("HpackDecoder keeps the marks of a field in its table", () => {
  const decoder = new HpackDecoder(4096);
  decode(decoder, [0x40, 1, 0x41, 1, 0x62]);
  assertEquals(decode(decoder, [0xbe])[1][0]!.marks, MARK.badName);
});

Deno.test("HpackDecoder wants the update that a smaller table of ours calls for, §4.2", () => {
  const decoder = new HpackDecoder(0);
  assertEquals(decode(decoder, [0x82])[0], undefined);
  decoder.onSettingsAcknowledged();
  assertEquals(decode(decoder, [0x20, 0x82])[0], undefined);
  const strict = new HpackDecoder(0);
  strict.onSettingsAcknowledged();
  assertEquals(decode(strict, [0x82])[0], "missing_size_update");
});
