/** Contents of a DataSource: a file, inline, or an environment variable. Read when it is compiled. */

import type { BaseCompileContext } from "../base/mod.ts";
import type { envoy_config_core_v3_DataSource } from "../proto/mod.ts";

/** Certificates and keys are small; anything larger is a mistake or an attack on memory. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The bytes, empty where Envoy takes them for missing; a file that cannot be read is empty, too. */
export function readDataSource(
  source: envoy_config_core_v3_DataSource | undefined,
  context: BaseCompileContext,
): Uint8Array {
  const specifier = source?.specifier;
  switch (specifier?.case) {
    case "filename":
      return readFile(specifier.value);
    case "inlineBytes":
      return specifier.value;
    case "inlineString":
      return new TextEncoder().encode(specifier.value);
    case "environmentVariable":
      return new TextEncoder().encode(context.server.environment(specifier.value) ?? "");
    case undefined:
      return EMPTY;
  }
}

/** As text; PEM is ASCII. */
export function readDataSourceText(
  source: envoy_config_core_v3_DataSource | undefined,
  context: BaseCompileContext,
): string {
  return new TextDecoder().decode(readDataSource(source, context));
}

/** How Envoy names a source in its errors. */
export function dataSourceName(source: envoy_config_core_v3_DataSource | undefined): string {
  return source?.specifier.case === "filename" ? source.specifier.value : "<inline>";
}

const EMPTY = new Uint8Array(0);

function readFile(path: string): Uint8Array {
  try {
    return Deno.statSync(path).size > MAX_BYTES ? EMPTY : Deno.readFileSync(path);
  } catch {
    return EMPTY;
  }
}
