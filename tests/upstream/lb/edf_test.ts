// Weighted cycles as Envoy's EdfScheduler gives them.

import { assertEquals } from "../../support/assert.ts";
import { EdfScheduler } from "../../../src/upstream/lb/edf.ts";

const weightOf = (name: string): number => Number(name.slice(1));

function cycle(entries: readonly string[], start: number, picks: number): string {
  const scheduler = EdfScheduler.afterPicks(entries, weightOf, start);
  return Array.from({ length: picks }, () => scheduler.pick(weightOf)).join(" ");
}

const ROWS = [
  { name: "1:2:3", entries: ["a1", "b2", "c3"], picks: 6, want: "c3 b2 c3 a1 b2 c3" },
  { name: "equal weights take turns", entries: ["a1", "b1"], picks: 4, want: "a1 b1 a1 b1" },
  { name: "1:4", entries: ["a1", "b4"], picks: 5, want: "b4 b4 b4 a1 b4" },
] as const;

for (const row of ROWS) {
  Deno.test(`EdfScheduler: ${row.name}`, () => {
    assertEquals(cycle(row.entries, 0, row.picks), row.want);
  });
}

Deno.test("EdfScheduler gives each entry its share of any cycle, wherever it begins", () => {
  for (let start = 0; start < 40; start++) {
    const seen = cycle(["a1", "b2", "c3"], start, 6).split(" ").sort().join(" ");
    assertEquals(seen, "a1 b2 b2 c3 c3 c3", `after ${start} picks`);
  }
});

Deno.test("EdfScheduler begins in a turned cycle h0 h1 h2 h2 h1 h2", () => {
  const whole = "a1 b2 c3 c3 b2 c3 a1 b2 c3 c3 b2 c3";
  for (let start = 0; start < 12; start++) {
    const seen = cycle(["a1", "b2", "c3"], start, 6);
    assertEquals(whole.includes(seen), true, `after ${start}: ${seen}`);
  }
});

Deno.test("EdfScheduler without entries picks nothing", () => {
  assertEquals(new EdfScheduler<string>().pick(weightOf), undefined);
});
