// What a worker loads at its start: neither the YAML reader nor the descriptors, which cost each of
// them 7 MiB and 80 ms (STYLE.md §1).
import { assertEquals, assertOk } from "./support/assert.ts";

const ROOT = new URL("../", import.meta.url);
const ENTRY = new URL("src/server/worker_thread.ts", ROOT).href;
const REFUSED = /^npm:\/?(?:yaml|@bufbuild\/protobuf)@|\/src\/proto\/registry\.ts$|\/src\/config\//;

/** As `deno info --json` prints it; a type-only import has no `code`. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

async function modules(): Promise<ReadonlyMap<string, Module>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--quiet", "--json", ENTRY],
    cwd: ROOT,
    stderr: "null",
  }).output();
  const graph = JSON.parse(new TextDecoder().decode(stdout)) as { modules: readonly Module[] };
  return new Map(graph.modules.map((module) => [module.specifier, module]));
}

/** Every module that loads with `entry`, and the one that imports it. */
function staticGraph(entry: string, all: ReadonlyMap<string, Module>): Map<string, string> {
  const importers = new Map([[entry, ""]]);
  for (const specifier of importers.keys()) {
    for (const { code, isDynamic } of all.get(specifier)?.dependencies ?? []) {
      if (code?.specifier === undefined || isDynamic === true) continue;
      if (!importers.has(code.specifier)) importers.set(code.specifier, specifier);
    }
  }
  return importers;
}

/** The way from the entry to a module, for the failure's text. */
function wayTo(specifier: string, importers: ReadonlyMap<string, string>): string {
  const way: string[] = [];
  for (let at = specifier; at !== ""; at = importers.get(at) ?? "") {
    way.unshift(at.replace(ROOT.href, ""));
  }
  return way.join(" → ");
}

Deno.test("a worker's static imports hold neither the YAML reader nor the descriptors", async () => {
  const importers = staticGraph(ENTRY, await modules());
  const found = [...importers.keys()].filter((specifier) => REFUSED.test(specifier));
  assertEquals(found.map((specifier) => wayTo(specifier, importers)), []);
});

Deno.test("the graph is followed into other rooms and npm packages", async () => {
  const importers = staticGraph(ENTRY, await modules());
  assertOk(importers.has(new URL("src/base/mod.ts", ROOT).href));
  assertOk([...importers.keys()].some((specifier) => specifier.startsWith("npm:")));
});

Deno.test("type-only and dynamic imports are left out, the first importer is named", () => {
  const all = new Map<string, Module>([
    ["a", {
      specifier: "a",
      dependencies: [{ code: { specifier: "b" } }, {}, {
        code: { specifier: "late" },
        isDynamic: true,
      }],
    }],
    ["b", {
      specifier: "b",
      dependencies: [{ code: { specifier: "c" } }, { code: { specifier: "a" } }],
    }],
  ]);
  const importers = staticGraph("a", all);
  assertEquals([...importers.keys()], ["a", "b", "c"]);
  assertEquals(wayTo("c", importers), "a → b → c");
});
