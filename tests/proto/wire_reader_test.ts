import { BYTES, FIXED32, FIXED64, VARINT, WireReader } from "../../src/proto/wire_reader.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function reader(...bytes: number[]): WireReader {
  return new WireReader(Uint8Array.from(bytes));
}

const VARINTS = [
  { name: "one byte", bytes: [1], low: 1, all: 1n },
  { name: "two bytes", bytes: [0xac, 0x02], low: 300, all: 300n },
  { name: "32 bits", bytes: [0xff, 0xff, 0xff, 0xff, 0x0f], low: 0xffffffff, all: 0xffffffffn },
  {
    name: "a negative number, ten bytes",
    bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    low: 0xffffffff,
    all: 0xffffffffffffffffn,
  },
];
for (const { name, bytes, low, all } of VARINTS) {
  Deno.test(`a varint of ${name}`, () => {
    assertEquals([reader(...bytes).uint32(), reader(...bytes).uint64()], [low, all]);
  });
}

const FIELDS = [
  { name: "a varint", bytes: [0x08, 0x96, 0x01], wireType: VARINT },
  { name: "eight bytes", bytes: [0x09, 1, 2, 3, 4, 5, 6, 7, 8], wireType: FIXED64 },
  { name: "a length and bytes", bytes: [0x0a, 0x02, 0x61, 0x62], wireType: BYTES },
  { name: "four bytes", bytes: [0x0d, 1, 2, 3, 4], wireType: FIXED32 },
];
for (const { name, bytes, wireType } of FIELDS) {
  Deno.test(`a field of ${name} is skipped whole, and refused cut off`, () => {
    const whole = reader(...bytes, 0x10, 0x07);
    assertEquals([whole.next(), whole.wireType], [1, wireType]);
    whole.skip();
    assertEquals([whole.next(), whole.uint32(), whole.next()], [2, 7, 0]);
    for (let length = 1; length < bytes.length; length++) {
      const cut = reader(...bytes.slice(0, length));
      cut.next();
      assertThrows(() => cut.skip(), /cut off|longer than ten|wire type 3/);
    }
  });
}

const BAD = [
  { name: "a varint of eleven bytes", bytes: Array(11).fill(0x80), read: "uint32" },
  { name: "a varint of eleven bytes, 64 bits", bytes: Array(11).fill(0x80), read: "uint64" },
  { name: "a text longer than the rest", bytes: [3, 0x61], read: "string" },
  { name: "a message longer than the rest", bytes: [3, 0x61], read: "message" },
] as const;
for (const { name, bytes, read } of BAD) {
  Deno.test(`${name} is refused`, () => {
    assertThrows(() => reader(...bytes)[read](), /cut off|longer than ten|wire type 3/);
  });
}

Deno.test("a group is refused", () => {
  const group = reader(0x0b);
  group.next();
  assertThrows(() => group.skip(), /cut off|longer than ten|wire type 3/);
});

Deno.test("a message is read apart, and the outer cursor goes on behind it", () => {
  const outer = reader(0x0a, 0x02, 0x08, 0x05, 0x10, 0x07);
  outer.next();
  const inner = outer.message();
  const again = inner.fork();
  assertEquals([inner.next(), inner.uint32(), inner.next(), inner.isAtEnd], [1, 5, 0, true]);
  assertEquals([again.next(), again.uint32()], [1, 5]);
  assertEquals([outer.next(), outer.uint32(), outer.isAtEnd], [2, 7, true]);
});
