/**
 * The layers of layered_runtime, merged: a later layer overrides an earlier one, the admin layer is
 * changed at run time. Main only; workers get the merged values.
 */

import type { Problems } from "../base/mod.ts";
import type {
  envoy_config_bootstrap_v3_LayeredRuntime,
  envoy_config_bootstrap_v3_RuntimeLayer,
  envoy_config_bootstrap_v3_RuntimeLayer_DiskLayer,
} from "../proto/mod.ts";
import type { RuntimeValues } from "./runtime.ts";

/** One layer as `/runtime` shows it: texts by key. */
export interface RuntimeLayerView {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

/** A value as read and as typed. */
interface Entry {
  readonly text: string;
  readonly value: unknown;
}

type Entries = Map<string, Entry>;

interface Layer {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly entries: Entries;
}

/** What of a bootstrap is read here. */
export interface RuntimeSource {
  readonly layeredRuntime?: envoy_config_bootstrap_v3_LayeredRuntime | undefined;
  readonly node?: { readonly cluster: string } | undefined;
}

/** Deeper or larger trees of files than this are a mistake (a symlink to `/`, say). */
const MAX_DEPTH = 16;
const MAX_FILE_BYTES = 65_536;

/**
 * The layers in their order, later ones winning; `modify` changes the admin layer, if there is
 * one.
 */
export class RuntimeLayers {
  readonly #layers: readonly Layer[];

  /** Use `mergeLayers`. */
  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
  }

  /** The merged values, typed. */
  values(): RuntimeValues {
    const merged = new Map<string, unknown>();
    for (const layer of this.#layers) {
      for (const [key, entry] of layer.entries) merged.set(key, entry.value);
    }
    return merged;
  }

  /** The layers in order, later ones win. */
  layers(): readonly RuntimeLayerView[] {
    return this.#layers.map(({ name, entries }) => ({
      name,
      values: new Map([...entries].map(([key, entry]) => [key, entry.text])),
    }));
  }

  /**
   * Sets values of the admin layer, or removes those whose text is empty.
   * @returns what is wrong, undefined if nothing
   */
  modify(changes: ReadonlyMap<string, string>): string | undefined {
    const admin = this.#layers.find((layer) => layer.isAdmin);
    if (admin === undefined) return "No admin layer specified";
    for (const [key, text] of changes) {
      if (text === "") admin.entries.delete(key);
      else admin.entries.set(key, parseText(text));
    }
    return undefined;
  }
}

/** Compiles the layers; without any there is an admin layer without a name, as in Envoy. */
export function mergeLayers(bootstrap: RuntimeSource, problems: Problems): RuntimeLayers {
  const messages = bootstrap.layeredRuntime?.layers ?? [];
  const names = new Set<string>();
  const layers: Layer[] = [];
  for (const message of messages) {
    if (names.has(message.name)) {
      problems.error(message, "name", `Duplicate layer name: ${message.name}`);
    }
    names.add(message.name);
    const layer = compileLayer(message, bootstrap.node?.cluster ?? "", problems);
    if (layer === undefined) continue;
    if (layer.isAdmin && layers.some((other) => other.isAdmin)) {
      const why = "Too many admin layers specified in LayeredRuntime, at most one may be specified";
      problems.error(message, "admin_layer", why);
    }
    layers.push(layer);
  }
  if (messages.length === 0) layers.push({ name: "", isAdmin: true, entries: new Map() });
  return new RuntimeLayers(layers);
}

function compileLayer(
  message: envoy_config_bootstrap_v3_RuntimeLayer,
  serviceCluster: string,
  problems: Problems,
): Layer | undefined {
  const { name, layerSpecifier: specifier } = message;
  switch (specifier.case) {
    case "staticLayer": {
      const entries: Entries = new Map();
      readStatic(specifier.value, "", {
        entries,
        refuse: (key) =>
          problems.error(message, "static_layer", `Invalid runtime entry value for ${key}`),
      });
      return { name, isAdmin: false, entries };
    }
    case "diskLayer": {
      const entries = readDisk(specifier.value, serviceCluster);
      return entries === undefined ? undefined : { name, isAdmin: false, entries };
    }
    case "adminLayer":
      return { name, isAdmin: true, entries: new Map() };
    case "rtdsLayer":
      problems.unsupported(message, "rtds_layer", "its values are not fetched");
      return { name, isAdmin: false, entries: new Map() };
    case undefined:
      problems.error(message, "layer_specifier", "value is required");
      return undefined;
  }
}

interface StaticTarget {
  readonly entries: Entries;
  refuse(key: string): void;
}

/** Nested objects become dotted keys; one with a numerator or denominator is a value itself. */
function readStatic(
  struct: { readonly [key: string]: unknown },
  prefix: string,
  target: StaticTarget,
): void {
  for (const [name, value] of Object.entries(struct)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (typeof value === "string") target.entries.set(key, parseText(value));
    else if (typeof value === "number" || typeof value === "boolean") {
      target.entries.set(key, { text: String(value), value });
    } else if (typeof value !== "object" || value === null || Array.isArray(value)) {
      target.refuse(key);
    } else if (isLeaf(value)) {
      target.entries.set(key, { text: JSON.stringify(value), value });
    } else readStatic(value as { [key: string]: unknown }, key, target);
  }
}

function isLeaf(value: object): boolean {
  return "numerator" in value || "denominator" in value || Object.keys(value).length === 0;
}

/** undefined if the directory is not there or cannot be read: then the layer is absent. */
function readDisk(
  message: envoy_config_bootstrap_v3_RuntimeLayer_DiskLayer,
  serviceCluster: string,
): Entries | undefined {
  const parts = [message.symlinkRoot, message.subdirectory];
  if (message.appendServiceCluster) parts.push(serviceCluster);
  const entries: Entries = new Map();
  try {
    readDirectory(parts.filter((part) => part !== "").join("/"), "", { entries, depth: 0 });
  } catch {
    return undefined;
  }
  return entries;
}

function readDirectory(
  path: string,
  prefix: string,
  target: { readonly entries: Entries; readonly depth: number },
): void {
  if (target.depth > MAX_DEPTH) throw new RangeError(`Runtime directory "${path}" is too deep`);
  for (const name of [...Deno.readDirSync(path)].map((entry) => entry.name).sort()) {
    const file = `${path}/${name}`;
    const key = prefix === "" ? name : `${prefix}.${name}`;
    const facts = Deno.statSync(file);
    if (facts.isDirectory) {
      readDirectory(file, key, { entries: target.entries, depth: target.depth + 1 });
    } else if (facts.isFile) {
      if (facts.size > MAX_FILE_BYTES) throw new RangeError(`Runtime file "${file}" is too large`);
      target.entries.set(key, parseText(valueOf(Deno.readTextFileSync(file))));
    }
  }
}

/** A file's lines without comments and empty ones; blanks at the end do not count. */
function valueOf(content: string): string {
  return content.split("\n").filter((line) => line !== "" && !line.startsWith("#")).join("\n")
    .trimEnd();
}

/** Texts that are numbers, booleans or fractions have that type besides. */
function parseText(text: string): Entry {
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  if (lower === "true" || lower === "false") return { text, value: lower === "true" };
  if (trimmed !== "" && Number.isFinite(Number(trimmed))) return { text, value: Number(trimmed) };
  return { text, value: parseFraction(trimmed) ?? text };
}

/** `numerator: 5` with or without a denominator, as YAML lines or as JSON. */
function parseFraction(text: string): object | undefined {
  const numerator = /^\s*[{]?\s*"?numerator"?\s*:\s*(\d+)/m.exec(text)?.[1] ??
    /[,{]\s*"?numerator"?\s*:\s*(\d+)/.exec(text)?.[1];
  if (numerator === undefined) return undefined;
  const denominator = /"?denominator"?\s*:\s*"?(HUNDRED|TEN_THOUSAND|MILLION)\b/.exec(text)?.[1];
  return { numerator: Number(numerator), denominator: denominator ?? "HUNDRED" };
}
