import { assertEquals } from "../support/assert.ts";
import { FUZZ_TARGETS } from "./targets.ts";

for (const { name, shortRounds, fuzz } of FUZZ_TARGETS) {
  Deno.test(`fuzz: ${name}, ${shortRounds} rounds of a fixed seed`, () => fuzz(shortRounds, 1));
}

Deno.test("fuzz: every target file is in the list", () => {
  const files = [...Deno.readDirSync(new URL("./", import.meta.url))].map((entry) => entry.name)
    .filter((name) => name.endsWith("_fuzz.ts")).sort();
  assertEquals(FUZZ_TARGETS.map((target) => `${target.name}_fuzz.ts`), files);
});
