// One file, one registry line, one test, one README row for each extension (STYLE.md §1).
import { ACCESS_LOGGERS } from "../src/access_log/sinks/registry.ts";
import { HTTP_FILTERS } from "../src/filters/http/registry.ts";
import { LISTENER_FILTERS } from "../src/filters/listener/registry.ts";
import { NETWORK_FILTERS } from "../src/filters/network/registry.ts";
import { OPERATORS } from "../src/formatter/operators/registry.ts";
import { CLUSTER_TYPES } from "../src/upstream/provided/registry.ts";
import { LB_POLICIES } from "../src/upstream/lb/registry.ts";
import { assertEquals, assertOk } from "./support/assert.ts";

const ROOT = new URL("../", import.meta.url);

/** Policies whose tables stand in a file other than the one that all policies share. */
const LB_TESTS: Readonly<Record<string, string>> = {
  client_side_weighted_round_robin: "client_side_weighted_round_robin",
  wrr_locality: "wrr_locality",
  maglev: "hash",
  override_host: "override_host",
  ring_hash: "hash",
  subset: "subset",
};

interface Row {
  readonly name: string;
  readonly type?: string;
  readonly load?: () => Promise<unknown>;
}

interface Registry {
  /** Below src/. */
  readonly folder: string;
  readonly rows: readonly Row[];
  /** A row's file in the folder. */
  readonly fileOf: (shortName: string) => string;
  /** A row's test below tests/. */
  readonly testOf: (shortName: string) => string;
  /** What that test says of the row, where one test has them all. */
  readonly sharedTest?: (shortName: string) => RegExp;
}

const ownFile = (shortName: string): string => `${shortName}.ts`;

const REGISTRIES: readonly Registry[] = [
  {
    folder: "filters/http",
    rows: HTTP_FILTERS,
    fileOf: ownFile,
    testOf: (shortName) => `filters/http/${shortName}_test.ts`,
  },
  {
    folder: "filters/network",
    rows: NETWORK_FILTERS,
    fileOf: ownFile,
    testOf: (shortName) => `filters/network/${shortName}_test.ts`,
  },
  {
    folder: "filters/listener",
    rows: LISTENER_FILTERS,
    fileOf: ownFile,
    testOf: (shortName) => `filters/listener/${shortName}_test.ts`,
  },
  {
    folder: "access_log/sinks",
    rows: ACCESS_LOGGERS,
    // stdout and stderr are one stream sink.
    fileOf: (shortName) => shortName.startsWith("std") ? "stream.ts" : `${shortName}.ts`,
    testOf: (shortName) =>
      `access_log/${shortName.startsWith("std") ? "stream_sink" : "sinks"}_test.ts`,
    sharedTest: (shortName) => new RegExp(`\\b${shortName}AccessLog\\b`),
  },
  {
    folder: "upstream/provided",
    rows: CLUSTER_TYPES,
    fileOf: ownFile,
    testOf: (shortName) => `upstream/provided/${shortName}_test.ts`,
  },
  {
    folder: "upstream/lb",
    rows: LB_POLICIES,
    fileOf: ownFile,
    testOf: (shortName) => `upstream/lb/${LB_TESTS[shortName] ?? "load_balancer"}_test.ts`,
    sharedTest: (shortName) => new RegExp(`["'.]${shortName}\\b`),
  },
];

/** The last part of a name: `tcp_proxy` of envoy.filters.network.tcp_proxy. */
function shortName(row: Row): string {
  return row.name.split(".").at(-1)!;
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(path, ROOT));
  } catch {
    return undefined;
  }
}

/** Whether a test exists that covers the row. */
function isTested(registry: Registry, row: Row): boolean {
  const text = textOf(`tests/${registry.testOf(shortName(row))}`);
  return text !== undefined && (registry.sharedTest?.(shortName(row)).test(text) ?? true);
}

/** A name set as code, whole or only its last part. */
function inCode(shortName: string): RegExp {
  return new RegExp(`\`(?:[\\w.]+\\.)?${shortName}\``);
}

/** The part of README.md that tells what works. */
function whatWorks(): string {
  const text = textOf("README.md");
  assertOk(text !== undefined, "README.md is missing");
  const section = /^##+ What works\b[^]*?(?=^## |(?![^]))/m.exec(text)?.[0];
  assertOk(section !== undefined, 'README.md has no section "What works"');
  return section;
}

for (const registry of REGISTRIES) {
  const { folder, rows } = registry;

  Deno.test(`${folder}: rows stand in name order, each once`, () => {
    const names = rows.map((row) => row.name);
    assertEquals(names, [...new Set(names)].sort());
  });

  Deno.test(`${folder}: each row has its file`, () => {
    const files = rows.map((row) => `src/${folder}/${registry.fileOf(shortName(row))}`);
    assertEquals(files.filter((file) => textOf(file) === undefined), []);
  });

  Deno.test(`${folder}: each row loads the extension it names`, async () => {
    for (const row of rows) {
      const factory = (row.load === undefined ? row : await row.load()) as Row;
      assertEquals([factory.name, factory.type], [row.name, row.type]);
    }
  });

  Deno.test(`${folder}: each row has its test`, () => {
    const bare = rows.filter((row) => !isTested(registry, row)).map((row) => row.name);
    assertEquals(bare, []);
  });

  Deno.test(`${folder}: each row is named in the README`, () => {
    const section = whatWorks();
    const bare = rows.filter((row) => !inCode(shortName(row)).test(section));
    assertEquals(bare.map((row) => row.name), []);
  });
}

Deno.test("formatter/operators: each operator has a row in the table test", () => {
  const table = textOf("tests/formatter/operators_test.ts") ?? "";
  const bare = OPERATORS.map((row) => row.name)
    .filter((name) => !new RegExp(`["'%]${name}\\b`).test(table));
  assertEquals(bare, []);
});
