import { Buffer } from "node:buffer";
import { asLatin1, copyBytes, joinBytes } from "../../src/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS: readonly { readonly name: string; readonly input: Uint8Array }[] = [
  { name: "a Uint8Array", input: Uint8Array.of(1, 2, 3) },
  { name: "a part of one", input: Uint8Array.of(0, 1, 2, 3, 4).subarray(1, 4) },
  { name: "a Node Buffer", input: Buffer.from([1, 2, 3]) },
  { name: "what codecs read from", input: asLatin1(Uint8Array.of(0, 1, 2, 3)).subarray(1) },
];

for (const { name, input } of ROWS) {
  Deno.test(`copyBytes of ${name} shares no memory with it`, () => {
    const copy = copyBytes(input);
    input.fill(9);
    assertEquals([...copy], [1, 2, 3]);
  });
}

Deno.test("joinBytes copies both parts, in order", () => {
  const first = Uint8Array.of(1, 2);
  const joined = joinBytes(first, Uint8Array.of(3));
  first.fill(9);
  assertEquals([...joined], [1, 2, 3]);
  assertEquals([...joinBytes(new Uint8Array(0), new Uint8Array(0))], []);
});
