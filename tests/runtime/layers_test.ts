// Merging runtime layers; disk layers were compared with Envoy 1.40 file by file.
import { mergeLayers, type RuntimeLayers } from "../../src/runtime/mod.ts";
import type { envoy_config_bootstrap_v3_LayeredRuntime } from "../../src/proto/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { decodeMessage } from "../support/messages.ts";

interface Merged {
  readonly layers: RuntimeLayers;
  readonly problems: readonly string[];
}

async function merge(...layers: object[]): Promise<Merged> {
  const decoded = await decodeMessage<envoy_config_bootstrap_v3_LayeredRuntime>(
    "envoy.config.bootstrap.v3.LayeredRuntime",
    { layers },
  );
  const merged = mergeLayers({ layeredRuntime: decoded.message }, decoded.sink);
  return { layers: merged, problems: decoded.problems().map((problem) => problem.message) };
}

const statics = (name: string, static_layer: object): object => ({ name, static_layer });

// deno-fmt-ignore
const VALUES: readonly (readonly [name: string, layer: object, want: object])[] = [
  ["nested objects as dotted keys", { a: { b: 1, c: { d: true } }, "q.r": 7 }, { "a.b": 1, "a.c.d": true, "q.r": 7 }],
  ["texts that are numbers or booleans", { s: "12", t: "true", u: "words" }, { s: 12, t: true, u: "words" }],
  ["fractions as values", { f: { numerator: 5, denominator: "TEN_THOUSAND" } }, { f: { numerator: 5, denominator: "TEN_THOUSAND" } }],
  ["an empty object as a value", { e: {} }, { e: {} }],
];
for (const [name, layer, want] of VALUES) {
  Deno.test(`runtime static layer reads ${name}`, async () => {
    const { layers, problems } = await merge(statics("s", layer));
    assertEquals(problems, []);
    assertEquals(Object.fromEntries(layers.values()), want);
  });
}

// deno-fmt-ignore
const REFUSED: readonly (readonly [name: string, layers: object[], want: RegExp])[] = [
  ["a list", [statics("s", { a: [1] })], /^Invalid runtime entry value for a$/],
  ["a list further down", [statics("s", { a: { b: [1] } })], /^Invalid runtime entry value for a\.b$/],
  ["null", [statics("s", { n: null })], /^Invalid runtime entry value for n$/],
  ["a name used twice", [statics("s", {}), statics("s", {})], /^Duplicate layer name: s$/],
  ["two admin layers", [{ name: "a", admin_layer: {} }, { name: "b", admin_layer: {} }], /^Too many admin layers/],
];
for (const [name, layers, want] of REFUSED) {
  Deno.test(`runtime refuses ${name}`, async () => {
    assertMatch((await merge(...layers)).problems.join("\n"), want);
  });
}

Deno.test("runtime: a later layer overrides an earlier one, each keeps its own texts", async () => {
  const { layers } = await merge(statics("one", { a: 1, b: 1 }), statics("two", { a: 2 }));
  assertEquals(Object.fromEntries(layers.values()), { a: 2, b: 1 });
  assertEquals(layers.layers().map(({ name, values }) => [name, Object.fromEntries(values)]), [
    ["one", { a: "1", b: "1" }],
    ["two", { a: "2" }],
  ]);
});

Deno.test("runtime: the admin layer is changed and cleared", async () => {
  const { layers } = await merge(statics("base", { a: 1 }), { name: "admin", admin_layer: {} });
  assertEquals(layers.modify(new Map([["a", "7"], ["new", "words"]])), undefined);
  assertEquals(Object.fromEntries(layers.values()), { a: 7, new: "words" });
  layers.modify(new Map([["a", ""], ["new", ""]]));
  assertEquals(Object.fromEntries(layers.values()), { a: 1 });
});

Deno.test("runtime without an admin layer cannot be changed", async () => {
  const { layers } = await merge(statics("base", {}));
  assertEquals(layers.modify(new Map([["a", "1"]])), "No admin layer specified");
});

Deno.test("runtime without layers has a nameless admin layer", async () => {
  const { layers } = await merge();
  assertEquals(layers.layers().map(({ name }) => name), [""]);
  assertEquals(layers.modify(new Map([["a", "1"]])), undefined);
});

Deno.test("runtime disk layer reads files, comments left out", async () => {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/env/sub/deep`, { recursive: true });
    const files = {
      "k1": "5\n",
      "k2": "# comment\nhello\n\n# x\nworld\n",
      "sub/k3": "  8  \n",
      "sub/deep/k5": "1.5",
      "frac": "numerator: 5\ndenominator: MILLION\n",
      "json": '{"numerator": 7}',
    };
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${root}/env/${name}`, text);
    }
    const disk = { symlink_root: root, subdirectory: "env" };
    const { layers } = await merge({ name: "disk", disk_layer: disk });
    assertEquals(Object.fromEntries(layers.values()), {
      k1: 5,
      k2: "hello\nworld",
      "sub.k3": 8,
      "sub.deep.k5": 1.5,
      frac: { numerator: 5, denominator: "MILLION" },
      json: { numerator: 7, denominator: "HUNDRED" },
    });
    assertEquals(layers.layers()[0]!.values.get("sub.k3"), "  8");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("runtime disk layer that is not there is no layer", async () => {
  const disk_layer = { symlink_root: "/nonexistent", subdirectory: "x" };
  const { layers, problems } = await merge({ name: "disk", disk_layer }, statics("s", {}));
  assertEquals([layers.layers().map(({ name }) => name), problems], [["s"], []]);
});
