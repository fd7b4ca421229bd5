/**
 * The real worker with a way to go wrong: once a file `<fault>-<any>` lies in DENVOY_TEST_FAULTS,
 * one worker takes it away and does what it says. Only tests name this entry.
 */

import "../../src/server/worker.ts";

const folder = Deno.env.get("DENVOY_TEST_FAULTS")!;

const FAULTS: Readonly<Record<string, () => void>> = {
  throw: () => {
    throw new Error("a fault of the worker");
  },
  hang: () => {
    for (;;);
  },
  exit: () => Deno.exit(0),
  grow: () => {
    const kept: number[][] = [];
    const more = (): void => {
      for (let i = 0; i < 100; i++) kept.push(Array.from({ length: 1000 }, (_, at) => at + 0.5));
      setTimeout(more, 5);
    };
    more();
  },
};

setInterval(() => {
  for (const { name } of Deno.readDirSync(folder)) {
    const fault = FAULTS[name.split("-")[0]!];
    if (fault === undefined) continue;
    try {
      Deno.removeSync(`${folder}/${name}`);
    } catch {
      continue; // Another worker was faster.
    }
    fault();
  }
}, 10);
