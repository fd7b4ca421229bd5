import { CHUNK_BYTES, OutputBuffer } from "../../src/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

function drain(buffer: OutputBuffer, step: number): number[] {
  const bytes: number[] = [];
  for (let part = buffer.peek(); part !== undefined; part = buffer.peek()) {
    const size = Math.min(step, part.length);
    bytes.push(...part.subarray(0, size));
    buffer.consume(size);
  }
  return bytes;
}

const SIZES = [0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17];
for (const size of SIZES) {
  Deno.test(`OutputBuffer gives back ${size} bytes in order, whatever the peer takes`, () => {
    const buffer = new OutputBuffer(() => {});
    const input = Uint8Array.from({ length: size }, (_, i) => i % 251);
    buffer.writeBytes(input);
    assertEquals(buffer.length, size);
    assertEquals(drain(buffer, 7919), [...input]);
    assertEquals(buffer.length, 0);
  });
}

Deno.test("OutputBuffer tells once that bytes came into an empty buffer", () => {
  let told = 0;
  const buffer = new OutputBuffer(() => told++);
  buffer.writeLatin1("");
  assertEquals(told, 0);
  buffer.writeLatin1("ab");
  buffer.writeBytes(Uint8Array.of(1));
  assertEquals(told, 1);
  drain(buffer, 100);
  buffer.writeLatin1("c");
  assertEquals(told, 2);
});

Deno.test("OutputBuffer keeps text, bytes and reservations in order", () => {
  const buffer = new OutputBuffer(() => {});
  buffer.writeLatin1("h\u00e9");
  const chunk = buffer.reserve(9);
  chunk[buffer.offset] = 1;
  chunk[buffer.offset + 1] = 2;
  buffer.commit(2);
  buffer.writeBytes(Uint8Array.of(3));
  assertEquals(drain(buffer, 2), [0x68, 0xe9, 1, 2, 3]);
});

Deno.test("OutputBuffer: a reservation that does not fit begins a chunk, nothing is lost", () => {
  const buffer = new OutputBuffer(() => {});
  const head = new Uint8Array(CHUNK_BYTES - 4).fill(7);
  buffer.writeBytes(head);
  const chunk = buffer.reserve(8);
  chunk.fill(9, buffer.offset, buffer.offset + 8);
  buffer.commit(8);
  assertEquals(drain(buffer, CHUNK_BYTES), [...head, ...new Array(8).fill(9)]);
});
