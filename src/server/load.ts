/**
 * From a file to messages with positions: read, decode, merge the runtime layers. What only shows
 * when messages are compiled is found by check.ts (validate) or by the first worker (serve).
 */

import {
  collectGarbage,
  type ConfigProblem,
  type Problems,
  type ServerFacts,
  type ServerLocality,
} from "../base/mod.ts";
import { decodeBootstrap, type Decoder, formatOf, LazyDumper, sizeProblem } from "../config/mod.ts";
import type {
  envoy_config_bootstrap_v3_Bootstrap,
  envoy_config_core_v3_Locality,
} from "../proto/mod.ts";
import { loadRegistry } from "../proto/registry.ts";
import { mergeLayers, type RuntimeLayers } from "../runtime/mod.ts";
import { serverFacts } from "./compile_context.ts";
import { typeNamesIn } from "./type_names.ts";

/** Characters of a text whose reading leaves tens of megabytes of garbage. */
const LARGE_TEXT = 512 * 1024;

/** What to load. */
export interface LoadOptions {
  readonly configPath: string | undefined;
  readonly configYaml: string | undefined;
  readonly serviceNode: string;
  readonly serviceCluster: string;
  readonly serviceZone: string;
  readonly hostname: string;
  readonly version: string;
  readonly drainTimeMs: number;
  /** `--drain-strategy immediate`. */
  readonly drainsAtOnce: boolean;
}

/** A configuration with everything main needs of it. */
export interface LoadedConfig {
  readonly bootstrap: envoy_config_bootstrap_v3_Bootstrap;
  /** In the order of the text. */
  readonly problems: readonly ConfigProblem[];
  /** The sink of compile steps; what they report joins `problems`. */
  problemsFor(): Problems;
  readonly typeNames: readonly string[];
  readonly runtime: RuntimeLayers;
  readonly facts: ServerFacts;
  readonly dumper: LazyDumper;
  readonly decoder: Decoder;
  /** Forgets the text and its positions, once nothing more is compiled from it. */
  release(): void;
}

/** The problem of a file that cannot be read or is too large, before anything is parsed. */
async function readText(path: string): Promise<string | ConfigProblem> {
  const refuse = (message: string): ConfigProblem => ({
    file: path,
    line: 0,
    column: 0,
    path: "",
    message,
    severity: "error",
  });
  try {
    const { size } = await Deno.stat(path);
    const tooLarge = sizeProblem(size, formatOf(path));
    return tooLarge === undefined ? await Deno.readTextFile(path) : refuse(tooLarge);
  } catch (error) {
    return refuse(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Loads and checks; `problems` tells whether it may run. Undefined parts follow an unreadable file. */
export async function loadConfig(
  options: LoadOptions,
): Promise<LoadedConfig | { readonly problems: readonly ConfigProblem[] }> {
  const { configPath, configYaml } = options;
  const text = configPath === undefined ? "" : await readText(configPath);
  if (typeof text !== "string") return { problems: [text] };
  const registry = await loadRegistry();
  const decoded = decodeBootstrap(
    text,
    configPath ?? "",
    registry,
    configYaml === undefined ? {} : { configYaml },
  );
  if (hasErrors(decoded.problems)) return { problems: decoded.problems };
  // What reading a large text leaves behind would stay beside all that is compiled from it.
  if (text.length > LARGE_TEXT) collectGarbage();
  const { bootstrap } = decoded;
  const typeNames = [...typeNamesIn(bootstrap)];
  const runtime = mergeLayers(bootstrap, decoded.problemsFor());
  const facts = serverFacts(nodeOf(bootstrap, options), options);
  return {
    bootstrap,
    get problems() {
      return decoded.problems;
    },
    problemsFor: () => decoded.problemsFor(),
    typeNames,
    runtime,
    facts,
    dumper: new LazyDumper(),
    decoder: decoded.decoder,
    release: () => decoded.release(),
  };
}

/** Whether Envoy would refuse it. */
export function hasErrors(problems: readonly ConfigProblem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

function nodeOf(
  bootstrap: envoy_config_bootstrap_v3_Bootstrap,
  options: LoadOptions,
): Parameters<typeof serverFacts>[0] {
  const node = bootstrap.node;
  return {
    id: node?.id || options.serviceNode,
    cluster: node?.cluster || options.serviceCluster,
    locality: localityOf(node?.locality, options.serviceZone),
    metadata: node?.metadata ?? {},
  };
}

/** `--service-zone` fills in a zone that the node does not name. */
function localityOf(
  locality: envoy_config_core_v3_Locality | undefined,
  serviceZone: string,
): ServerLocality | undefined {
  if (locality === undefined && serviceZone === "") return undefined;
  return {
    region: locality?.region ?? "",
    zone: locality?.zone || serviceZone,
    subZone: locality?.subZone ?? "",
  };
}
