/**
 * Reads the raw file descriptors that protoc-gen-go writes into `*.pb.go`, without compiling any
 * Go. Used by `gen_proto.ts` only.
 */

import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import * as wkt from "@bufbuild/protobuf/wkt";
import { create, type DescFile, fromBinary } from "@bufbuild/protobuf";

const ENCODER = new TextEncoder();
/** Go's one-letter escapes (The Go Programming Language Specification, rune literals). */
const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  "'": 39,
  "\\": 92,
};
/** Digits after `\x`, `\u` and `\U`. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

const STRING_LITERALS = /\nconst file_\w+_rawDesc = ""((?: \+\n\t"(?:[^"\\]|\\.)*")+)/;
const BYTE_LIST = /\nvar file_\w+_rawDesc = (?:\[\]byte\{|string\(\[\]byte\{)([^}]*)\}/;

/** Appends the bytes of an interpreted Go string literal's body to `out`. */
export function unquoteGo(body: string, out: number[]): void {
  for (let i = 0; i < body.length; i++) {
    const unit = body.charCodeAt(i);
    if (unit !== 0x5c) {
      const point = body.codePointAt(i)!;
      if (point > 0xffff) i++;
      out.push(...(unit < 0x80 ? [unit] : ENCODER.encode(String.fromCodePoint(point))));
      continue;
    }
    const letter = body[++i]!;
    const digits = HEX_DIGITS[letter];
    if (digits !== undefined) {
      const value = parseInt(body.slice(i + 1, i + 1 + digits), 16);
      out.push(...(letter === "x" ? [value] : ENCODER.encode(String.fromCodePoint(value))));
      i += digits;
    } else if (letter >= "0" && letter <= "7") {
      out.push(parseInt(body.slice(i, i + 3), 8));
      i += 2;
    } else {
      out.push(ESCAPES[letter]!);
    }
  }
}

/** The raw descriptor in one Go file, or undefined where it holds none (`*_grpc.pb.go`). */
export function rawDescriptor(source: string): Uint8Array | undefined {
  const literals = STRING_LITERALS.exec(source);
  if (literals !== null) {
    const out: number[] = [];
    for (const literal of literals[1]!.matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
      unquoteGo(literal[1]!, out);
    }
    return Uint8Array.from(out);
  }
  const list = BYTE_LIST.exec(source);
  if (list === null) return undefined;
  return Uint8Array.from(list[1]!.split(",").map((s) => s.trim()).filter(Boolean).map(Number));
}

/** Folders of a module that hold test protocols of its own. */
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(["internal", "testdata", "tests"]);

function* goFiles(dir: string): Generator<string> {
  for (const entry of Deno.readDirSync(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory && !SKIPPED_FOLDERS.has(entry.name)) yield* goFiles(path);
    else if (entry.name.endsWith(".pb.go")) yield path;
  }
}

/** Every file descriptor below `dirs`, dependencies first; names what is imported but not there. */
export function readGoDescriptors(
  dirs: readonly string[],
): { readonly set: FileDescriptorSet; readonly missing: readonly string[] } {
  const byName = new Map<string, FileDescriptorProto>();
  for (const dir of dirs) {
    for (const path of goFiles(dir)) {
      const raw = rawDescriptor(Deno.readTextFileSync(path));
      if (raw === undefined) continue;
      const file = fromBinary(FileDescriptorProtoSchema, raw);
      byName.set(file.name, file);
    }
  }
  // google/protobuf/*.proto come with the npm package, so that both sides agree on them.
  for (const value of Object.values(wkt)) {
    const file = value as DescFile;
    if (file.kind === "file" && !byName.has(file.proto.name)) {
      byName.set(file.proto.name, file.proto);
    }
  }
  return inDependencyOrder(byName);
}

function inDependencyOrder(
  byName: ReadonlyMap<string, FileDescriptorProto>,
): { readonly set: FileDescriptorSet; readonly missing: readonly string[] } {
  const seen = new Set<string>();
  const missing: string[] = [];
  const file: FileDescriptorProto[] = [];
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const found = byName.get(name);
    if (found === undefined) {
      missing.push(name);
      return;
    }
    found.dependency.forEach(visit);
    file.push(found);
  };
  [...byName.keys()].sort().forEach(visit);
  return { set: create(FileDescriptorSetSchema, { file }), missing };
}
