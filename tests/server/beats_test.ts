/** Signs of life in shared memory. */

import { allocateBeats, Beat } from "../../src/server/beats.ts";
import { assertEquals } from "../support/assert.ts";

const read = (beat: Beat): number[] => [
  beat.lastMs,
  beat.heapBytes,
  beat.connections,
  beat.faults,
];

Deno.test("What a worker writes is read through another view of the same memory", () => {
  const memory = allocateBeats(2);
  const worker = new Beat(memory, 2);
  worker.write(1_700_000_000_000, 5e7, 3);
  worker.countFault();
  assertEquals(read(new Beat(memory, 2)), [1_700_000_000_000, 5e7, 3, 1]);
});

Deno.test("Workers do not touch each other's line, nor main's", () => {
  const memory = allocateBeats(2);
  new Beat(memory, 1).write(1, 2, 3);
  assertEquals(read(new Beat(memory, 0)), [0, 0, 0, 0]);
  assertEquals(read(new Beat(memory, 2)), [0, 0, 0, 0]);
});

Deno.test("A line of 64 bytes each, main's among them", () => {
  assertEquals(allocateBeats(4).byteLength, 5 * 64);
});
