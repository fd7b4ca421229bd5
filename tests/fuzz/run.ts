/** `deno task fuzz [SECONDS [SEED]]`: every fuzz target for a while; prints what broke and how to repeat it. */

const HERE = new URL("./", import.meta.url);
const seconds = Number(Deno.args[0] ?? 20);
const seed = Number(Deno.args[1] ?? Date.now() % 2 ** 31);

/** What a target exports: runs for so long from a seed; throws at the first finding. */
interface FuzzTarget {
  fuzzFor?(seconds: number, seed: number): unknown;
}

for (const entry of [...Deno.readDirSync(HERE)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!entry.name.endsWith("_fuzz.ts")) continue;
  const target: FuzzTarget = await import(new URL(entry.name, HERE).href);
  if (target.fuzzFor === undefined) continue;
  Deno.stdout.writeSync(new TextEncoder().encode(`${entry.name}: seed ${seed}, ${seconds} s\n`));
  await target.fuzzFor(seconds, seed);
}
