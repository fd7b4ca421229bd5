/**
 * `deno task gen:proto` (maintainers; needs Go): Envoy's API descriptors from the Go modules in
 * `go_modules.txt`, cut down to what `roots.txt` reaches (`envoy.binpb`), and the names of all
 * message types, cut or not (`type_names.txt`), and which v3 type took the place of which v2 type
 * (`v2_types.txt`). `--check` compares instead of writing.
 */

import { createFileRegistry, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { readGoDescriptors } from "./go_descriptors.ts";
import { prune } from "./prune.ts";

/** Messages about descriptors, which no configuration holds. */
const SKIPPED_TYPES = /^(google\.protobuf\.|validate\.|xds\.annotations\.|udpa\.annotations\.)/;

function lines(name: string): string[] {
  const text = Deno.readTextFileSync(new URL(name, import.meta.url));
  return text.split("\n").map((line) => line.trim()).filter((l) => l !== "" && !l.startsWith("#"));
}

/** Downloads one module with the Go tool and returns the folder it was unpacked to. */
function download(module: string, cwd: string): string {
  const { code, stdout, stderr } = new Deno.Command("go", {
    args: ["mod", "download", "-json", module.replace(" ", "@")],
    cwd,
  }).outputSync();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(`go mod download ${module}: ${text.decode(stderr)}`);
  return (JSON.parse(text.decode(stdout)) as { Dir: string }).Dir;
}

const ABSENT: ReadonlySet<string> = new Set(lines("absent_packages.txt"));
const OLD_VERSION = /^envoy\..*\.v[12](alpha\d*)?$/;

/** One line a package: `envoy.config.route.v3 Route RouteAction RouteAction.HashPolicy …`. */
export function typeNamesText(set: FileDescriptorSet): string {
  const packages = new Map<string, string[]>();
  for (const type of createFileRegistry(set)) {
    if (type.kind !== "message" || SKIPPED_TYPES.test(type.typeName)) continue;
    const name = type.file.proto.package;
    if (ABSENT.has(name) || OLD_VERSION.test(name)) continue;
    const short = type.typeName.slice(name.length + 1);
    const names = packages.get(name);
    if (names === undefined) packages.set(name, [short]);
    else names.push(short);
  }
  const rows = [...packages].map(([name, types]) => `${name} ${types.sort().join(" ")}`);
  return rows.sort().join("\n") + "\n";
}

/** Field number of the message option udpa.annotations.versioning. */
const VERSIONING = 7881811;

/** The v2 name in a versioning option (its field 1): bytes are length, tag, length, name. */
function previousName(type: DescMessage): string | undefined {
  const option = type.proto.options?.$unknown?.find((unknown) => unknown.no === VERSIONING);
  if (option === undefined) return undefined;
  const reader = new BinaryReader(new BinaryReader(option.data).bytes());
  return reader.tag()[0] === 1 ? reader.string() : undefined;
}

/** One line a v3 message that had another name: `v3-name v2-name`. Nested messages are left out. */
export function v2TypesText(set: FileDescriptorSet): string {
  const rows: string[] = [];
  for (const type of createFileRegistry(set)) {
    if (type.kind !== "message" || type.parent !== undefined) continue;
    const name = type.file.proto.package;
    if (ABSENT.has(name) || OLD_VERSION.test(name)) continue;
    const previous = previousName(type);
    if (previous !== undefined) rows.push(`${type.typeName} ${previous}`);
  }
  return rows.sort().join("\n") + "\n";
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function main(isCheck: boolean): boolean {
  const cwd = Deno.makeTempDirSync();
  let made: { readonly set: FileDescriptorSet; readonly missing: readonly string[] };
  try {
    Deno.writeTextFileSync(`${cwd}/go.mod`, "module descriptors\n");
    made = readGoDescriptors(lines("go_modules.txt").map((module) => download(module, cwd)));
  } finally {
    Deno.removeSync(cwd, { recursive: true });
  }
  if (made.missing.length > 0) throw new RangeError(`Imported, not found: ${made.missing}`);
  const texts: Readonly<Record<string, string>> = {
    "type_names.txt": typeNamesText(made.set),
    "v2_types.txt": v2TypesText(made.set),
  };
  const pruned = toBinary(FileDescriptorSetSchema, prune(made.set, lines("roots.txt")));
  const setUrl = new URL("envoy.binpb", import.meta.url);
  if (isCheck) {
    return isSame(Deno.readFileSync(setUrl), pruned) &&
      Object.entries(texts).every(([name, text]) =>
        Deno.readTextFileSync(new URL(name, import.meta.url)) === text
      );
  }
  Deno.writeFileSync(setUrl, pruned);
  for (const [name, text] of Object.entries(texts)) {
    Deno.writeTextFileSync(new URL(name, import.meta.url), text);
  }
  return true;
}

if (import.meta.main && !main(Deno.args.includes("--check"))) {
  throw new Error("The committed files are not what the Go modules give");
}
