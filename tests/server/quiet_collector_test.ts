import { QuietCollector } from "../../src/server/quiet_collector.ts";
import { assertEquals } from "../support/assert.ts";

interface Row {
  readonly name: string;
  /** Turns since the look before, and connections open. */
  readonly input: readonly (readonly [turns: number, connections: number])[];
  /** Collections after each look. */
  readonly want: readonly number[];
}

const ROWS: readonly Row[] = [
  { name: "leaves few connections alone", input: [[0, 255], [0, 255]], want: [0, 0] },
  { name: "waits while there is work", input: [[500, 2000], [21, 2000]], want: [0, 0] },
  { name: "collects once it is quiet", input: [[500, 2000], [20, 2000]], want: [0, 1] },
  { name: "collects a crowd once", input: [[0, 2000], [0, 2000], [0, 2255]], want: [1, 1, 1] },
  { name: "collects for the next crowd", input: [[0, 2000], [0, 2256]], want: [1, 2] },
  { name: "wants more where there are many", input: [[0, 8000], [0, 8999]], want: [1, 1] },
  { name: "collects for an eighth more", input: [[0, 8000], [0, 9000]], want: [1, 2] },
  {
    name: "collects for a crowd that came after one went",
    input: [[0, 2000], [0, 10], [0, 266]],
    want: [1, 1, 2],
  },
];

for (const { name, input, want } of ROWS) {
  Deno.test(`QuietCollector ${name}`, () => {
    let collections = 0;
    const collector = new QuietCollector(() => collections++);
    let turns = 0;
    const got = input.map(([more, connections]) => {
      turns += more;
      collector.look(turns, connections);
      return collections;
    });
    assertEquals(got, want);
  });
}
