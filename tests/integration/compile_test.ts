// `deno task compile` embeds all that the executable opens or imports late. Where the runtime of
// compiled programs cannot be downloaded, any deno serves as one: the listing is what counts.
import { assertEquals, assertOk } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);

interface DenoConfig {
  readonly tasks: { readonly compile: { readonly command: string } };
  readonly imports: Readonly<Record<string, string>>;
}

const CONFIG = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))) as DenoConfig;
/** Packages that only tests import. */
const TEST_PACKAGES: readonly string[] = ["yaml"];
const REGISTRIES: readonly string[] = [
  "src/access_log/sinks/registry.ts",
  "src/filters/http/registry.ts",
  "src/filters/listener/registry.ts",
  "src/filters/network/registry.ts",
  "src/server/extensions.ts",
];
const OPENED: readonly string[] = [
  "main.ts",
  "src/server/worker.ts",
  "src/proto/envoy.binpb",
  "src/proto/absent_packages.txt",
  "src/proto/extensions.txt",
  "src/proto/type_names.txt",
  "src/proto/v2_types.txt",
];

/** Runs the compile task into a temporary folder. @returns what it printed */
async function listing(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "denvoy-compile-" });
  try {
    const [, ...args] = CONFIG.tasks.compile.command.split(" ");
    args[args.indexOf("-o") + 1] = `${dir}/denvoy`;
    // Types are `deno task check`'s.
    args.splice(1, 0, "--no-check");
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: ROOT,
      env: { DENORT_BIN: Deno.execPath(), NO_COLOR: "1" },
    }).output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    assertEquals(code, 0, text);
    return text;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Paths of the tree under "Embedded Files"; `folder/*` stands for a whole folder. */
function paths(text: string): Set<string> {
  const found = new Set<string>();
  const folders: string[] = [];
  for (const [, branch = "", name = ""] of text.matchAll(/^([│├└─┬ ]+)(\S+) \(/gm)) {
    // "├── " at the root, two columns more for each folder.
    const depth = branch.length / 2 - 2;
    folders.length = depth;
    folders.push(name);
    found.add(folders.join("/"));
  }
  return found;
}

/** The file itself, or any folder above it as a whole. */
function holds(embedded: ReadonlySet<string>, path: string): boolean {
  const parts = path.split("/");
  return embedded.has(path) ||
    parts.some((_, i) => embedded.has([...parts.slice(0, i), "*"].join("/")));
}

/** Modules that a registry imports only when configured. */
function lateImports(registry: string): string[] {
  const url = new URL(registry, ROOT);
  const imports = Deno.readTextFileSync(url).matchAll(/\bimport\("([^"]+)"\)/g);
  return [...imports].map(([, path]) => new URL(path!, url).href.slice(ROOT.href.length));
}

Deno.test("the listing's tree is read as paths", () => {
  const embedded = paths(`Embedded Files

denvoy
├─┬ lib (7.05MB - 6.57MB unique)
│ └─┬ @a (1KB)
│   └── b/* (1.92MB)
├── main.ts (548B)
└─┬ src (4.52MB)
  └── x.ts (1B)

Files: 11.28MB
`);
  assertEquals([...embedded], ["lib", "lib/@a", "lib/@a/b/*", "main.ts", "src", "src/x.ts"]);
  assertOk(holds(embedded, "lib/@a/b/1/c.js"));
  assertOk(!holds(embedded, "src/y.ts"));
});

Deno.test("the executable embeds the worker, the descriptors, late modules and packages", async (t) => {
  const text = await listing();
  const embedded = paths(text);
  await t.step("files that are opened by name", () => {
    assertEquals(OPENED.filter((path) => !holds(embedded, path)), []);
  });
  await t.step("modules that registries import late", () => {
    const late = REGISTRIES.flatMap(lateImports);
    assertOk(late.length > 0);
    assertEquals(late.filter((path) => !holds(embedded, path)), []);
  });
  await t.step("npm packages", () => {
    const packages = Object.entries(CONFIG.imports)
      .filter(([name]) => !TEST_PACKAGES.includes(name)).map(([, specifier]) => specifier)
      .map((specifier) => /^npm:((?:@[^/]+\/)?[^@]+)@([^/]+)/.exec(specifier))
      .map((match) => `.deno_compile_node_modules/localhost/${match?.[1]}/${match?.[2]}/*`);
    assertEquals(packages.filter((path) => !holds(embedded, path)), []);
  });
});
