/**
 * `deno task fuzz [SECONDS [SEED]]`: every target for a while. A finding throws, and the line before
 * it names the seed that repeats it.
 */

import { FUZZ_TARGETS } from "./targets.ts";

const ROUNDS = 100;
const seconds = Number(Deno.args[0] ?? 20);
const firstSeed = Number(Deno.args[1] ?? Date.now() % 2 ** 31);

for (const { name, fuzz } of FUZZ_TARGETS) {
  const until = performance.now() + seconds * 1000;
  let seed = firstSeed;
  for (; performance.now() < until; seed++) {
    try {
      fuzz(ROUNDS, seed);
    } catch (error) {
      say(`${name}: finding at seed ${seed} within ${ROUNDS} rounds\n`);
      throw error;
    }
  }
  say(`${name}: seeds ${firstSeed} to ${seed - 1}, ${ROUNDS} rounds each, no finding\n`);
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line));
}
