/** Duration messages in milliseconds. */

import { durationMs, durationMsOr } from "../../src/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS = [
  { name: "nothing", seconds: 0n, nanos: 0, want: 0 },
  { name: "seconds", seconds: 3n, nanos: 0, want: 3000 },
  { name: "seconds and a part of one", seconds: 1n, nanos: 250_000_000, want: 1250 },
  { name: "less than a millisecond", seconds: 0n, nanos: 500_000, want: 0.5 },
  { name: "a negative duration", seconds: -1n, nanos: -500_000_000, want: -1500 },
  { name: "the longest the API allows", seconds: 315_576_000_000n, nanos: 0, want: 315_576e9 },
] as const;

for (const { name, seconds, nanos, want } of ROWS) {
  Deno.test(`durationMs of ${name}`, () => assertEquals(durationMs({ seconds, nanos }), want));
}

Deno.test("durationMsOr falls back only where there is no duration", () => {
  assertEquals(durationMsOr(undefined, 7), 7);
  assertEquals(durationMsOr(undefined, undefined), undefined);
  assertEquals(durationMsOr({ seconds: 0n, nanos: 0 }, 7), 0);
});
