// google.protobuf.Value off the wire: nesting, unknown fields, and whatever a client may make of it.
import { parseValue } from "../../../src/filters/http/metadata_value.ts";
import { assertEquals } from "../../support/assert.ts";

/** A field with a length. */
const field = (number: number, body: string): string =>
  String.fromCharCode(number << 3 | 2, body.length) + body;

/** A list in a list in a list … */
function nested(depth: number): string {
  let value = "";
  for (let i = 0; i < depth && value.length < 120; i++) value = field(6, field(1, value));
  return value;
}

const ROWS = [
  { name: "nothing", wire: "", want: null },
  { name: "null", wire: "\x08\x00", want: null },
  { name: "a number", wire: "\x11\0\0\0\0\0\0\xf8\x3f", want: 1.5 },
  { name: "a text", wire: "\x1a\x02\xc3\xa9", want: "é" },
  { name: "a boolean", wire: "\x20\x01", want: true },
  { name: "a list", wire: field(6, field(1, "\x20\x00") + field(1, "")), want: [false, null] },
  { name: "the last of several", wire: "\x20\x01\x1a\x01a", want: "a" },
  {
    name: "a value after unknown fields",
    wire: "\x38\x80\x01\x41\0\0\0\0\0\0\0\0\x4a\x01x\x55\0\0\0\0\x20\x01",
    want: true,
  },
  {
    name: "a struct with a key named __proto__",
    wire: field(5, field(1, field(1, "__proto__") + field(2, "\x20\x01"))),
    want: JSON.parse('{"__proto__":true}'),
  },
  { name: "no text that is no UTF-8", wire: "\x1a\x01\xff", want: undefined },
  { name: "no field 0", wire: "\x00\x00", want: undefined },
  { name: "no group", wire: "\x0b", want: undefined },
  { name: "no endless varint", wire: "\x20" + "\xff".repeat(11), want: undefined },
  { name: "no length beyond the end", wire: "\x1a\x05a", want: undefined },
  {
    name: "no length beyond all bounds",
    wire: "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7fa",
    want: undefined,
  },
] as const;
for (const { name, wire, want } of ROWS) {
  Deno.test(`parseValue reads ${name}`, () => assertEquals(parseValue(wire), want));
}

Deno.test("parseValue reads no value that is cut", () => {
  const wire = field(5, field(1, field(1, "key") + field(2, field(6, field(1, "\x1a\x03abc")))));
  assertEquals(parseValue(wire), { key: ["abc"] });
  for (let end = 1; end < wire.length; end++) {
    assertEquals(parseValue(wire.slice(0, end)), undefined);
  }
});

Deno.test("parseValue goes 50 lists deep and gives up before the stack does (deep nesting)", () => {
  assertEquals(JSON.stringify(parseValue(nested(30))).length, 30 * 2 + 4);
  let wire = "";
  for (let i = 0; i < 5000; i++) {
    const inner = long(1, wire);
    wire = long(6, inner);
  }
  assertEquals(parseValue(wire), undefined);
});

/** A field of any length. */
function long(number: number, body: string): string {
  let length = body.length;
  let text = String.fromCharCode(number << 3 | 2);
  for (; length > 0x7f; length = length >>> 7) text += String.fromCharCode(0x80 | length & 0x7f);
  return text + String.fromCharCode(length) + body;
}
