/** README.md names files, tasks and rooms: each must be there. */

import { assertEquals, assertOk } from "./support/assert.ts";

const ROOT = new URL("../", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", ROOT));

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

Deno.test("README: every file and folder it names is there", () => {
  const named = [...README.matchAll(/`((?:src|tests|config)\/[\w./]*)`/g)].map(([, path]) => path!);
  assertOk(named.length > 20);
  assertEquals(named.filter((path) => !exists(path)), []);
});

Deno.test("README: each step of the life of a request names its file", () => {
  const life = README.split("## Life of a request")[1]!.split("\n## ")[0]!;
  const steps = life.split(/\n\d\. /).slice(1);
  assertEquals(steps.length, 7);
  const silent = steps.filter((step) =>
    !/`src\/[\w./]+`/.test(step) && !/same callbacks/.test(step)
  );
  assertEquals(silent, []);
});

Deno.test("README: the room map is the tree of src/", () => {
  const map = README.split("## Room map")[1]!;
  const rooms = [...Deno.readDirSync(new URL("src/", ROOT))].map((entry) => entry.name).sort();
  assertEquals(
    [...map.matchAll(/^\| \d+ +\| `src\/(\w+)\/`/gm)].map(([, room]) => room).sort(),
    rooms,
  );
});

Deno.test("README: every task it gives is one of deno.json, at the pinned version of Deno", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const named = new Set([...README.matchAll(/\btask ([a-z][\w:]*)/g)].map(([, task]) => task!));
  assertEquals([...named].filter((task) => !(task in tasks)), []);
  const pinned = /DENO_VERSION=([\d.]+)/.exec(Deno.readTextFileSync(new URL(".ci/run", ROOT)))![1]!;
  assertOk(README.includes(`deno@${pinned} task test`));
});
